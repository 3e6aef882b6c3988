//! A worker's shift, from the first order to the last row: ramp, pace, tick, settle, farewell.

use std::ops::ControlFlow;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::task::spawn_local;

use super::Worker;
use crate::engine::Setup;
use crate::engine::desk::is_ramp;
use crate::engine::link::{FromWorker, Stage, ToWorker};
use crate::engine::turns::TurnBooks;
use crate::observe::ClientId;
use crate::scenario::plan::Start;
use crate::time::{Alarm, Timestamp, nanos};

/// How often a worker settles and reports.
const TICK: Duration = Duration::from_millis(100);

impl Worker {
    /// Starts the clients of ramps, counted from `start`.
    async fn ramp(self: Rc<Self>, start: Timestamp) {
        let mut own: Vec<(Duration, ClientId)> = Vec::new();
        for life in self.plan.lives() {
            if let (Start::BeforeT0(at), true) = (life.start, self.share.owns(life.client)) {
                own.push((at, life.client));
            }
        }
        own.sort_by_key(|(at, _)| *at);
        for (at, client) in own {
            if self.desk.clock.now() < start + at {
                self.desk.clock.sleep_until(start + at).await;
            }
            if self.desk.silent.get() {
                // The run ends before everybody has come.
                break;
            }
            self.start(client);
        }
    }

    /// Wakes at each moment the plan wants something of this worker's clients.
    async fn pace(self: Rc<Self>, alarm: Alarm) -> std::io::Result<()> {
        loop {
            let due = self.next_due();
            self.due.set(due);
            match due {
                Some(at) => {
                    tokio::select! {
                        rung = alarm.wait_until(at) => rung?,
                        () = self.rescheduled.notified() => {}
                    }
                }
                None => self.rescheduled.notified().await,
            }
            self.advance().await;
        }
    }

    /// Connections on which nothing is heard any more are given up.
    fn check_liveness(&self) {
        let now = self.desk.clock.now();
        while let Some(id) = self.desk.silences.next(now) {
            let again = self.clients.borrow().get(&id).and_then(|(client, _)| client.check_liveness(now));
            if let Some(at) = again {
                self.desk.silences.add(at, id);
            }
        }
    }

    /// Who has said nothing for too long says a sign of life, where the protocol wants them.
    fn keep_alive(&self) {
        let now = self.desk.clock.now();
        while let Some(id) = self.desk.heartbeats.next(now) {
            let again = self.clients.borrow().get(&id).and_then(|(client, _)| client.keep_alive(now));
            if let Some(at) = again {
                self.desk.heartbeats.add(at, id);
            }
        }
    }

    /// A tick's account: what has happened since the last one.
    pub(super) fn progress(&self, stage: Stage, with_snapshot: bool) -> FromWorker {
        let mut books = self.desk.books.borrow_mut();
        let books = &mut *books;
        let mut rows = std::mem::take(&mut books.rows);
        let stretches = &books.stretches;
        let stretch_at = |moment| stretches.at(moment);
        let closed_by = books.settled_by(self.desk.clock.now());
        books.ledger.settle(closed_by, &stretch_at, &mut rows, &mut books.recorder);
        if stage == Stage::Finished {
            books.ledger.finish(&stretch_at, &mut rows, &mut books.recorder);
        }
        FromWorker {
            worker: self.share.worker,
            stage,
            rows,
            reports: std::mem::take(&mut books.reports),
            snapshot: with_snapshot.then(|| books.take_snapshot()),
            ready: self.desk.ready.get(),
            asked: self.asked.get(),
            undecided: self.desk.undecided(),
            groups: self.desk.groups.borrow().clone(),
            recognised: books.recognised,
            errors: std::mem::take(&mut books.errors),
            unknown: std::mem::take(&mut books.unknown),
            instances: books.instances.clone(),
            turns: books.turns.as_mut().filter(|_| with_snapshot).map(TurnBooks::take).unwrap_or_default(),
            events: std::mem::take(&mut books.events),
            lag: with_snapshot.then(|| std::mem::take(&mut *self.lag.borrow_mut())),
        }
    }

