//! The whole engine in simulated time against scripted servers whose every mistake is on record.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::task::LocalSet;

use super::{Act, Aftermath, Cuts, End, Outcome, Rig, Setup, Tick, simulate};
use crate::dialect::{self, Dialect, Parameters};
use crate::metrics::{LabelKey, Snapshot};
use crate::scenario::plan::Plan;
use crate::scenario::{self, Overrides, Scenario, Source};
use crate::session::Dialer;
use crate::time::Clock;
use crate::transport::Transport;
use crate::transport::scripted::mutation::{Act as Mistake, Mutation, Odds};
use crate::transport::scripted::room::RoomScript;
use crate::transport::scripted::scripted;
use crate::transport::scripted::truth::{Deed, Truth};
use crate::wire::Markers;

mod correlation;
mod heartbeats;
mod held_up;
mod losses;
mod requests;
mod turns;

const RUN: u64 = 7;

fn scenario(seed: u64, text: &str) -> Scenario {
    let source = Source::new("test.toml", text);
    let overrides = Overrides { seed: Some(seed), ..Overrides::default() };
    scenario::parse(source, &overrides, &|_: &str| None).unwrap_or_else(|error| panic!("{}", error.plain()))
}

/// 24 listeners and 8 talkers in 4 rooms, everything measured.
fn chat(seed: u64, duration: &str, rate: &str) -> Scenario {
    scenario(
        seed,
        &format!(
            r#"
            [run]
            warm_up  = "0s"
            duration = "{duration}"
            drain    = "5s"
            [server]
            instances = 2
            broker = "memory"
            [[clients]]
            name = "listeners"
            count = 24
            ramp = "1s"
            rooms = {{ count = 4, name = "room-{{n}}" }}
            [[clients]]
            name = "talkers"
            count = 8
            ramp = "1s"
            rooms = {{ same_as = "listeners" }}
            [[publish]]
            name = "chat"
            from = "talkers"
            rate = "{rate}"
            arrival = "poisson"
            size = "128B"
            "#
        ),
    )
}

struct Simulated {
    outcome: Outcome,
    truth: Truth,
    phases: Vec<super::Phase>,
    acts: Vec<Act>,
}

/// A rig that can do everything and does nothing.
#[derive(Default)]
struct Noted(Vec<Act>);

impl Rig for Noted {
    fn act(&mut self, act: &Act) -> Result<Cuts, String> {
        self.0.push(act.clone());
        if *act == Act::KillRedis { Err("there is no Redis here".to_owned()) } else { Ok(Cuts::new()) }
    }

    fn aftermath(&mut self) -> Vec<Aftermath> {
        Vec::new()
    }
}

impl Simulated {
    fn count(&self, metric: &str) -> u64 {
        self.outcome.totals.count(metric)
    }

    fn by(&self, metric: &str, key: LabelKey) -> BTreeMap<String, u64> {
        let parts = self.outcome.totals.by(metric, key, &self.outcome.names);
        parts.into_iter().map(|(name, value)| (name, value.count())).collect()
    }

    fn deeds(&self, deed: Deed) -> u64 {
        self.truth.count(deed) as u64
    }

    fn identity_holds(&self) -> &Self {
        assert!(self.outcome.identity.holds(), "{:?}", self.outcome.identity);
        self
    }
}

fn simulated(scenario: Scenario, workers: usize, server: RoomScript) -> Simulated {
    simulated_until(scenario, workers, server, None)
}

/// Runs `scenario` in simulated time; a signal comes after `interrupt`, if that is given.
fn simulated_until(scenario: Scenario, workers: usize, server: RoomScript, interrupt: Option<Duration>) -> Simulated {
    let truth = server.truth();
    let dialect = dialect::find("room", &Parameters::new()).unwrap();
    let (outcome, phases, acts) = played(scenario, workers, (scripted(server), dialect), interrupt);
    Simulated { outcome, truth, phases, acts }
}

