//! What is lost by a cut at an awkward moment: on the way back, with copies on their way, before a planned farewell.

use super::*;
use crate::scenario::{Deed as Planned, Fault, InstanceAction};

fn close(message: u64, receiver: usize) -> Mutation {
    Mutation { message, receiver: Some(receiver), act: Mistake::Close(1012) }
}

#[test]
fn who_is_cut_again_before_it_is_back_everywhere_is_away_from_every_room() {
    let text = r#"
        [run]
        warm_up = "0s"
        duration = "20s"
        drain = "5s"
        join_timeout = "1s"
        [server]
        instances = 2
        broker = "memory"
        [[clients]]
        name = "people"
        count = 3
        ramp = "0s"
        rooms = { count = 2, per_client = 2, name = "room-{n}" }
        reconnect = { policy = "fixed", base = "3s", resume = false }
        [[publish]]
        name = "chat"
        from = "people"
        rate = "20/s"
        size = "64B"
    "#;
    // Six joins, then the two of the first return, of which the second is not acknowledged in time.
    let server = RoomScript::new(2).late_acks(8, Duration::from_secs(3)).mutate([close(40, 1)]);
    let run = simulated(scenario(3, text), 1, server);
    run.identity_holds();
    assert_eq!(run.count("reconnect.lost_connections"), 1);
    assert_eq!((run.count("reconnect.attempts"), run.count("reconnect.recovered")), (2, 1));
    let lost = run.by("deliveries.lost", LabelKey::Class);
    assert_eq!(lost.keys().collect::<Vec<_>>(), ["reconnect_gap"], "{lost:?}");
    assert!(lost["reconnect_gap"] > 60, "seven seconds, most of them in both rooms: {lost:?}");
}

#[test]
fn copies_on_their_way_are_lost_by_the_cut_and_in_its_stretch_however_slow_the_server_is() {
    let mut scenario = chat(5, "30s", "20/s");
    scenario.groups.iter_mut().for_each(|group| group.reconnect.resume = false);
    // The close comes in place of a copy, three seconds after that was said: a second after the fault has begun.
    let (takes, message) = (Duration::from_secs(3), 200);
    let said = Plan::new(&scenario).publications().nth(message).unwrap().due;
    let (at, action) = (said + Duration::from_secs(2), InstanceAction::Stop(Duration::from_secs(2)));
    scenario.faults = vec![Fault { name: "stop".to_owned(), at, deed: Planned::Instance { index: 1, action } }];
    // The third to come is no talker: what it went on saying into the void would be lost to all.
    let server = RoomScript::new(2).latency(takes, takes).mutate([close(message as u64, 2)]);
    let run = simulated(scenario, 2, server);
    run.identity_holds();
    assert_eq!(run.deeds(Deed::Closed), 1);
    let lost = run.by("deliveries.lost", LabelKey::Class);
    assert_eq!(lost.keys().collect::<Vec<_>>(), ["reconnect_gap"], "{lost:?}");
    let stretches = run.by("deliveries.lost", LabelKey::Phase);
    assert_eq!(stretches.keys().collect::<Vec<_>>(), ["during:stop"], "{stretches:?}");
    assert!(lost["reconnect_gap"] > 15, "three seconds of copies were on their way: {lost:?}");
    assert_eq!(run.by("reconnect.missed", LabelKey::Phase), stretches);
}

#[test]
fn who_gives_up_is_owed_what_falls_into_its_planned_stay_and_no_more() {
    let text = r#"
        [run]
        warm_up = "0s"
        duration = "30s"
        drain = "5s"
        [server]
        instances = 2
        broker = "memory"
        [[clients]]
        name = "talkers"
        count = 2
        ramp = "0s"
        rooms = { count = 1, name = "r" }
        [[clients]]
        name = "passers"
        arrive = { rate = "2/s" }
        stay = "5s"
        rooms = { same_as = "talkers" }
        reconnect = "none"
        [[publish]]
        name = "chat"
        from = "talkers"
        rate = "20/s"
        size = "64B"
    "#;
    let scenario = scenario(3, text);
    let plan = Plan::new(&scenario);
    let there = |due: Duration| {
        let lives = plan.lives().iter();
        lives.filter(|life| life.start.after_t0() <= due && life.leave.is_none_or(|leave| due < leave)).count() as u64
    };
    let owed: u64 = plan.publications().map(|publication| there(publication.due)).sum();
    // Two come in a second, and twenty messages are said in one: each of these is there for its message, or it is not cut.
    let cuts = (4..50).step_by(4).map(|passer| close((passer as u64 / 2 + 1) * 20, passer + 2));
    let run = simulated(scenario, 2, RoomScript::new(2).mutate(cuts));
    run.identity_holds();
    assert!(run.deeds(Deed::Closed) >= 2, "{} were there to be cut", run.deeds(Deed::Closed));
    assert_eq!(run.count("reconnect.never"), run.deeds(Deed::Closed));
    assert_eq!(run.count("deliveries.due"), owed, "what the plan says");
}
