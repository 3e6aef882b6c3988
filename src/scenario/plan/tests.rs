//! The plan as a whole: what the engine and the ledger rely on.

use proptest::prelude::{any, prop_assert, prop_assert_eq, proptest};
use std::collections::{HashMap, HashSet};
use std::time::Duration;

use super::urls::per_url;
use super::{Inquiry, Life, Payload, Plan, Publication, Start};
use crate::observe::{GroupId, RequestId, RoomId};
use crate::scenario::{Overrides, Scenario, Source, load, parse};
use crate::wire::{MARKER_LEN, Marker, Markers};

fn scenario(seed: u64, text: &str) -> Scenario {
    let overrides = Overrides { seed: Some(seed), ..Overrides::default() };
    parse(Source::new("test.toml", text), &overrides, &|_| None).unwrap()
}

fn quickstart() -> Scenario {
    load("@quickstart", &Overrides::default(), &|_| None).unwrap()
}

const SERVER: &str = "[server]\ninstances = 2\n[run]\nwarm_up = '2s'\nduration = '20s'\n";

fn moving(seed: u64) -> Scenario {
    scenario(
        seed,
        &format!(
            "{SERVER}
            [[clients]]
            name = 'stay'
            count = 30
            stay = 'exponential(4s)'
            rooms = {{ count = 5, per_client = 2 }}
            [[clients]]
            name = 'steps'
            count = [{{ at = '0s', n = 3 }}, {{ at = '5s', n = 20 }}, {{ at = '15s', n = 2 }}]
            rooms = {{ same_as = 'stay' }}
            [[clients]]
            name = 'arrive'
            arrive = {{ rate = '10/s' }}
            stay = '1s..3s'
            rooms = {{ same_as = 'stay', pick = 'zipf(1.1)' }}
            [[publish]]
            name = 'a'
            from = 'stay'
            rate = '50/s'
            [[publish]]
            name = 'b'
            from = 'steps'
            rate = [{{ at = '0s', rate = '10/s' }}, {{ at = '10s', rate = '100/s' }}]
            ramp = true
            arrival = 'poisson'
            text = {{ size = 'lognormal(120B, 0.8)' }}
            [[publish]]
            name = 'c'
            from = 'arrive'
            every = '200ms..2s'
            [[publish]]
            name = 'd'
            from = 'stay'
            rate = '20/s'
            arrival = 'burst(10)'
            to = 'room-3'
            "
        ),
    )
}

#[test]
fn quickstart_spreads_every_room_over_both_instances() {
    let scenario = quickstart();
    let plan = Plan::new(&scenario);
    assert_eq!(plan.lives().len(), 1_000);
    assert_eq!(plan.members_at(Duration::ZERO), [100; 10]);
    for room in (0..10).map(RoomId) {
        for (group, each) in [(0, 45), (1, 5)] {
            let members = plan.lives().iter().filter(|life| life.group == GroupId(group));
            assert_eq!(per_url(members, room, 2), [each, each], "{room:?} of group {group}");
        }
    }
    let users: HashSet<u32> = plan.lives().iter().map(|life| life.user).collect();
    assert_eq!(users.len(), 1_000);
    assert!(plan.lives().iter().all(|life| matches!(life.start, Start::BeforeT0(at) if at < Duration::from_secs(2))));
    let said = plan.publications().count() as f64;
    assert!((said - 4_600.0).abs() < 5.0 * 4_600f64.sqrt(), "{said}");
    let expected = plan.expected_at(Duration::from_secs(10));
    assert_eq!(expected.publications, 200.0);
    assert!(expected.deliveries == 20_000.0 || expected.deliveries == 19_800.0);
}

#[test]
fn few_members_span_the_instances_too() {
    for (clients, rooms, per_client) in [(20, 10, 1), (7, 3, 2), (12, 4, 3), (30, 10, 1)] {
        let text = format!(
            "{SERVER}[[clients]]\nname = 'all'\ncount = {clients}\nrooms = {{ count = {rooms}, per_client = {per_client} }}"
        );
        let plan = Plan::new(&scenario(1, &text));
        for room in (0..rooms).map(RoomId) {
            let spread = per_url(plan.lives().iter(), room, 2);
            assert!(spread.iter().all(|members| *members > 0), "{clients} in {rooms}: {room:?} has {spread:?}");
        }
    }
}

#[test]
fn sizes_are_kept() {
    let text = format!(
        "{SERVER}[[clients]]\nname = 'all'\ncount = 100\n\
         rooms = {{ count = 5, sizes = [{{ rooms = 1, members = 60 }}, {{ rooms = 2, members = 10 }}] }}"
    );
    assert_eq!(Plan::new(&scenario(1, &text)).members_at(Duration::ZERO), [60, 10, 10, 10, 10]);
}

