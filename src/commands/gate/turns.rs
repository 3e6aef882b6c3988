//! Which scenarios can be measured in turns, and how they are made to take them.

use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use crate::commands::exit::Failure;
use crate::profile::Intermittent;
use crate::scenario::{Cadence, Occasion, Scenario};

/// Everything of `scenario` that has a pace keeps it within `turns`, at `factor` times the rate.
pub(super) fn take(scenario: &mut Scenario, turns: &[Range<Duration>], factor: f64) {
    let paces = scenario.publishes.iter_mut().map(|publish| &mut publish.rate);
    let asked = scenario.requests.iter_mut().filter_map(|request| match &mut request.when {
        Occasion::Paced(cadence, _) => Some(cadence),
        Occasion::Joined => None,
    });
    for cadence in paces.chain(asked) {
        // Who thinks is refused beforehand.
        if let Cadence::Total(shape) = cadence {
            *cadence = Cadence::Total(Arc::new(Intermittent::new(shape.scaled(factor), turns)));
        }
    }
}

/// Refuses what cannot be measured in turns.
pub(super) fn check(scenario: &Scenario) -> Result<(), Failure> {
    let asked = scenario.requests.iter().filter_map(|request| match &request.when {
        Occasion::Paced(cadence, _) => Some(cadence),
        Occasion::Joined => None,
    });
    let mut paces = scenario.publishes.iter().map(|publish| &publish.rate).chain(asked);
    let what = if !scenario.faults.is_empty() {
        "a [[fault]]: it would strike one side's turn and not the other's"
    } else if scenario.proxy.is_some() {
        "a [proxy]: put one in front of each target yourself"
    } else if paces.any(|cadence| matches!(cadence, Cadence::Think(..))) {
        "`every`: who thinks cannot wait for a turn; give a `rate`"
    } else if scenario.publishes.is_empty() {
        "no [[publish]]: there is nothing to be measured"
    } else {
        return Ok(());
    };
    Err(Failure::usage(format!("{} cannot be gated: it has {what}", scenario.source.path)))
}
