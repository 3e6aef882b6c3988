//! Faults as the engine sees them: a schedule of acts, and whoever can carry them out.

use std::collections::VecDeque;
use std::time::Duration;

use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;

use crate::observe::{ClientId, GroupId};
use crate::scenario::plan::Plan;
use crate::scenario::{Cut, Deed, Fault, InstanceAction, RedisAction, Scenario};
use crate::time::Timestamp;
use crate::units::{human, print_duration};

/// Something to be done to the ground a run stands on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Act {
    /// SIGKILL an instance.
    KillInstance(u16),
    /// SIGTERM an instance.
    DrainInstance(u16),
    /// SIGSTOP an instance.
    StopInstance(u16),
    /// SIGCONT an instance.
    ContinueInstance(u16),
    /// Start an instance again where it was.
    StartInstance(u16),
    /// SIGSTOP Redis.
    PauseRedis,
    /// SIGCONT Redis.
    ContinueRedis,
    /// SIGKILL Redis.
    KillRedis,
    /// Start Redis again, empty.
    StartRedis,
    /// Cut the connections of these users.
    Disconnect(Vec<String>, Cut),
}

/// When whose connection was cut.
pub type Cuts = Vec<(String, Timestamp)>;

/// Whoever can carry acts out.
pub trait Rig {
    /// Does it, at once.
    ///
    /// # Errors
    /// Why it could not be done, and what would make it possible.
    fn act(&mut self, act: &Act) -> Result<Cuts, String>;
}

/// Nobody: the target is not ours.
#[derive(Debug)]
pub struct NoRig;

impl Rig for NoRig {
    fn act(&mut self, _act: &Act) -> Result<Cuts, String> {
        Err("this target was not started by wsbench".to_owned())
    }
}

/// The clients a fault picks: a seeded share of those the plan has in the group at its moment, the same whoever asks.
pub(super) fn victims(
    plan: &Plan,
    seed: u64,
    number: u16,
    group: GroupId,
    percent: f64,
    at: Duration,
) -> Vec<ClientId> {
    let there = plan.lives().iter().filter(|life| life.group == group && life.covers(at));
    let mut clients: Vec<ClientId> = there.map(|life| life.client).collect();
    let picked = (clients.len() as f64 * percent / 100.0).round().max(1.0) as usize;
    clients.shuffle(&mut ChaCha8Rng::seed_from_u64(seed ^ (u64::from(number) << 48) ^ 0xfa_0175));
    clients.truncate(picked);
    clients
}

/// Acts in the order of their moments.
#[derive(Debug, Default)]
pub(super) struct Schedule {
    acts: VecDeque<(Timestamp, u16, Act)>,
}

impl Schedule {
    /// What `faults` amount to when the measured phase begins at `measured`; `users` names the victims of a cut.
    pub(super) fn of(faults: &[Fault], measured: Timestamp, mut users: impl FnMut(u16, &Fault) -> Vec<String>) -> Self {
        let mut acts = Vec::new();
        for (number, fault) in (0..).zip(faults) {
            let at = measured + fault.at;
            let mut add = |at: Timestamp, act: Act| acts.push((at, number, act));
            match fault.deed {
                Deed::Disconnect { how, .. } => add(at, Act::Disconnect(users(number, fault), how)),
                Deed::Instance { index, action } => instance(index, action, at, &mut add),
                Deed::Redis(RedisAction::Pause(time)) => {
                    add(at, Act::PauseRedis);
                    add(at + time, Act::ContinueRedis);
                }
                Deed::Redis(RedisAction::Kill(time)) => {
                    add(at, Act::KillRedis);
                    add(at + time, Act::StartRedis);
                }
                Deed::Slow { .. } => {}
            }
        }
        acts.sort_by_key(|(at, ..)| *at);
        Self { acts: acts.into() }
    }

    /// When the next act is due.
    pub(super) fn next(&self) -> Option<Timestamp> {
        self.acts.front().map(|(at, ..)| *at)
    }

    /// The next act, if it is due by `now`; with the number of its fault.
    pub(super) fn due(&mut self, now: Timestamp) -> Option<(u16, Act)> {
        let due = self.next().is_some_and(|at| at <= now);
        due.then(|| self.acts.pop_front()).flatten().map(|(_, number, act)| (number, act))
    }