/// Runs `scenario` in simulated time over this transport in this dialect.
fn played(
    scenario: Scenario,
    workers: usize,
    (transport, dialect): (Arc<dyn Transport>, Arc<dyn Dialect>),
    interrupt: Option<Duration>,
) -> (Outcome, Vec<super::Phase>, Vec<Act>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    let mut phases = Vec::new();
    let mut rig = Noted::default();
    let outcome = runtime.block_on(LocalSet::new().run_until(async {
        let clock = Clock::simulated();
        let setup = setup(scenario, workers, (transport, dialect), &clock);
        let (signal, mut signals) = mpsc::channel(1);
        let _kept = signal.clone();
        if let Some(after) = interrupt {
            tokio::task::spawn_local(async move {
                clock.sleep_until(clock.now() + after).await;
                signal.send(130).await.unwrap();
            });
        }
        let mut on_tick = |tick: &Tick| {
            phases.push(tick.phase);
            ControlFlow::Continue(())
        };
        let on_tick: &mut super::OnTick<'_> = &mut on_tick;
        simulate(setup, &mut rig, &mut signals, on_tick).await.unwrap()
    }));
    (outcome, phases, rig.0)
}

/// What a run of `scenario` over this transport in this dialect needs.
fn setup(
    scenario: Scenario,
    workers: usize,
    (transport, dialect): (Arc<dyn Transport>, Arc<dyn Dialect>),
    clock: &Clock,
) -> Setup {
    let dialer = Dialer {
        transports: vec![transport],
        dialect,
        clock: clock.clone(),
        machine: None,
        instances: Vec::new(),
        instance_rules: Arc::default(),
        join_timeout: scenario.times.join_timeout,
        login: None,
        exchanges: None,
    };
    Setup {
        urls: scenario.target.urls(),
        plan: Plan::new(&scenario),
        scenario: Arc::new(scenario),
        dialer,
        workers,
        secret: Some(Arc::from(&b"secret"[..])),
        run: RUN,
        raw: None,
        turns: None,
    }
}

const ACCUSING: [&str; 8] = [
    "deliveries.duplicate",
    "deliveries.reordered",
    "deliveries.misrouted",
    "deliveries.ghost",
    "deliveries.early",
    "deliveries.late",
    "deliveries.unowed",
    "deliveries.lost",
];

fn accusations(totals: &Snapshot) -> Vec<(&'static str, u64)> {
    ACCUSING.into_iter().map(|metric| (metric, totals.count(metric))).filter(|(_, count)| *count > 0).collect()
}

#[test]
fn a_clean_server_is_never_accused_over_fifty_seeds() {
    for seed in 0..50 {
        let run = simulated(chat(seed, "20s", "20/s"), 1 + seed as usize % 2, RoomScript::new(2));
        assert_eq!(run.outcome.end, End::Complete);
        assert_eq!(accusations(&run.outcome.totals), [], "seed {seed}");
        let accepted = run.deeds(Deed::Accepted);
        assert!(accepted > 300, "seed {seed}: {accepted}");
        assert_eq!(run.count("messages.sent"), accepted);
        assert_eq!(run.count("deliveries.due"), accepted * 8, "eight members in each room");
        assert_eq!(run.count("deliveries.delivered"), run.deeds(Deed::Delivered), "seed {seed}");
        assert_eq!((run.count("completion"), run.count("ack")), (accepted, accepted));
        run.identity_holds();
    }
}

#[test]
fn what_is_due_in_the_last_moment_is_said_and_counted() {
    for seed in 0..10 {
        let scenario = chat(seed, "500ms", "4000/s");
        let planned = Plan::new(&scenario).publications().count() as u64;
        let run = simulated(scenario, 1 + seed as usize % 2, RoomScript::new(2));
        assert_eq!(run.count("messages.scheduled"), planned, "seed {seed}");
        assert_eq!(run.count("messages.sent") + run.count("messages.unsent"), planned, "seed {seed}");
        run.identity_holds();
    }
}

#[test]
fn known_delays_are_measured_exactly() {
    let server = RoomScript::new(2).latency(Duration::from_millis(20), Duration::from_millis(50));
    let run = simulated(chat(1, "20s", "20/s"), 2, server);
    let value = |hop: &str| run.outcome.totals.by("delivery", LabelKey::Hop, &run.outcome.names)[hop].clone();
    // The runtime's timer, which stands in for the precise one in simulated time, wakes up to a millisecond late.
    for (hop, expected) in [("same", 20_000_000), ("cross", 50_000_000)] {
        let value = value(hop);
        let histogram = value.histogram().unwrap();
        assert!((expected..=expected + 2_000_000).contains(&histogram.min()), "{hop} {}", histogram.min());
        assert!((expected..=expected + 2_000_000).contains(&histogram.max()), "{hop} {}", histogram.max());
    }
    let adds = run.outcome.totals.total("instance_adds").unwrap();
    let adds = adds.histogram().unwrap();
    assert!(adds.count() > 300 && adds.quantile(0.5).abs_diff(30_000_000) < 100_000, "{}", adds.quantile(0.5));
    assert_eq!(run.by("delivery", LabelKey::Own)["yes"], run.deeds(Deed::Accepted));
}