    /// Tick number `number`: time goes on, and the account is told; breaks when nobody hears it any more.
    async fn tick(self: &Rc<Self>, number: u32, reports: &mpsc::Sender<FromWorker>) -> ControlFlow<()> {
        self.advance().await;
        self.check_liveness();
        self.keep_alive();
        self.check_requests();
        self.tell(self.progress(Stage::Running, number.is_multiple_of(10)), reports).await
    }

    pub(super) async fn tell(&self, progress: FromWorker, reports: &mpsc::Sender<FromWorker>) -> ControlFlow<()> {
        match reports.send(progress).await {
            Ok(()) => ControlFlow::Continue(()),
            Err(_) => ControlFlow::Break(()),
        }
    }

    /// Does as the coordinator says; breaks when that was the last order.
    async fn obey(self: &Rc<Self>, order: ToWorker, reports: &mpsc::Sender<FromWorker>) -> ControlFlow<()> {
        match order {
            ToWorker::Ramp(start) => drop(spawn_local(Rc::clone(self).ramp(start))),
            ToWorker::Schedule(t0) => {
                self.desk.books.borrow_mut().start_schedule(t0);
                self.rescheduled.notify_one();
            }
            ToWorker::Peers(batch) => {
                let mut books = self.desk.books.borrow_mut();
                // A worker that was held up may not have walked as far as the others have spoken.
                books.catch_up(self.desk.clock.now());
                batch.iter().filter(|(from, _)| *from != self.share.worker).for_each(|(_, report)| books.apply(report));
            }
            ToWorker::Stretch(at, stretch) => self.desk.books.borrow_mut().begin_stretch(at, stretch),
            ToWorker::StopSpeaking => {
                // A worker that is behind owes what was due before: said late it is measured, dropped it would be no one's.
                self.advance().await;
                self.desk.silent.set(true);
            }
            ToWorker::Settle => {
                self.desk.silent.set(true);
                self.advance().await;
                self.hear_out().await;
                self.await_writes().await;
                return self.tell(self.progress(Stage::Settled, false), reports).await;
            }
            ToWorker::Finish => {
                self.finish(reports).await;
                return ControlFlow::Break(());
            }
        }
        ControlFlow::Continue(())
    }
}

/// Runs one worker to its end. Meant for a current-thread runtime, inside a `LocalSet`.
///
/// # Errors
/// When the kernel gives no timer.
pub(in crate::engine) async fn run(
    setup: Arc<Setup>,
    number: usize,
    mut orders: mpsc::Receiver<ToWorker>,
    reports: mpsc::Sender<FromWorker>,
) -> std::io::Result<()> {
    let alarm = Alarm::new(&setup.dialer.clock)?;
    let worker = Worker::new(&setup, number);
    {
        let mut books = worker.desk.books.borrow_mut();
        worker
            .plan
            .lives()
            .iter()
            .filter(|life| is_ramp(life) && worker.share.owns(life.client))
            .for_each(|life| books.enter(life));
    }
    let pacer = spawn_local(Rc::clone(&worker).pace(alarm));
    let mut ticks = 0u32;
    let mut next = worker.desk.clock.now() + TICK;
    loop {
        let order = tokio::select! {
            biased;
            order = orders.recv() => order,
            () = worker.desk.clock.sleep_until(next) => {
                let late = worker.desk.clock.now() - next;
                // The runtime's timer is a millisecond coarse by design; what is beyond that is the loop's own lag.
                worker.lag.borrow_mut().record(nanos(late.saturating_sub(Duration::from_millis(1))));
                next = next.max(worker.desk.clock.now().saturating_sub(TICK)) + TICK;
                ticks += 1;
                if worker.tick(ticks, &reports).await.is_break() {
                    break;
                }
                continue;
            }
        };
        let Some(order) = order else { break };
        if worker.obey(order, &reports).await.is_break() {
            break;
        }
    }
    pacer.abort();
    Ok(())
}
