//! A connection before which something was heard by other means: that is read first.

use std::collections::VecDeque;
use std::task::{Context, Poll};

use super::{CloseReason, Connection, Frame, Received, Traffic};
use crate::time::Timestamp;

/// The connection and what came before it.
#[derive(Debug)]
pub struct Preceded {
    before: VecDeque<Received>,
    pub(super) connection: Connection,
}

impl Preceded {
    pub(super) fn poll_receive(&mut self, cx: &mut Context<'_>) -> Poll<Result<Received, CloseReason>> {
        match self.before.pop_front() {
            Some(received) => Poll::Ready(Ok(received)),
            None => self.connection.poll_receive(cx),
        }
    }

    pub(super) fn start_send(&mut self, frame: Frame) -> Result<bool, CloseReason> {
        self.connection.start_send(frame)
    }

    pub(super) fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), CloseReason>> {
        self.connection.poll_flush(cx)
    }

    pub(super) fn last_heard(&self) -> Timestamp {
        self.connection.last_heard()
    }

    pub(super) fn take_traffic(&mut self) -> Traffic {
        self.connection.take_traffic()
    }
}

impl Connection {
    /// This connection, on which `before` is read first.
    pub fn preceded_by(self, before: VecDeque<Received>) -> Self {
        match before.is_empty() {
            true => self,
            false => Self::Preceded(Box::new(Preceded { before, connection: self })),
        }
    }
}