#[test]
fn the_number_of_clients_follows_its_points() {
    let text = format!(
        "{SERVER}[[clients]]\nname = 'all'\nrooms = {{ count = 1 }}\n\
         count = [{{ at = '0s', n = 0 }}, {{ at = '10s', n = 100 }}, {{ at = '12s', n = 100 }}, {{ at = '20s', n = 20 }}]"
    );
    let plan = Plan::new(&scenario(1, &text));
    let at = |secs| plan.members_at(Duration::from_secs(secs))[0];
    assert_eq!([at(0), at(5), at(10), at(11), at(16), at(21)], [0, 50, 100, 100, 60, 20]);
}

#[test]
fn an_evenly_spaced_stream_takes_its_talkers_and_their_rooms_in_turn() {
    let text = format!(
        "{SERVER}[[clients]]\nname = 'all'\ncount = 4\nrooms = {{ count = 4, per_client = 2 }}\n\
         [[publish]]\nname = 'chat'\nfrom = 'all'\nrate = '10/s'"
    );
    let said: Vec<Publication> = Plan::new(&scenario(1, &text)).publications().take(8).collect();
    assert_eq!(said.iter().map(|p| p.publisher.0).collect::<Vec<_>>(), [0, 1, 2, 3, 0, 1, 2, 3]);
    assert_eq!(said.iter().map(|p| p.room.0).collect::<Vec<_>>(), [0, 2, 0, 2, 1, 3, 1, 3]);
    assert_eq!(said[0].due, Duration::from_millis(50));
    assert_eq!(said[1].due, Duration::from_millis(150));
}

proptest! {
    #![proptest_config(proptest::test_runner::Config { cases: 24, ..Default::default() })]

    #[test]
    fn a_plan_keeps_its_promises(seed in any::<u64>()) {
        let scenario = moving(seed);
        let plan = Plan::new(&scenario);
        lives_are_sound(&scenario, &plan);
        let said: Vec<Publication> = plan.publications().collect();
        prop_assert!(said.is_sorted_by_key(|p| (p.due, p.publish)));
        let mut rooms: HashMap<RoomId, u32> = HashMap::new();
        let mut streams = HashMap::new();
        for publication in &said {
            let life = plan.life(publication.publisher);
            prop_assert!(life.covers(publication.due), "{publication:?} {life:?}");
            prop_assert!(life.rooms.contains(&publication.room));
            prop_assert_eq!(life.group, scenario[publication.publish].from);
            prop_assert!(publication.due < scenario.times.published());
            prop_assert!(publication.size as usize >= MARKER_LEN);
            let index = rooms.entry(publication.room).or_insert(0);
            prop_assert_eq!(publication.index, *index);
            *index += 1;
            let sequence = streams.entry(publication.publish).or_insert(0);
            prop_assert_eq!(publication.sequence, *sequence);
            *sequence += 1;
        }
        prop_assert_eq!(streams.len(), 4);
    }

    #[test]
    fn the_same_seed_plans_the_same_and_walks_are_independent(seed in any::<u64>()) {
        let (one, two) = (Plan::new(&moving(seed)), Plan::new(&moving(seed)));
        prop_assert_eq!(one.lives(), two.lives());
        let mut walk = one.publications();
        walk.by_ref().take(100).for_each(drop);
        prop_assert!(walk.clone().eq(two.publications().skip(100)));
        prop_assert!(!one.publications().eq(Plan::new(&moving(seed ^ 1)).publications()));
    }
}

fn lives_are_sound(scenario: &Scenario, plan: &Plan) {
    let lives = plan.lives();
    assert!(lives.is_sorted_by_key(|life| life.start));
    let published = scenario.times.published();
    for (at, life) in lives.iter().enumerate() {
        assert_eq!(life.client.0 as usize, at);
        assert!(life.start.after_t0() < published, "{life:?}");
        assert!(life.leave.is_none_or(|leave| leave > life.start.after_t0() && leave < published), "{life:?}");
        let rooms: HashSet<RoomId> = life.rooms.iter().copied().collect();
        assert_eq!(rooms.len(), 2, "{life:?}");
    }
    let users: HashSet<u32> = lives.iter().map(|life| life.user).collect();
    assert_eq!(users.len(), lives.len());
    // A place that is left is taken again at once: the group that stays never shrinks.
    let staying =
        |at: Duration| lives.iter().filter(|life: &&Life| life.group == GroupId(0) && life.covers(at)).count();
    for at in [0, 1, 7, 21] {
        assert_eq!(staying(Duration::from_secs(at)), 30);
    }
}