    /// What puts things right again, for a run that ends before its time.
    pub(super) fn amends(&mut self) -> Vec<Act> {
        let amends = |act: &Act| matches!(act, Act::ContinueInstance(_) | Act::ContinueRedis);
        self.acts.drain(..).map(|(_, _, act)| act).filter(amends).collect()
    }
}

fn instance(index: u16, action: InstanceAction, at: Timestamp, add: &mut impl FnMut(Timestamp, Act)) {
    match action {
        InstanceAction::Stop(time) => {
            add(at, Act::StopInstance(index));
            add(at + time, Act::ContinueInstance(index));
        }
        InstanceAction::Kill { restart_after } => {
            add(at, Act::KillInstance(index));
            restart_after.into_iter().for_each(|after| add(at + after, Act::StartInstance(index)));
        }
        InstanceAction::Drain { restart_after } => {
            add(at, Act::DrainInstance(index));
            restart_after.into_iter().for_each(|after| add(at + after, Act::StartInstance(index)));
        }
    }
}

/// A fault in words.
pub(super) fn describe(scenario: &Scenario, fault: &Fault) -> String {
    let time = |time: Duration| print_duration(time);
    let back =
        |after: Option<Duration>| after.map_or_else(String::new, |after| format!(", back after {}", time(after)));
    match &fault.deed {
        Deed::Disconnect { clients, percent, how } => {
            let how = match how {
                Cut::Fin => "fin".to_owned(),
                Cut::Rst => "rst".to_owned(),
                Cut::Blackhole => "blackhole".to_owned(),
                Cut::Close(code) => format!("close {code}"),
            };
            format!("{percent} % of {} cut ({how})", scenario[*clients].name)
        }
        Deed::Instance { index, action } => match action {
            InstanceAction::Kill { restart_after } => format!("instance {index} killed{}", back(*restart_after)),
            InstanceAction::Drain { restart_after } => format!("instance {index} drained{}", back(*restart_after)),
            InstanceAction::Stop(stopped) => format!("instance {index} stopped for {}", time(*stopped)),
        },
        Deed::Redis(RedisAction::Pause(paused)) => format!("Redis paused for {}", time(*paused)),
        Deed::Redis(RedisAction::Kill(away)) => format!("Redis killed, back empty after {}", time(*away)),
        Deed::Slow { clients, percent, read } => {
            format!("{percent} % of {} read {}/s", scenario[*clients].name, human::bytes(*read))
        }
    }
}

/// How long a fault itself lasts; its stretch ends no sooner.
pub(super) fn lasts(deed: &Deed) -> Duration {
    const SHORTEST: Duration = Duration::from_secs(1);
    match deed {
        Deed::Disconnect { .. } => SHORTEST,
        // To the next one, or the end.
        Deed::Slow { .. } => Duration::from_secs(1_000_000),
        Deed::Redis(RedisAction::Pause(time) | RedisAction::Kill(time)) => *time + SHORTEST,
        Deed::Instance { action, .. } => match action {
            InstanceAction::Stop(time) => *time + SHORTEST,
            InstanceAction::Kill { restart_after } | InstanceAction::Drain { restart_after } => {
                restart_after.unwrap_or_default() + SHORTEST
            }
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(at: u64, deed: Deed) -> Fault {
        Fault { name: format!("at {at}"), at: Duration::from_secs(at), deed }
    }

    #[test]
    fn acts_come_in_order_and_what_is_stopped_goes_on() {
        let stop = InstanceAction::Stop(Duration::from_secs(5));
        let kill = InstanceAction::Kill { restart_after: Some(Duration::from_secs(1)) };
        let faults =
            [fault(1, Deed::Instance { index: 0, action: stop }), fault(2, Deed::Instance { index: 1, action: kill })];
        let start = Timestamp::from_nanos(1_000_000_000_000);
        let mut schedule = Schedule::of(&faults, start, |_, _| Vec::new());
        assert_eq!(schedule.due(start), None);
        let mut due = |seconds| schedule.due(start + Duration::from_secs(seconds));
        assert_eq!(due(1), Some((0, Act::StopInstance(0))));
        assert_eq!(due(3), Some((1, Act::KillInstance(1))));
        assert_eq!(due(3), Some((1, Act::StartInstance(1))));
        assert_eq!(due(3), None);
        assert_eq!(schedule.amends(), [Act::ContinueInstance(0)], "an interrupted run leaves nothing stopped");
    }
}
