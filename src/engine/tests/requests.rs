//! Requests beside the broadcast, in simulated time: every one ends as exactly one of answered, failed and timed out.

use std::collections::BTreeMap;
use std::time::Duration;

use super::{Simulated, chat, scenario, simulated, simulated_until, three_cuts};
use crate::metrics::LabelKey;
use crate::observe::GroupId;
use crate::profile::{Constant, Spacing};
use crate::scenario::{Cadence, Occasion, Request, Scenario};
use crate::transport::scripted::room::{Manners, RoomScript};
use crate::transport::scripted::truth::Deed;

fn request(name: &str, message: &str, from: u16, when: Occasion) -> Request {
    let within = Duration::from_secs(2);
    Request {
        name: name.to_owned(),
        message: message.into(),
        names_room: message != "ping",
        from: GroupId(from),
        when,
        within,
    }
}

fn every(least: u64, most: u64) -> Occasion {
    Occasion::Paced(Cadence::Think(Duration::from_millis(least), Duration::from_millis(most)), Spacing::Constant)
}

fn rate(per_second: f64, spacing: Spacing) -> Occasion {
    Occasion::Paced(Cadence::Total(std::sync::Arc::new(Constant::new(per_second))), spacing)
}

/// The usual chat, in which people also ask at a pace.
fn asking(seed: u64, duration: &str) -> Scenario {
    let mut scenario = chat(seed, duration, "5/s");
    scenario.requests = vec![
        request("look", "history", 0, rate(20.0, Spacing::Poisson)),
        request("who", "presence", 1, every(500, 1_500)),
        request("beat", "ping", 0, rate(5.0, Spacing::Burst(5))),
    ];
    scenario
}

impl Simulated {
    /// `sent = answered + failed + timed_out`, in total and for each entry; gives the four.
    #[track_caller]
    fn requests(&self) -> [u64; 4] {
        let names = ["requests.sent", "requests.answered", "requests.failed", "requests.timed_out"];
        let four = names.map(|name| self.count(name));
        assert_eq!(four[0], four[1] + four[2] + four[3], "{four:?}");
        let parts = names.map(|name| self.by(name, LabelKey::Request));
        for (entry, sent) in &parts[0] {
            let ended: u64 = parts[1..].iter().filter_map(|part| part.get(entry)).sum();
            assert_eq!(*sent, ended, "{entry}");
        }
        assert_eq!(self.count("request"), four[1]);
        four
    }
}

#[test]
fn every_request_is_counted_as_the_server_met_it() {
    // A little later than an answer may come: mostly before the worker's tick looks for those that are overdue.
    let delay = Some((11, Duration::from_millis(2_005)));
    let manners = Manners { refuse: Some(7), ignore: Some(5), delay };
    for seed in 0..10 {
        let run = simulated(asking(seed, "20s"), 1 + seed as usize % 2, RoomScript::new(2).manners(manners));
        let [sent, answered, failed, timed_out] = run.requests();
        assert!(sent > 500, "seed {seed}: {sent}");
        assert_eq!(sent, run.deeds(Deed::Asked), "seed {seed}");
        assert_eq!(answered, run.deeds(Deed::Answered), "seed {seed}");
        assert_eq!(failed, run.deeds(Deed::Declined), "seed {seed}");
        assert_eq!(timed_out, run.deeds(Deed::Ignored) + run.deeds(Deed::AnsweredLate), "seed {seed}");
        assert!(run.deeds(Deed::AnsweredLate) > 20);
        assert_eq!(run.by("requests.failed", LabelKey::Reason), BTreeMap::from([("unavailable".to_owned(), failed)]));
        assert_eq!(run.by("requests.sent", LabelKey::Request)["beat"], 100, "5/s for 20 s");
        // An answer takes a millisecond; the runtime's timer may be another late.
        let latency = run.outcome.totals.total("request").unwrap();
        let latency = latency.histogram().unwrap();
        assert!((1_000_000..=1_100_000).contains(&latency.min()), "{}", latency.min());
        assert!(latency.max() < 3_100_000, "{}", latency.max());
        run.identity_holds();
    }
}

#[test]
fn what_was_asked_on_a_lost_connection_has_failed() {
    let mut scenario = chat(5, "30s", "20/s");
    scenario.requests =
        vec![request("listeners", "presence", 0, every(400, 600)), request("talkers", "presence", 1, every(400, 600))];
    // Nobody is ever answered: at a cut all of the last two seconds is under way.
    let run = simulated(scenario, 2, three_cuts().manners(Manners { ignore: Some(1), ..Manners::default() }));
    let [sent, answered, failed, timed_out] = run.requests();
    assert_eq!((answered, run.deeds(Deed::Closed)), (0, 3));
    let (asked, within) = (run.truth.of(Deed::Asked), Duration::from_secs(2));
    let cut_off = |user: &str, at| {
        let own = asked.iter().filter(|record| record.publisher == user);
        own.filter(|record| record.at <= at && at - record.at < within).count() as u64
    };
    let cut: u64 = run.truth.of(Deed::Closed).iter().map(|record| cut_off(&record.receiver, record.at)).sum();
    let unsaid = sent - run.deeds(Deed::Asked);
    assert!((9..=15).contains(&cut), "{cut} questions under way on three connections");
    assert_eq!(failed, cut + unsaid);
    assert_eq!(timed_out, run.deeds(Deed::Asked) - cut);
    let reasons = run.by("requests.failed", LabelKey::Reason);
    assert!(
        reasons["disconnected"] >= cut
            && reasons.keys().all(|reason| reason.starts_with("dis") || reason == "not_joined"),
        "{reasons:?}"
    );
}

