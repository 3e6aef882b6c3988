//! Signs of life that a client owes its server: said when nothing else was, where the protocol wants them.
//!
//! A session has no timer of its own: whoever owns it asks when to look again, and looks then.

use super::{Session, Step};
use crate::dialect::Intent;
use crate::observe::TransportKind;
use crate::time::Timestamp;

impl Session {
    /// When a sign of life is owed, if nothing is said before; `None` where none is wanted, or not yet, or not any more.
    pub fn heartbeat_due(&self) -> Option<Timestamp> {
        let wanted = self.step == Step::Active && self.kind == TransportKind::WebSocket;
        self.heartbeat.filter(|_| wanted).map(|every| self.spoke + every)
    }

    /// Says a sign of life if one is owed by `now`; when to look again, which is later than `now`, if ever.
    pub fn keep_alive(&mut self, now: Timestamp) -> Option<Timestamp> {
        if self.heartbeat_due()? <= now {
            self.references += 1;
            if let Some(frame) = self.request(&Intent::Heartbeat { reference: self.references }) {
                // A socket that takes none now is asked again when the next one is due; that it is stuck is told elsewhere.
                self.hand_over(frame).ok();
            }
            self.spoke = now;
        }
        self.heartbeat_due()
    }

    /// Notes that something is said now.
    pub(super) fn note_speech(&mut self) {
        if self.heartbeat.is_some() {
            self.spoke = self.clock.now();
        }
    }
}
