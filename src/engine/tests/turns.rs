//! Two runs side by side that take turns.

use std::collections::BTreeMap;
use std::ops::{ControlFlow, Range};

use super::{
    Arc, Clock, Dialer, Duration, LocalSet, Noted, Parameters, Plan, RUN, RoomScript, Setup, Tick, chat, dialect, mpsc,
    scripted, simulate,
};
use crate::engine::{End, Meeting, Outcome, Turn, Turns};
use crate::profile::Intermittent;
use crate::scenario::Cadence;

/// Half a second each, base first, then new first.
fn turns(place: usize) -> Vec<Range<Duration>> {
    let half = Duration::from_millis(500);
    let starts = if place == 0 { [0, 3, 4] } else { [1, 2, 5] };
    starts.map(|start| half * start..half * (start + 1)).to_vec()
}

fn setup(place: usize, clock: &Clock, meeting: &Arc<Meeting>, late: Duration) -> Setup {
    let mut scenario = chat(3, "3s", "200/s");
    let spans = turns(place);
    for publish in &mut scenario.publishes {
        let Cadence::Total(shape) = &publish.rate else { panic!("no rate") };
        publish.rate = Cadence::Total(Arc::new(Intermittent::new(Arc::clone(shape), &spans)));
    }
    let server = RoomScript::new(2).latency(late, late);
    let dialer = Dialer {
        transports: vec![scripted(server)],
        dialect: dialect::find("room", &Parameters::new()).unwrap(),
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
        workers: 2,
        secret: Some(Arc::from(&b"secret"[..])),
        run: RUN + place as u64,
        raw: None,
        turns: Some(Turns { spans: spans.into(), meeting: Arc::clone(meeting), place }),
        marks: Vec::new(),
    }
}

async fn run(setup: Setup, turns: &mut BTreeMap<u32, Turn>) -> Outcome {
    let (_kept, mut signals) = mpsc::channel(1);
    let mut on_tick = |tick: &Tick| {
        tick.turns.iter().for_each(|(number, turn)| turns.entry(*number).or_default().merge(turn));
        ControlFlow::Continue(())
    };
    let on_tick: &mut crate::engine::OnTick<'_> = &mut on_tick;
    simulate(setup, &mut Noted::default(), &mut signals, on_tick).await.unwrap()
}

#[test]
fn both_sides_say_the_same_in_their_own_turns_and_each_turn_is_measured_by_itself() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    let [mut base, mut new] = [BTreeMap::new(), BTreeMap::new()];
    runtime.block_on(LocalSet::new().run_until(async {
        let (clock, meeting) = (Clock::simulated(), Arc::new(Meeting::default()));
        let late = [2, 5].map(Duration::from_millis);
        let setups = [0, 1].map(|place| setup(place, &clock, &meeting, late[place]));
        let [one, other] = setups;
        let outcomes = tokio::join!(run(one, &mut base), run(other, &mut new));
        for outcome in [outcomes.0, outcomes.1] {
            assert_eq!((outcome.end, outcome.identity.holds(), outcome.identity.lost), (End::Complete, true, 0));
        }
    }));
    let counts = |turns: &BTreeMap<u32, Turn>| -> Vec<_> {
        turns.iter().map(|(number, turn)| (*number, turn.delivery.count(), turn.send_lag.count())).collect()
    };
    assert_eq!(counts(&base), counts(&new));
    assert_eq!(base.len(), 3);
    assert!(base.values().all(|turn| turn.send_lag.count() > 50 && turn.delivery.count() == 8 * turn.send_lag.count()));
    for (turns, ms) in [(&base, 2), (&new, 5)] {
        assert!(turns.values().all(|turn| turn.delivery.quantile(0.5).abs_diff(ms * 1_000_000) < 1_500_000));
    }
}

#[test]
fn nobody_waits_for_a_side_that_is_gone() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    let outcome = runtime.block_on(LocalSet::new().run_until(async {
        let (clock, meeting) = (Clock::simulated(), Arc::new(Meeting::default()));
        meeting.leave(1);
        run(setup(0, &clock, &meeting, Duration::ZERO), &mut BTreeMap::new()).await
    }));
    assert_eq!((outcome.end, outcome.identity.due), (End::Aborted("the other side did not begin".to_owned()), 0));
}
