//! `[gate]`: what can be judged without knowing servers or quantiles.

use super::{Check, Checked};
use crate::scenario::file::{self, CountsWord};
use crate::scenario::gate::{BLOCKS, Gate, STARTS};

impl Check<'_> {
    pub(super) fn gate(&self, gate: Option<&file::Gate>) -> Checked<Gate> {
        let Some(gate) = gate else { return Ok(Gate::default()) };
        if gate.block.is_some_and(|block| !BLOCKS.contains(&block.0)) {
            return Err(self.wrong("gate.block", "a block lasts 400ms to 1s"));
        }
        if gate.starts.is_some_and(|starts| !STARTS.contains(&starts)) {
            return Err(self.wrong("gate.starts", "the sides are started 1 to 10 times"));
        }
        let gated = |(name, tolerance): &(String, String)| {
            (format!("{name}={tolerance}"), self.root.place(&format!("gate.metrics.{name}")).span)
        };
        Ok(Gate {
            base: gate.base.clone(),
            new: gate.new.clone(),
            metrics: gate.metrics.0.iter().map(gated).collect(),
            floor: gate.floor.map(|time| time.0),
            max_time: gate.max_time.map(|time| time.0),
            block: gate.block.map(|time| time.0),
            starts: gate.starts,
            ready: gate.ready.clone(),
            inconclusive_passes: gate.inconclusive == Some(CountsWord::Pass),
            untrustworthy_passes: gate.untrustworthy == Some(CountsWord::Pass),
        })
    }
}