#[test]
fn every_mistake_is_counted_exactly_over_twenty_seeds() {
    for seed in 0..20 {
        let odds = Odds { seed, drop: 1e-3, duplicate: 1e-3, swap: 1e-3, misroute: 3e-3, refuse: 3e-3 };
        let run = simulated(chat(seed, "100s", "30/s"), 1 + seed as usize % 2, RoomScript::new(2).odds(odds));
        run.identity_holds();
        let found = |metric: &str| run.count(metric);
        let truth = |deed: Deed| run.deeds(deed);
        assert!(truth(Deed::Dropped) > 5 && truth(Deed::Duplicated) > 5 && truth(Deed::Misrouted) > 1, "seed {seed}");
        // A copy still held back at the end never went out.
        assert_eq!(found("deliveries.lost"), truth(Deed::Dropped) + truth(Deed::Held), "lost, seed {seed}");
        assert_eq!(found("deliveries.duplicate"), truth(Deed::Duplicated), "duplicate, seed {seed}");
        assert_eq!(found("deliveries.reordered"), truth(Deed::Swapped), "reordered, seed {seed}");
        assert_eq!(found("deliveries.misrouted"), truth(Deed::Misrouted), "misrouted, seed {seed}");
        assert_eq!(found("messages.refused"), truth(Deed::Refused), "refused, seed {seed}");
        assert_eq!(found("deliveries.excluded"), truth(Deed::Refused) * 8, "excluded, seed {seed}");
        assert_eq!(found("deliveries.delivered"), truth(Deed::Delivered), "delivered, seed {seed}");
        assert_eq!(found("deliveries.ghost") + found("deliveries.late") + found("deliveries.unowed"), 0);
        assert_eq!(run.by("deliveries.lost", LabelKey::Class).len(), 1, "all of them steady");
        assert_eq!(run.by("deliveries.excluded", LabelKey::Reason).keys().collect::<Vec<_>>(), ["refused"]);
    }
}

#[test]
fn copies_before_the_acknowledgement_of_a_join_are_early_and_delivered() {
    // Clients arrive while others talk, and every third join is acknowledged late.
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
        [[publish]]
        name = "chat"
        from = "talkers"
        rate = "20/s"
        size = "64B"
    "#;
    let server = RoomScript::new(2).late_acks(3, Duration::from_millis(300));
    let run = simulated(scenario(3, text), 2, server);
    run.identity_holds();
    assert!(run.deeds(Deed::Early) > 20);
    assert_eq!(run.count("deliveries.early"), run.deeds(Deed::Early));
    assert_eq!(run.count("deliveries.lost"), 0, "{:?}", run.by("deliveries.lost", LabelKey::Class));
    let reasons: BTreeSet<String> = run.by("deliveries.excluded", LabelKey::Reason).into_keys().collect();
    let races = BTreeSet::from(["join_race".to_owned(), "leave_race".to_owned()]);
    assert!(reasons.is_subset(&races), "{reasons:?}");
}

#[test]
fn what_was_missed_while_away_is_replayed_to_those_who_resume() {
    let run = simulated(chat(5, "30s", "20/s"), 2, three_cuts());
    run.identity_holds();
    assert_eq!((run.deeds(Deed::Closed), run.count("reconnect.recovered")), (3, 3));
    assert!(run.deeds(Deed::Replayed) > 0);
    assert_eq!(run.count("deliveries.replayed"), run.deeds(Deed::Replayed));
    assert_eq!(run.count("delivery"), run.count("deliveries.delivered") - run.count("deliveries.replayed"));
    assert_eq!(accusations(&run.outcome.totals), []);
}

fn three_cuts() -> RoomScript {
    let close = |message, receiver| Mutation { message, receiver: Some(receiver), act: Mistake::Close(1012) };
    RoomScript::new(2).mutate([close(100, 1), close(200, 2), close(300, 3)])
}

