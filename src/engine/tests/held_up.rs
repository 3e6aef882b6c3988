//! A worker that is told late when the run begins, as on a machine that is short of cores.

use super::*;
use crate::engine::coordinator::{Coordinator, Posts};
use crate::engine::link::ToWorker;
use crate::engine::{OnTick, no_notices, worker};

/// The same way to a worker, on which it takes `late` for the order to begin to come.
fn held_up(to: mpsc::Sender<ToWorker>, late: Duration, clock: Clock) -> mpsc::Sender<ToWorker> {
    let (order, mut ordered) = mpsc::channel(1_024);
    tokio::task::spawn_local(async move {
        while let Some(order) = ordered.recv().await {
            if matches!(order, ToWorker::Schedule(_)) {
                clock.sleep_until(clock.now() + late).await;
            }
            if to.send(order).await.is_err() {
                break;
            }
        }
    });
    order
}

/// Runs `scenario` by three workers, so that every room has clients of each; the last hears so late that the run begins.
fn with_one_held_up(scenario: Scenario, late: Duration) -> Outcome {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    runtime.block_on(LocalSet::new().run_until(async {
        let clock = Clock::simulated();
        let dialect = dialect::find("room", &Parameters::new()).unwrap();
        let setup = Arc::new(setup(scenario, 3, (scripted(RoomScript::new(2)), dialect), &clock));
        let (report, reports) = mpsc::channel(64);
        let mut orders = Vec::new();
        for number in 0..3 {
            let (order, ordered) = mpsc::channel(1_024);
            tokio::task::spawn_local(worker::run(Arc::clone(&setup), number, ordered, report.clone()));
            orders.push(if number == 2 { held_up(order, late, clock.clone()) } else { order });
        }
        drop(report);
        let posts = Posts { orders, reports, notices: no_notices() };
        let (_kept, mut signals) = mpsc::channel(1);
        let (mut rig, mut on_tick) = (Noted::default(), |_: &Tick| ControlFlow::Continue(()));
        let on_tick: &mut OnTick<'_> = &mut on_tick;
        Coordinator::new(setup, posts, &mut rig, &mut signals, on_tick).run().await
    }))
}

#[test]
fn copies_that_come_before_a_worker_knows_that_the_run_has_begun_are_nobody_s_loss() {
    for late in [0, 90, 300, 2_000].map(Duration::from_millis) {
        let outcome = with_one_held_up(chat(3, "10s", "40/s"), late);
        assert_eq!(accusations(&outcome.totals), [], "told {late:?} late");
        assert!(outcome.identity.holds() && outcome.identity.due > 2_000, "{:?}", outcome.identity);
        assert_eq!(outcome.identity.delivered, outcome.identity.due, "told {late:?} late");
    }
}
