//! Faults as the engine sees them: a schedule of acts, and whoever can carry them out.

use std::collections::VecDeque;
use std::time::Duration;

use crate::observe::ClientId;
use crate::proxy::Hit;
use crate::scenario::plan::Plan;
use crate::scenario::{Cut, Deed, Fault, InstanceAction, RedisAction, Scenario};
use crate::time::Timestamp;

mod words;

pub(super) use words::describe;

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
    /// Cut the connections of these clients.
    Disconnect(Vec<Victim>, Cut),
    /// Let something befall the connections of these clients at the fault proxy.
    Proxy(Vec<Victim>, Hit),
    /// Run a command, the deed of the fault of this number.
    StartCommand(u16, Vec<String>),
    /// Kill the command of the fault of this number, if it still runs: its time is over.
    EndCommand(u16),
}

/// Somebody whom something is to befall.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Victim {
    /// Its number in the plan.
    pub client: ClientId,
    /// Its user's name.
    pub user: String,
}

/// When whose connection was cut.
pub type Cuts = Vec<(ClientId, Timestamp)>;

/// What became of an act after it was done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Aftermath {
    /// A connection was cut.
    Cut(ClientId, Timestamp),
    /// The command of a fault has ended.
    CommandEnded {
        /// The fault's number.
        fault: u16,
        /// Its exit status, if it ended by itself.
        status: Option<i32>,
        /// What went wrong, with its last words, if anything did.
        failure: Option<String>,
    },
}

/// Whoever can carry acts out.
pub trait Rig {
    /// Does it, at once.
    ///
    /// # Errors
    /// Why it could not be done, and what would make it possible.
    fn act(&mut self, act: &Act) -> Result<Cuts, String>;

    /// What has happened since it was asked last, of what acts leave to happen later.
    fn aftermath(&mut self) -> Vec<Aftermath>;
}

/// The clients the fault of this number picks: a seeded share of those the plan has in the group at its moment, the same
/// whoever asks.
pub(super) fn victims(plan: &Plan, scenario: &Scenario, number: u16, fault: &Fault) -> Vec<ClientId> {
    let (group, percent) = match fault.deed {
        Deed::Disconnect { clients, percent, .. }
        | Deed::Slow { clients, percent, .. }
        | Deed::Proxy { clients, percent, .. } => (clients, percent),
        Deed::Instance { .. } | Deed::Redis(_) | Deed::Command { .. } => return Vec::new(),
    };
    let at = scenario.times.warm_up + fault.at;
    let seed = scenario.seed ^ (u64::from(number) << 48) ^ 0xfa_0175;
    plan.pick(percent, seed, |life| life.group == group && life.covers(at))
}

/// Acts in the order of their moments.
#[derive(Debug, Default)]
pub(super) struct Schedule {
    acts: VecDeque<(Timestamp, u16, Act)>,
}

impl Schedule {
    /// What `faults` amount to when the measured phase begins at `measured`; `victims` are those of a fault.
    pub(super) fn of(
        faults: &[Fault],
        measured: Timestamp,
        mut victims: impl FnMut(u16, &Fault) -> Vec<Victim>,
    ) -> Self {
        let mut acts = Vec::new();
        for (number, fault) in (0..).zip(faults) {
            let at = measured + fault.at;
            let mut add = |at: Timestamp, act: Act| acts.push((at, number, act));
            match fault.deed {
                Deed::Disconnect { how, .. } => add(at, Act::Disconnect(victims(number, fault), how)),
                Deed::Proxy { hit, .. } => add(at, Act::Proxy(victims(number, fault), hit)),
                Deed::Command { ref argv, timeout } => {
                    add(at, Act::StartCommand(number, argv.clone()));
                    add(at + timeout, Act::EndCommand(number));
                }
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

    /// What puts things right again when the run ends before its time, or theirs.
    pub(super) fn amends(&mut self) -> Vec<Act> {
        let amends = |act: &Act| matches!(act, Act::ContinueInstance(_) | Act::ContinueRedis | Act::EndCommand(_));
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

/// How long a fault itself lasts; its stretch ends no sooner.
pub(super) fn lasts(deed: &Deed) -> Duration {
    const SHORTEST: Duration = Duration::from_secs(1);
    match deed {
        Deed::Disconnect { .. } | Deed::Command { .. } => SHORTEST,
        Deed::Proxy { hit, .. } => hit.lasting() + SHORTEST,
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
    fn a_command_has_its_time_and_no_more() {
        let argv = vec!["true".to_owned()];
        let deed = Deed::Command { argv: argv.clone(), timeout: Duration::from_secs(5) };
        let hit = Hit::Stall { direction: crate::proxy::Direction::Both, lasting: Duration::from_secs(2) };
        let stall = Deed::Proxy { clients: crate::observe::GroupId(0), percent: 1.0, hit };
        let start = Timestamp::from_nanos(1_000_000_000_000);
        let victim = Victim { client: ClientId(7), user: "u7".to_owned() };
        let mut schedule = Schedule::of(&[fault(1, stall), fault(2, deed)], start, |_, _| vec![victim.clone()]);
        let mut due = |seconds| schedule.due(start + Duration::from_secs(seconds));
        assert_eq!(due(1), Some((0, Act::Proxy(vec![victim.clone()], hit))), "what it begins it ends by itself");
        assert_eq!(due(3), Some((1, Act::StartCommand(1, argv))));
        assert_eq!(due(6), None);
        assert_eq!(schedule.amends(), [Act::EndCommand(1)], "nothing runs on when the run is over");
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