#[test]
fn a_cut_connection_that_does_not_resume_loses_in_the_gap() {
    let mut scenario = chat(5, "30s", "20/s");
    scenario.groups.iter_mut().for_each(|group| group.reconnect.resume = false);
    let run = simulated(scenario, 2, three_cuts());
    run.identity_holds();
    assert_eq!(run.deeds(Deed::Closed), 3);
    assert_eq!(run.count("reconnect.lost_connections"), 3);
    assert_eq!(run.count("reconnect.recovered") + run.count("reconnect.never"), 3);
    let classes = run.by("deliveries.lost", LabelKey::Class);
    assert_eq!(classes.keys().collect::<Vec<_>>(), ["reconnect_gap"]);
    let due = run.count("deliveries.due") - run.count("deliveries.excluded");
    assert_eq!(run.count("deliveries.delivered") + run.count("deliveries.lost"), due);
    assert_eq!(run.by("errors", LabelKey::Kind).get("close_1012"), Some(&3));
}

#[test]
fn a_silent_connection_is_noticed_after_interval_and_timeout() {
    let silence = Mutation { message: 100, receiver: Some(1), act: Mistake::Silence };
    let server = RoomScript::new(2).pings(Duration::from_secs(2), Duration::from_secs(3)).mutate([silence]);
    let run = simulated(chat(5, "40s", "20/s"), 2, server);
    run.identity_holds();
    assert_eq!(run.by("errors", LabelKey::Kind).get("silent"), Some(&1));
    assert_eq!((run.count("reconnect.lost_connections"), run.count("reconnect.recovered")), (1, 1));
    let downtime = run.outcome.totals.total("reconnect.downtime").unwrap();
    let downtime = Duration::from_nanos(downtime.histogram().unwrap().max());
    // Counted from the last byte: interval + time-out, and the first back-off of at most half a second.
    assert!((Duration::from_millis(4_900)..Duration::from_millis(5_800)).contains(&downtime), "{downtime:?}");
    assert_eq!(run.count("deliveries.lost"), 0, "what was missed was replayed");
}

#[test]
fn an_unconfirmed_publication_that_arrives_is_delivered() {
    let at = |message, act| Mutation { message, receiver: None, act };
    let server = RoomScript::new(2).mutate([at(10, Mistake::Unconfirmed), at(20, Mistake::NoAck)]);
    let run = simulated(chat(9, "10s", "20/s"), 1, server);
    run.identity_holds();
    assert_eq!((run.count("messages.unconfirmed"), run.count("deliveries.lost")), (1, 0));
    assert_eq!(run.count("deliveries.excluded"), 0);
    assert_eq!(run.count("ack"), run.deeds(Deed::Accepted) - 2);
}

#[test]
fn ten_minutes_pass_in_seconds() {
    let run = simulated(chat(2, "10m", "10/s"), 1, RoomScript::new(2));
    run.identity_holds();
    assert_eq!(run.outcome.measured, Duration::from_secs(600));
    assert_eq!(accusations(&run.outcome.totals), []);
    assert!(run.phases.len() > 595, "a tick each second");
}

#[test]
fn the_same_seed_says_the_same_whatever_the_number_of_workers() {
    let said = |workers| {
        let run = simulated(chat(11, "20s", "20/s"), workers, RoomScript::new(2));
        let markers = Markers::new(RUN);
        let identity = |content: &str| {
            let marker = markers.find(content.as_bytes()).unwrap();
            (marker.room, marker.index, marker.publisher, content[crate::wire::MARKER_LEN..].to_owned())
        };
        let said: BTreeSet<_> = run.truth.of(Deed::Accepted).iter().map(|record| identity(&record.content)).collect();
        (said, run.outcome.identity)
    };
    let one = said(1);
    assert!(one.0.len() > 300);
    assert_eq!(one, said(2));
    assert_eq!(one, said(5));
}

#[test]
fn an_interrupted_run_is_partial_and_loses_nothing() {
    let after = Some(Duration::from_secs(10));
    let run = simulated_until(chat(4, "60s", "20/s"), 2, RoomScript::new(2), after);
    run.identity_holds();
    assert_eq!(run.outcome.end, End::Interrupted(130));
    assert!(run.outcome.measured < Duration::from_secs(10) && run.outcome.measured > Duration::from_secs(7));
    assert_eq!(accusations(&run.outcome.totals), []);
    assert_eq!(run.count("deliveries.due"), run.count("deliveries.delivered"));
    assert!(run.count("deliveries.due") > 500);
}