#[test]
fn payloads_have_their_size_and_their_marker() {
    let scenario = quickstart();
    let (payload, markers) = (Payload::new(&scenario), Markers::new(7));
    let mut out = String::new();
    let mut seen = HashSet::new();
    for publication in Plan::new(&scenario).publications().take(100) {
        let marker = Marker {
            room: publication.room.0,
            index: publication.index,
            publisher: publication.publisher.0,
            instance: crate::wire::InstanceTag::UNKNOWN,
            sent: publication.due,
        };
        payload.write(&publication, &markers.write(&marker), &mut out);
        assert_eq!(out.len(), 128);
        assert_eq!(markers.find(out.as_bytes()).map(|found| found.index), Some(publication.index));
        assert!(out.bytes().all(|byte| (b' '..0x7f).contains(&byte) && byte != b'"' && byte != b'\\'));
        seen.insert(out[MARKER_LEN..].to_owned());
    }
    assert_eq!(seen.len(), 100);
    let large = Publication { size: 200_000, ..Plan::new(&scenario).publications().next().unwrap() };
    payload.write(&large, &[b'x'; MARKER_LEN], &mut out);
    assert_eq!(out.len(), 200_000);
}

const NOTIFIED: &str = "
    [[clients]]
    name = 'users'
    count = 40
    transport = 'sse'
    [[clients]]
    name = 'backend'
    count = 2
    transport = 'longpoll'
    [[publish]]
    name = 'note'
    from = 'backend'
    to = { user_of = 'users' }
    rate = '100/s'
";

#[test]
fn users_are_notified_at_random_and_have_mailboxes_of_their_own() {
    let scenario = scenario(3, &format!("{SERVER}{NOTIFIED}"));
    let plan = Plan::new(&scenario);
    assert_eq!((scenario.rooms.len(), plan.rooms()), (0, 40));
    let owned: HashSet<_> = plan.lives().iter().filter_map(|life| life.mailbox).collect();
    assert_eq!(owned.len(), 40, "every user has one, the backend none");
    let mut notified: HashMap<RoomId, u32> = HashMap::new();
    for publication in plan.publications() {
        let owner = plan.owners().nth(publication.room.0 as usize).unwrap();
        assert_eq!((owner.group, owner.mailbox), (GroupId(0), Some(publication.room)));
        assert_eq!(publication.index, *notified.entry(publication.room).and_modify(|n| *n += 1).or_insert(0));
        assert_eq!(plan.life(publication.publisher).group, GroupId(1));
    }
    assert_eq!(notified.len(), 40, "in 2,200 draws nobody is left out");
    assert_eq!(plan.expected_at(Duration::from_secs(5)).deliveries, 100.0);
}

#[test]
fn by_size_goes_where_the_many_are() {
    let text = "
        [[clients]]
        name = 'all'
        count = 100
        rooms = [{ name = 'lobby', count = 1 }, { name = 'side-{n}', count = 10 }]
        [[publish]]
        name = 'talk'
        from = 'all'
        to = 'by-size'
        rate = '1000/s'
    ";
    let plan = Plan::new(&scenario(5, &format!("{SERVER}{text}")));
    let (lobby, all) = plan
        .publications()
        .fold((0, 0), |(lobby, all), publication| (lobby + u32::from(publication.room == RoomId(0)), all + 1));
    let share = f64::from(lobby) / f64::from(all);
    assert!((share - 100.0 / 110.0).abs() < 0.01, "the lobby has 100 members, a side room 10: {share}");
}

#[test]
fn requests_are_made_by_those_who_are_there_about_their_rooms() {
    let text = format!(
        "{SERVER}
        [[clients]]
        name = 'stay'
        count = 30
        stay = 'exponential(4s)'
        rooms = {{ count = 5, per_client = 2 }}
        [[request]]
        name = 'join'
        message = 'history'
        from = 'stay'
        on = 'joined'
        [[request]]
        name = 'total'
        message = 'history'
        from = 'stay'
        rate = '40/s'
        arrival = 'poisson'
        [[request]]
        name = 'each'
        message = 'ping'
        from = 'stay'
        every = '1s..3s'
        "
    );
    let plan = Plan::new(&scenario(7, &text));
    let all: Vec<Inquiry> = plan.inquiries().collect();
    assert!(all.is_sorted_by_key(|inquiry| inquiry.due));
    let count = |id| all.iter().filter(|inquiry| inquiry.request == RequestId(id)).count();
    assert_eq!(count(0), 0, "what is asked on joining is in no schedule");
    // 22 s at 40/s, and 30 clients every 2 s.
    assert!((780..980).contains(&count(1)) && (280..380).contains(&count(2)), "{} {}", count(1), count(2));
    let mut rooms = HashSet::new();
    for inquiry in &all {
        let life = plan.life(inquiry.client);
        assert!(life.covers(inquiry.due), "{inquiry:?}");
        assert_eq!(inquiry.room.is_some(), inquiry.request == RequestId(1));
        assert!(inquiry.room.is_none_or(|room| life.rooms.contains(&room)));
        rooms.extend(inquiry.room.map(|room| (inquiry.client, room)));
    }
    assert!(rooms.len() > plan.lives().len(), "not always the same room of a client");
    assert_eq!(all, plan.inquiries().collect::<Vec<_>>());
    let other: Vec<Inquiry> = Plan::new(&scenario(8, &text)).inquiries().collect();
    assert_ne!(all, other);
}
