//! What grows with every copy or poll, kept in plain numbers until the recorder's content is taken.

use super::Books;
use crate::dialect::Stamps;
use crate::metrics::{HOP_STAGES, Snapshot};
use crate::observe::{Fact, Labels, Observation, Observe, Word};
use crate::session::hop_stages;
use crate::time::{Timestamp, nanos};
use crate::transport::Traffic;

/// See the module.
#[derive(Default)]
pub(super) struct Pending {
    traffic: Traffic,
    /// Frames that were deliveries.
    deliveries: u64,
    /// The stamps of the last copy, how long the stages up to its fan-out took, and how many copies in a row share them.
    run: Option<(Stamps, [u64; 3])>,
    copies: u64,
}

impl Books {
    /// Adds what has passed a connection.
    pub(in crate::engine) fn add_traffic(&mut self, passed: Traffic) {
        self.pending.traffic.add(passed);
    }

    /// Counts a frame that is a delivery.
    pub(in crate::engine) fn delivery_frame(&mut self) {
        self.pending.deliveries += 1;
    }

    /// Records the stages of the bus hop of a copy read at `at`. The copies of a publication that come through one
    /// instance share its stamps: the stages before the fan-out are recorded once for all of a run.
    pub(super) fn hop(&mut self, stamps: &Stamps, at: Timestamp) {
        let Some(stages) = hop_stages(stamps, at) else { return };
        let [ingress, bus, fanout, last] = stages.map(nanos);
        if self.pending.run.is_none_or(|(of, _)| of != *stamps) {
            self.record_run();
            self.pending.run = Some((*stamps, [ingress, bus, fanout]));
        }
        self.pending.copies += 1;
        self.recorder.observe(&of_stage(HOP_STAGES[3], last));
    }

    fn record_run(&mut self) {
        let (Some((_, stages)), copies) = (self.pending.run.take(), std::mem::take(&mut self.pending.copies)) else {
            return;
        };
        for (stage, took) in HOP_STAGES.into_iter().zip(stages) {
            self.recorder.repeat(&of_stage(stage, took), copies);
        }
    }

    /// Everything recorded since the last call.
    pub(in crate::engine) fn take_snapshot(&mut self) -> Snapshot {
        self.record_run();
        let Pending { traffic, deliveries, .. } = std::mem::take(&mut self.pending);
        let facts = [
            (Fact::BytesReceived, None, traffic.read),
            (Fact::BytesSent, None, traffic.written),
            (Fact::SocketRead, None, traffic.reads),
            (Fact::SocketWrite, None, traffic.writes),
            (Fact::FrameReceived, Some(Word::DELIVERY), deliveries),
        ];
        for (fact, detail, amount) in facts {
            self.recorder.observe(&Observation::new(fact, Labels { detail, ..Labels::default() }, amount));
        }
        self.recorder.take()
    }
}

fn of_stage(stage: Word, took: u64) -> Observation {
    Observation::new(Fact::HopStage, Labels { stage: Some(stage), ..Labels::default() }, took)
}
