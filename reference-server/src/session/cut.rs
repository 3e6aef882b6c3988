//! Connections that are cut because an admin wants it.

use super::{Ending, Flow, Session, close};
use crate::faults::{Cut, How};

impl Session {
    /// Cuts the connection, logs it and tells who asked for it.
    pub(super) fn cut(&mut self, cut: Cut) -> Flow {
        let flow = match cut.how {
            How::Blackhole => {
                self.socket.mute();
                Flow::Continue(())
            }
            How::Close(code) => close(code, "asked for"),
            how @ (How::Fin | How::Rst) => {
                self.socket.hang_up(how);
                Flow::Break(Some(Ending::Cut(how)))
            }
        };
        if let Some(user) = &self.user {
            self.worker.has_cut(user, cut);
        }
        flow
    }
}
