//! Workers in other processes: the same orders and the same accounts, on a pipe instead of a channel. Here are both ends:
//! what the coordinator's process does with each pipe, and what a process does that carries clients.

use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::sync::{mpsc, oneshot};

use super::frames::{Ear, Mouth, Pipe};
use super::health::{Meter, Vitals};
use super::link::{FromWorker, Stage, ToWorker};
use super::{ORDERS, REPORTS, Setup, StartError, StartedThreads, start_threads};
use crate::scenario::Times;
use crate::time::Clock;

/// What is called with each secret that is learnt in another process.
pub type OnSecret = dyn Fn(&str) + Send + Sync;

/// What a process that carries clients tells. Not `Debug`: it holds secrets.
#[derive(Serialize, Deserialize)]
enum FromProcess {
    /// Secrets that have been learnt there, which what it tells from now on may hold.
    Learnt(Vec<String>),
    /// One of its workers' account.
    Account(Box<FromWorker>),
    /// What the measured phase cost this process.
    Vitals(Box<Vitals>),
}

/// What the coordinator learns of a process beside its workers' accounts.
pub(super) enum Notice {
    /// What the measured phase cost it.
    Vitals(Box<Vitals>),
    /// The process of this number is gone, and some of its workers had not come to their end.
    Died(usize),
}

/// Attends to the processes at the ends of `pipes`, each of which has `each` workers: an order channel for each, and
/// what is learned of them. Accounts go to `reports`, secrets that logins gave there to `learnt`.
pub(super) fn attend(
    pipes: Vec<Pipe>,
    each: usize,
    reports: &mpsc::Sender<FromWorker>,
    learnt: &Arc<OnSecret>,
) -> (Vec<mpsc::Sender<ToWorker>>, mpsc::Receiver<Notice>) {
    // Two of each process at most.
    let (notice, notices) = mpsc::channel(2 * pipes.len().max(1));
    let attended = pipes.into_iter().enumerate().map(|(process, pipe)| {
        let (order, orders) = mpsc::channel(ORDERS);
        tokio::spawn(pass_orders(orders, pipe.mouth));
        let told = Told { reports: reports.clone(), notices: notice.clone(), learnt: Arc::clone(learnt) };
        tokio::spawn(take_accounts(process, each, pipe.ear, told));
        order
    });
    (attended.collect(), notices)
}

async fn pass_orders(mut orders: mpsc::Receiver<ToWorker>, mut mouth: Mouth) {
    while let Some(order) = orders.recv().await {
        // Whoever takes its accounts notices that it is gone.
        if mouth.say(&order).await.is_err() {
            break;
        }
    }
}

/// Where what a process tells goes to.
struct Told {
    reports: mpsc::Sender<FromWorker>,
    notices: mpsc::Sender<Notice>,
    learnt: Arc<OnSecret>,
}

async fn take_accounts(process: usize, mut left: usize, mut ear: Ear, to: Told) {
    let Told { reports, notices, learnt } = to;
    while let Ok(Some(told)) = ear.hear().await {
        let heard = match told {
            FromProcess::Account(account) => {
                left -= usize::from(account.stage == Stage::Gone).min(left);
                reports.send(*account).await.is_ok()
            }
            FromProcess::Vitals(vitals) => notices.send(Notice::Vitals(vitals)).await.is_ok(),
            FromProcess::Learnt(secrets) => {
                secrets.iter().for_each(|secret| learnt(secret));
                true
            }
        };
        if !heard {
            return;
        }
    }
    if left > 0 {
        // A run that is over needs no notice.
        notices.send(Notice::Died(process)).await.ok();
    }
}

/// Carries the clients of the workers numbered `own` of the run that `setup` describes: takes orders from `pipe` and tells
/// the workers' accounts there, until they have come to their end or the other side has gone. What `learnt` gives, secrets
/// that have been learnt since it was last asked, is told before the account that may hold them.
///
/// # Errors
/// When a worker could not be started.
pub async fn serve(
    setup: Setup,
    own: Range<usize>,
    pipe: Pipe,
    mut learnt: impl FnMut() -> Vec<String>,
) -> Result<(), StartError> {
    let setup = Arc::new(setup);
    let (report, mut reports) = mpsc::channel(REPORTS);
    let StartedThreads { mut orders, threads } = start_threads(&setup, own, &report)?;
    drop(report);
    let (to_meter, metered) = mpsc::channel(ORDERS);
    orders.push(to_meter);
    let (weighed, mut vitals) = oneshot::channel();
    tokio::spawn(weigh(setup.dialer.clock.clone(), setup.scenario.times, metered, weighed));
    let Pipe { ear, mut mouth } = pipe;
    let passing = tokio::spawn(take_orders(ear, orders));
    let mut waits = true;
    loop {
        let told = tokio::select! {
            told = &mut vitals, if waits => {
                waits = false;
                let Ok(vitals) = told else { continue };
                FromProcess::Vitals(Box::new(vitals))
            }
            account = reports.recv() => match account {
                Some(account) => FromProcess::Account(Box::new(account)),
                None => break,
            },
        };
        let secrets = learnt();
        if !secrets.is_empty() && mouth.say(&FromProcess::Learnt(secrets)).await.is_err() {
            break;
        }
        if mouth.say(&told).await.is_err() {
            break;
        }
    }
    passing.abort();
    // Workers whose accounts nobody takes any more come to their end by themselves.
    drop(reports);
    super::join(threads)
}

/// Hands what is ordered to everybody in this process; when the other side has gone, nobody is ordered any more.
async fn take_orders(mut ear: Ear, orders: Vec<mpsc::Sender<ToWorker>>) {
    while let Ok(Some(order)) = ear.hear::<ToWorker>().await {
        for worker in &orders {
            // One that has come to its end needs no order.
            worker.send(order.clone()).await.ok();
        }
    }
}

/// Weighs this process from the start of the measured phase to its end. It hears the workers' orders: they say when both
/// are.
async fn weigh(clock: Clock, times: Times, mut orders: mpsc::Receiver<ToWorker>, told: oneshot::Sender<Vitals>) {
    let mut meter = Meter::new(&clock);
    let (mut due, mut begun) = (None, None);
    loop {
        let order = tokio::select! {
            order = orders.recv() => order,
            () = clock.sleep_until(due.unwrap_or_default()), if due.is_some() => {
                meter.start();
                begun = due.take();
                continue;
            }
        };
        match order {
            Some(ToWorker::Schedule(t0)) => due = Some(t0 + times.warm_up),
            Some(ToWorker::StopSpeaking | ToWorker::Settle) | None => break,
            Some(_) => {}
        }
    }
    let measured = begun.map_or(Duration::ZERO, |begun| (clock.now() - begun).min(times.duration));
    // When nobody waits for it, the run is over.
    told.send(meter.stop(measured)).ok();
    // The others' orders go on.
    while orders.recv().await.is_some() {}
}