#[test]
fn who_comes_back_asks_again() {
    let mut scenario = chat(5, "30s", "20/s");
    let joined = |name: &str, from| request(name, "history", from, Occasion::Joined);
    scenario.requests = vec![joined("listeners", 0), joined("talkers", 1)];
    let run = simulated(scenario, 2, three_cuts());
    assert_eq!(run.count("reconnect.recovered"), 3);
    assert_eq!(run.deeds(Deed::Asked), 32 + 3, "all have joined once, three have joined again");
    assert_eq!(run.requests(), [3, 3, 0, 0], "the ramp is not measured");
    let latency = run.outcome.totals.total("request").unwrap();
    let latency = latency.histogram().unwrap();
    assert!((1_000_000..2_100_000).contains(&latency.min()) && latency.max() < 2_100_000, "{latency:?}");
}

#[test]
fn clients_that_come_and_go_ask_about_every_room_they_join() {
    let text = r#"
        [run]
        warm_up = "0s"
        duration = "20s"
        drain = "3s"
        [server]
        instances = 2
        broker = "memory"
        [[clients]]
        name = "passers"
        arrive = { rate = "3/s", arrival = "constant" }
        stay = "1s..4s"
        rooms = { count = 6, per_client = 2 }
        [[clients]]
        name = "lurkers"
        count = 2
        [[request]]
        name = "history"
        message = "history"
        from = "passers"
        on = "joined"
        within = "100ms"
        [[request]]
        name = "beat"
        message = "ping"
        from = "lurkers"
        every = "1s"
    "#;
    let server = RoomScript::new(2).manners(Manners { ignore: Some(9), ..Manners::default() });
    let run = simulated(scenario(3, text), 2, server);
    let [sent, answered, failed, timed_out] = run.requests();
    let by_entry = run.by("requests.sent", LabelKey::Request);
    assert_eq!(by_entry["history"], 2 * run.count("clients.connected") - 2 * 2, "two lurkers join nothing");
    assert!((36..=40).contains(&by_entry["beat"]), "{by_entry:?}");
    assert_eq!((sent, answered), (run.deeds(Deed::Asked), run.deeds(Deed::Answered)));
    assert_eq!((failed, timed_out), (0, run.deeds(Deed::Ignored)));
}

#[test]
fn the_same_seed_asks_the_same_whatever_the_number_of_workers() {
    let asked = |workers| {
        let run = simulated(asking(11, "20s"), workers, RoomScript::new(2));
        let mut asked: BTreeMap<(String, String), u64> = BTreeMap::new();
        for record in run.truth.of(Deed::Asked) {
            *asked.entry((record.content, record.room)).or_default() += 1;
        }
        (asked, run.requests())
    };
    let one = asked(1);
    assert!(one.0.len() == 9 && one.1[0] > 500, "{one:?}");
    assert_eq!(one, asked(2));
    assert_eq!(one, asked(5));
}

#[test]
fn an_interrupted_run_leaves_no_request_without_an_end() {
    let server = RoomScript::new(2).manners(Manners { ignore: Some(2), ..Manners::default() });
    let run = simulated_until(asking(4, "60s"), 2, server, Some(Duration::from_secs(10)));
    let [sent, answered, failed, timed_out] = run.requests();
    assert!(sent > 200 && failed == 0, "{sent} {failed}");
    assert_eq!((answered, timed_out), (run.deeds(Deed::Answered), run.deeds(Deed::Ignored)));
}

#[test]
fn requests_of_a_run_with_faults_belong_to_the_stretch_they_were_due_in() {
    use crate::scenario::{Deed as Planned, Fault, InstanceAction};
    let mut scenario = asking(6, "20s");
    let deed = Planned::Instance { index: 1, action: InstanceAction::Stop(Duration::from_secs(2)) };
    scenario.faults = vec![Fault { name: "pause".to_owned(), at: Duration::from_secs(5), deed }];
    let run = simulated(scenario, 2, RoomScript::new(2));
    let sent = run.by("requests.sent", LabelKey::Phase);
    assert_eq!(sent.keys().collect::<Vec<_>>(), ["after:pause", "before", "during:pause"]);
    assert_eq!(sent.values().sum::<u64>(), run.requests()[0]);
    assert_eq!(sent, run.by("requests.answered", LabelKey::Phase));
}
