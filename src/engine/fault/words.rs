//! What faults do, in the words of reports.

use std::time::Duration;

use crate::proxy::Hit;
use crate::scenario::{Cut, Deed, Fault, InstanceAction, RedisAction, Scenario};
use crate::units::{human, print_duration};

/// A fault in words.
pub(in crate::engine) fn describe(scenario: &Scenario, fault: &Fault) -> String {
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
        Deed::Proxy { clients, percent, hit } => {
            format!("{percent} % of {} {}", scenario[*clients].name, befallen(hit))
        }
        // Arguments may be secrets.
        Deed::Command { argv, .. } => format!("ran {}", argv[0]),
    }
}

fn befallen(hit: &Hit) -> String {
    match *hit {
        Hit::Fin => "cut by the proxy (fin)".to_owned(),
        Hit::Reset { after: 0 } => "cut by the proxy (reset)".to_owned(),
        Hit::Reset { after } => format!("cut by the proxy after {} more (reset)", human::bytes(after)),
        Hit::HalfOpen => "cut by the proxy (half-open)".to_owned(),
        Hit::Stall { lasting, .. } => format!("stalled for {}", print_duration(lasting)),
        Hit::Corrupt { .. } => "had a bit turned over".to_owned(),
        Hit::Impair { impairment, lasting } => format!("impaired for {}: {impairment}", print_duration(lasting)),
    }
}
