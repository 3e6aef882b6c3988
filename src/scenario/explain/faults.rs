//! What goes wrong on purpose, when, whom it hits, and whether there is time to come back from it.

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use std::collections::BTreeSet;
use std::time::Duration;

use super::wrap::{Wrapped, plural};
use super::{proxy, time_text};
use crate::observe::GroupId;
use crate::proxy::Hit;
use crate::scenario::plan::{Life, Plan};
use crate::scenario::{Bundled, Cut, Deed, Failover, Fault, Group, InstanceAction, RedisAction, Scenario, Target};
use crate::units::human::bytes;

/// Returns that are tried out to see how long one may take.
const SAMPLES: u32 = 500;

/// Attempts after which a client that hurries so much is taken to be back as soon as there is something to come back to.
const HURRY: u32 = 10_000;

/// The section on faults, where there are any.
pub(super) fn faults(scenario: &Scenario, plan: &Plan, out: &mut Wrapped) {
    if scenario.faults.is_empty() {
        return;
    }
    out.heading("Faults");
    for fault in &scenario.faults {
        out.item(&format!(
            "{}, {} after the warm-up: {}",
            fault.name,
            time_text(fault.at),
            deed(scenario, plan, fault)
        ));
        if let Some(warning) = warning(scenario, plan, fault) {
            out.item(&warning);
        }
    }
    needs(scenario, out);
}

/// What these faults need that is only known when the run begins.
fn needs(scenario: &Scenario, out: &mut Wrapped) {
    let any = |fits: fn(&Deed) -> bool| scenario.faults.iter().any(|fault| fits(&fault.deed));
    let end = "without one the run ends before it begins (exit 3)";
    if any(|deed| matches!(deed, Deed::Redis(_))) {
        let item = "needs a Redis of its own: a redis-server or valkey-server on PATH, and no --redis";
        out.item(&format!("{item}; {end}"));
    } else if any(|deed| matches!(deed, Deed::Instance { .. })) {
        out.item(&format!("needs Redis: only then every instance is a process; {end}"));
    }
}

fn deed(scenario: &Scenario, plan: &Plan, fault: &Fault) -> String {
    let share = |clients: GroupId, percent: f64| {
        let all = there(scenario, plan, fault).filter(|life| life.group == clients).count();
        let some = (all as f64 * percent / 100.0).round() as u64;
        format!("{percent} % of {} (about {})", scenario[clients].name, plural(some, "client"))
    };
    match fault.deed {
        Deed::Proxy { clients, percent, ref hit } => {
            format!("{} {}", share(clients, percent), proxy::hit(hit, silence(&scenario.target)))
        }
        Deed::Command { ref argv, timeout } => {
            let arguments = plural(argv.len() as u64 - 1, "argument");
            format!("runs {} with {arguments}, {} at most; only with --allow-commands", argv[0], time_text(timeout))
        }
        Deed::Disconnect { clients, percent, how } => {
            format!("{} {}", share(clients, percent), cut(how, silence(&scenario.target)))
        }
        Deed::Slow { clients, percent, read } => {
            format!("{} read no faster than {}/s from then on", share(clients, percent), bytes(read))
        }
        Deed::Instance { index, action } => {
            let on_it = there(scenario, plan, fault).filter(|life| life.url == u32::from(index)).count();
            format!(
                "instance {index}, where {} connect at first, {}",
                plural(on_it as u64, "client"),
                self::action(action)
            )
        }
        Deed::Redis(RedisAction::Pause(time)) => format!("Redis stands still for {}", time_text(time)),
        Deed::Redis(RedisAction::Kill(time)) => {
            format!("Redis is killed, and started again, empty, after {}", time_text(time))
        }
    }
}

/// Who is there by the plan when it happens.
fn there<'p>(scenario: &Scenario, plan: &'p Plan, fault: &Fault) -> impl Iterator<Item = &'p Life> + use<'p> {
    let at = scenario.times.warm_up + fault.at;
    plan.lives().iter().filter(move |life| life.covers(at))
}

fn cut(how: Cut, silence: Duration) -> String {
    match how {
        Cut::Rst => "have their connections reset".to_owned(),
        Cut::Fin => "find their connections ended without a close frame".to_owned(),
        Cut::Blackhole if silence.is_zero() => "are cut off without a word: nothing passes any more".to_owned(),
        Cut::Blackhole => {
            format!("are cut off without a word, which they notice after {} of silence", time_text(silence))
        }
        Cut::Close(code) => format!("are sent away with close code {code}"),
    }
}

fn action(action: InstanceAction) -> String {
    let again = |restart_after: Option<Duration>| match restart_after {
        Some(time) => format!("is started again after {}", time_text(time)),
        None => "stays away".to_owned(),
    };
    match action {
        InstanceAction::Kill { restart_after } => format!("is killed and {}", again(restart_after)),
        InstanceAction::Drain { restart_after } => {
            format!("sends everybody away, ends and {}", again(restart_after))
        }
        InstanceAction::Stop(time) => format!("stands still for {}", time_text(time)),
    }
}

