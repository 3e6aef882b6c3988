//! What had been recorded at certain moments, none of which is the end of a second.

use std::ops::ControlFlow;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::task::LocalSet;

use super::{Noted, chat, setup};
use crate::dialect::{self, Parameters};
use crate::engine::{OnTick, Outcome, Setup, Tick, simulate};
use crate::scenario::plan::Plan;
use crate::time::Clock;
use crate::transport::scripted::room::RoomScript;
use crate::transport::scripted::scripted;

/// A run of two seconds in which these marks are taken; what each tick was told of them, too.
fn marked(marks: &[Duration]) -> (Outcome, Vec<usize>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    let mut told = Vec::new();
    let outcome = runtime.block_on(LocalSet::new().run_until(async {
        let by = (scripted(RoomScript::new(2)), dialect::find("room", &Parameters::new()).unwrap());
        let setup = Setup { marks: marks.to_vec(), ..setup(chat(3, "2s", "100/s"), 3, by, &Clock::simulated()) };
        let (_kept, mut signals) = mpsc::channel(1);
        let mut on_tick = |tick: &Tick| {
            told.push(tick.marks.len());
            ControlFlow::Continue(())
        };
        let on_tick: &mut OnTick<'_> = &mut on_tick;
        simulate(setup, &mut Noted::default(), &mut signals, on_tick).await.unwrap()
    }));
    (outcome, told)
}

#[test]
fn a_mark_holds_what_was_recorded_by_its_very_moment() {
    let moments = [1_234, 1_236, 1_955].map(Duration::from_millis);
    let (outcome, told) = marked(&[moments[2], moments[0], moments[1]]);
    assert_eq!(outcome.marks.iter().map(|(at, _)| *at).collect::<Vec<_>>(), moments);
    let plan = Plan::new(&chat(3, "2s", "100/s"));
    for (at, recorded) in &outcome.marks {
        let due = plan.publications().filter(|publication| publication.due <= *at).count() as u64;
        assert_eq!(recorded.count("messages.sent"), due, "by {at:?}");
    }
    let [first, .., last] = &outcome.marks[..] else { panic!("three marks") };
    assert!(last.1.count("deliveries.delivered") > first.1.count("deliveries.delivered"));
    assert!(told.iter().is_sorted() && told.first() == Some(&0), "{told:?}");
    assert!(outcome.identity.holds());
}

#[test]
fn a_moment_the_run_does_not_come_to_is_not_marked() {
    let (outcome, _) = marked(&[Duration::from_secs(3_600)]);
    assert!(outcome.marks.is_empty());
}
