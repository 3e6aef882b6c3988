//! Connections that are cut because an admin wants it.

use super::{Ending, Flow, Session, close};
use crate::{
    faults::{Cut, Deed, Done, How},
    time,
};

impl Session {
    /// Cuts the connection, logs it and tells who asked for it.
    pub(super) fn cut(&mut self, cut: Cut) -> Flow {
        let Cut { how, done } = cut;
        let flow = match how {
            How::Blackhole => {
                self.socket.mute();
                Flow::Continue(())
            }
            How::Close(code) => close(code, "asked for"),
            How::Fin | How::Rst => {
                self.socket.hang_up(how);
                Flow::Break(Some(Ending::Cut(how)))
            }
        };
        let at = time::micros();
        if let (Some(faults), Some(user)) = (&self.worker.shared.faults, self.user.clone()) {
            let (user_again, how) = (Some(user.clone()), Some(how.to_string()));
            faults.truth.record(Deed { what: "cut", at, user: user_again, how, ..Deed::default() });
            // Whoever asked may have stopped waiting.
            let _late = done.try_send(Done { user, at });
        }
        flow
    }
}