#[test]
fn a_mass_of_losses_nobody_declared_is_an_incident() {
    // Every member of one room gets a close frame in place of a copy: 8 of 32 clients.
    let close = Mutation { message: 200, receiver: None, act: Mistake::Close(1012) };
    let run = simulated(chat(5, "30s", "20/s"), 2, RoomScript::new(2).mutate([close]));
    run.identity_holds();
    let [incident] = &run.outcome.incidents[..] else { panic!("{:?}", run.outcome.incidents) };
    assert_eq!((incident.name.as_str(), incident.declared), ("incident-1", false));
    assert_eq!((incident.lost, incident.recovered, incident.never), (8, 8, 0));
    assert_eq!(incident.causes, [(crate::observe::Word::close(1012), 8)]);
    assert_eq!(u64::from(incident.herd.iter().sum::<u32>()), incident.attempts);
    assert!(incident.back.iter().all(Option::is_some) && incident.back.is_sorted());
    let phases = run.by("deliveries.delivered", LabelKey::Phase);
    assert!(phases["during:incident-1"] > 0 && phases["after:incident-1"] > 0, "{phases:?}");
    let bystanders = run.by("deliveries.delivered", LabelKey::Bystander);
    assert!(bystanders["yes"] > bystanders["no"] && bystanders["no"] > 0, "{bystanders:?}");
    // A found incident is told to the workers a tick later: who was back by then counts to no stretch.
    assert!((4..=8).contains(&run.by("reconnect.downtime", LabelKey::Phase)["during:incident-1"]));
}

#[test]
fn planned_faults_are_carried_out_in_order_and_divide_the_run() {
    use crate::scenario::{Deed as Planned, Fault, InstanceAction, RedisAction};
    let mut scenario = chat(6, "30s", "20/s");
    let second = Duration::from_secs;
    let fault = |name: &str, at, deed| Fault { name: name.to_owned(), at: second(at), deed };
    let stop = InstanceAction::Stop(second(2));
    scenario.faults = vec![
        fault("pause", 5, Planned::Instance { index: 1, action: stop }),
        fault("gone", 15, Planned::Redis(RedisAction::Kill(second(1)))),
    ];
    let run = simulated(scenario, 2, RoomScript::new(2));
    run.identity_holds();
    assert_eq!(run.acts, [Act::StopInstance(1), Act::ContinueInstance(1), Act::KillRedis, Act::StartRedis]);
    let [pause, gone] = &run.outcome.incidents[..] else { panic!("{:?}", run.outcome.incidents) };
    assert_eq!((pause.at_ns, gone.at_ns), (5_000_000_000, 15_000_000_000));
    assert!((8_000_000_000..8_300_000_000).contains(&pause.until_ns), "{}", pause.until_ns);
    assert_eq!((pause.failure.as_deref(), gone.failure.as_deref()), (None, Some("there is no Redis here")));
    assert_eq!(pause.what, "instance 1 stopped for 2s");
    let phases = run.by("deliveries.due", LabelKey::Phase);
    let names = ["after:gone", "after:pause", "before", "during:gone", "during:pause"];
    assert_eq!(phases.keys().collect::<Vec<_>>(), names);
    assert_eq!(phases.values().sum::<u64>(), run.count("deliveries.due"));
    // Poisson, 20 a second to 8 members each: 5 s, about 3 s, 7 s, about 2 s, 13 s.
    assert!((600..1_000).contains(&phases["before"]) && (350..650).contains(&phases["during:pause"]), "{phases:?}");
}

#[test]
fn an_interrupted_run_leaves_nothing_stopped() {
    use crate::scenario::{Deed as Planned, Fault, InstanceAction};
    let mut scenario = chat(6, "60s", "20/s");
    let action = InstanceAction::Stop(Duration::from_secs(30));
    let deed = Planned::Instance { index: 0, action };
    scenario.faults = vec![Fault { name: "stop".to_owned(), at: Duration::from_secs(3), deed }];
    let run = simulated_until(scenario, 1, RoomScript::new(2), Some(Duration::from_secs(10)));
    assert_eq!(run.acts, [Act::StopInstance(0), Act::ContinueInstance(0)]);
}