/// What to say when clients may be back too late for what they missed.
fn warning(scenario: &Scenario, plan: &Plan, fault: &Fault) -> Option<String> {
    let times = &scenario.times;
    let (left, until) = {
        let left = times.duration.saturating_sub(fault.at) + times.drain;
        if times.settle < left {
            (times.settle, "a copy may take (`settle`)")
        } else {
            (left, "there is left of the run")
        }
    };
    let groups: BTreeSet<GroupId> = hit(scenario, plan, fault).collect();
    let longest = groups.iter().map(|group| (back_after(scenario, fault, &scenario[*group]), &scenario[*group].name));
    let (longest, name) = longest.max_by_key(|(back, _)| back.unwrap_or(Duration::MAX))?;
    let remedy = "what they miss may count as lost";
    match longest {
        None => Some(format!("NOTE: some of {name} will not come back from this by their reconnect policy; {remedy}")),
        Some(longest) if longest > left => Some(format!(
            "NOTE: {name} may need {} to be back, longer than the {} {until}; {remedy}: \
             a longer `drain`, or `settle`, gives them time",
            time_text(longest),
            time_text(left),
        )),
        Some(_) => None,
    }
}

/// The groups of which it hits somebody.
fn hit(scenario: &Scenario, plan: &Plan, fault: &Fault) -> impl Iterator<Item = GroupId> {
    there(scenario, plan, fault)
        .map(|life| (life.group, life.url))
        .filter(|(group, url)| match &fault.deed {
            Deed::Disconnect { clients, .. } => clients == group,
            Deed::Proxy { clients, hit, .. } => {
                clients == group && !matches!(hit, Hit::Corrupt { .. } | Hit::Impair { .. })
            }
            Deed::Instance { index, .. } => u32::from(*index) == *url,
            Deed::Redis(_) => true,
            // What a command does is its own affair.
            Deed::Slow { .. } | Deed::Command { .. } => false,
        })
        .map(|(group, _)| group)
}

/// About the longest it takes a client of `group` to be back after `fault`; `None`: some never come.
fn back_after(scenario: &Scenario, fault: &Fault, group: &Group) -> Option<Duration> {
    let outage = fault.deed.outage();
    match fault.deed {
        Deed::Slow { .. } | Deed::Command { .. } => Some(Duration::ZERO),
        Deed::Proxy { hit: Hit::Stall { .. } | Hit::Corrupt { .. } | Hit::Impair { .. }, .. } => outage,
        Deed::Proxy { hit, .. } => {
            let noticed = if hit == Hit::HalfOpen { silence(&scenario.target) } else { Duration::ZERO };
            longest_return(group, Some(Duration::ZERO), 1).map(|back| noticed + back)
        }
        // Nobody loses a connection.
        Deed::Redis(_) | Deed::Instance { action: InstanceAction::Stop(_), .. } => outage,
        Deed::Disconnect { how: Cut::Close(1000 | 1001), .. }
            if !group.reconnect.policy.reconnects_after_clean_close() =>
        {
            None
        }
        Deed::Disconnect { how, .. } => {
            let noticed = if how == Cut::Blackhole { silence(&scenario.target) } else { Duration::ZERO };
            longest_return(group, Some(Duration::ZERO), 1).map(|back| noticed + back)
        }
        Deed::Instance { .. } => longest_return(group, outage, scenario.target.urls()),
    }
}

/// How long a silent server is waited for, as far as it is known beforehand.
fn silence(target: &Target) -> Duration {
    match target {
        Target::Bundled(Bundled { ping_interval, ping_timeout, .. }) => *ping_interval + *ping_timeout,
        Target::Foreign(_) => Duration::ZERO,
    }
}

/// The longest of many returns tried out: one of `urls` is away for `outage` (`None`: for good), the others are there.
fn longest_return(group: &Group, outage: Option<Duration>, urls: usize) -> Option<Duration> {
    let mut rng = ChaCha8Rng::seed_from_u64(0);
    let mut longest = Duration::ZERO;
    for _ in 0..SAMPLES {
        let (mut waited, mut attempt, mut delay) = (Duration::ZERO, 0, Duration::ZERO);
        loop {
            delay = group.reconnect.policy.delay(attempt, delay, &mut rng)?;
            waited += delay;
            attempt += 1;
            let elsewhere = urls > 1
                && match group.reconnect.failover {
                    Failover::Next => true,
                    Failover::Same => false,
                    Failover::Random => rng.random_range(0..urls) > 0,
                };
            if elsewhere || outage.is_some_and(|outage| waited >= outage) {
                break;
            }
            if waited > group.reconnect.give_up {
                return None;
            }
            if attempt > HURRY {
                waited = outage?;
                break;
            }
        }
        longest = longest.max(waited);
    }
    Some(longest)
}
