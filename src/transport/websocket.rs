//! websocket
use super::{CloseReason, Context, Frame, Poll, Received};
/// An open connection.
#[derive(Debug)]
pub struct WebSocket {}
impl WebSocket {
    pub(super) fn poll_receive(&mut self, _cx: &mut Context<'_>) -> Poll<Result<Received, CloseReason>> {
        Poll::Pending
    }
    pub(super) fn start_send(&mut self, _frame: Frame) -> Result<bool, CloseReason> {
        Ok(false)
    }
    pub(super) fn poll_flush(&mut self, _cx: &mut Context<'_>) -> Poll<Result<(), CloseReason>> {
        Poll::Ready(Ok(()))
    }
    pub(super) fn start_close(&mut self, _code: u16) {}
    pub(super) fn last_heard(&self) -> crate::time::Timestamp {
        crate::time::Timestamp::default()
    }
    pub(super) fn bytes(&self) -> (u64, u64) {
        (0, 0)
    }
}
