//! Beginning together with the run beside this one.

use std::time::Duration;

use super::{Coordinator, RUN_UP, Woken};
use crate::engine::outcome::End;
use crate::engine::turns::{Gone, Turns};
use crate::time::Timestamp;

/// How often it is looked whether the other run is ready.
const GLANCE: Duration = Duration::from_millis(5);

impl Coordinator<'_> {
    /// Agrees on t0 with the run beside this one; meanwhile everything is taken in as ever.
    pub(super) async fn meet(&mut self, turns: &Turns) -> Result<Timestamp, End> {
        turns.meeting.propose(turns.place, self.clock.now() + 3 * RUN_UP);
        loop {
            match turns.meeting.agreed() {
                Ok(Some(t0)) => return Ok(t0),
                Ok(None) => {}
                Err(Gone) => return Err(End::Aborted("the other side did not begin".to_owned())),
            }
            if let Woken::Stopped(end) = self.wait(self.clock.now() + GLANCE, |_| false).await {
                return Err(end);
            }
        }
    }
}
