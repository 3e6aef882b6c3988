//! Copies that come before this worker has been told when the run begins: another's talkers may have been told first. They
//! are kept, as they came, until this worker knows too; judged at once they would be nobody's.

use super::{Books, Heard};
use crate::observe::{GroupId, RoomId};
use crate::wire::Marker;

/// Copies that may wait, per worker; those beyond are judged at once.
const WAITING: usize = 1 << 16;

/// A copy that waits.
#[derive(Clone, Copy, Debug)]
pub(super) struct Early {
    marker: Marker,
    copy: Heard,
    group: GroupId,
}

impl Books {
    /// Keeps a copy if this worker does not know yet when the run begins; gives whether it did.
    #[cold]
    pub(super) fn keep_early(&mut self, marker: &Marker, copy: &Heard, group: GroupId) -> bool {
        let keeps = self.t0.is_none() && self.early.len() < WAITING;
        if keeps {
            self.early.push(Early { marker: *marker, copy: *copy, group });
        }
        keeps
    }

    /// It is known now when the run began.
    pub(super) fn judge_early(&mut self) {
        for Early { marker, copy, group } in std::mem::take(&mut self.early) {
            self.catch_up(copy.at);
            let seat = self.seat_in(copy.client, RoomId(marker.room));
            self.arrived(seat, &marker, &copy, group);
        }
    }
}
