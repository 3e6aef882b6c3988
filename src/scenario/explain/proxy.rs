//! The fault proxy in words: that it is there, what it does all along, and what befalls connections at it.

use std::time::Duration;

use super::time_text;
use super::wrap::{Wrapped, plural};
use crate::proxy::{Direction, Hit};
use crate::scenario::plan::Plan;
use crate::scenario::{Cut, Deed, Scenario};
use crate::units::human::bytes;

/// What stands between clients and target, if anything does.
pub(super) fn proxy(scenario: &Scenario, plan: &Plan, out: &mut Wrapped) {
    let Some(proxy) = &scenario.proxy else { return };
    let between = "a proxy of wsbench's own, a process by itself, stands between clients and server";
    if proxy.impairment.is_none() {
        out.item(&format!("{between}; what passes it is left alone unless a fault says otherwise"));
        return;
    }
    let whose = proxy.clients.map_or("all clients", |group| &scenario[group].name);
    let share = plan.share(proxy.percent, proxy.clients, scenario.seed).len() as u64;
    out.item(&format!(
        "{between}: {} % of {whose} ({}) are impaired all along: {}",
        proxy.percent,
        plural(share, "client"),
        proxy.impairment
    ));
}

/// Connections the proxy keeps though their clients have new ones: nobody tells the target that they are gone.
pub(super) fn forgotten(scenario: &Scenario, clients: u64) -> u64 {
    let kept = scenario.faults.iter().filter_map(|fault| match fault.deed {
        Deed::Proxy { percent, hit: Hit::HalfOpen, .. } | Deed::Disconnect { percent, how: Cut::Blackhole, .. } => {
            Some((clients as f64 * percent / 100.0).ceil() as u64)
        }
        _ => None,
    });
    kept.sum()
}

/// What befalls clients, said behind "30 % of listeners"; a silence is noticed after `silence`, if that is known.
pub(super) fn hit(hit: &Hit, silence: Duration) -> String {
    let way = |direction: Direction| match direction {
        Direction::Up => "say",
        Direction::Down => "hear",
        Direction::Both => "say or hear",
    };
    match *hit {
        Hit::Fin => "find their connections ended by the proxy".to_owned(),
        Hit::Reset { after: 0 } => "have their connections reset by the proxy".to_owned(),
        Hit::Reset { after } => {
            format!("have their connections reset by the proxy once {} more have reached them", bytes(after))
        }
        Hit::HalfOpen if silence.is_zero() => "are cut off without a word: nothing passes any more".to_owned(),
        Hit::HalfOpen => {
            format!("are cut off without a word, which they notice after {} of silence", time_text(silence))
        }
        Hit::Stall { direction, lasting } => format!("{} nothing for {}", way(direction), time_text(lasting)),
        Hit::Corrupt { direction } => format!("have one bit turned over in the next they {}", way(direction)),
        Hit::Impair { impairment, lasting } => format!("are impaired for {}: {impairment}", time_text(lasting)),
    }
}
