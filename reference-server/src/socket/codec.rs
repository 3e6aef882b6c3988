//! How the codec is set, and what its errors mean.

use tokio_tungstenite::tungstenite::{
    Error,
    error::{CapacityError, ProtocolError},
    protocol::WebSocketConfig,
};

use super::End;
use crate::metered::Endless;

/// Read buffer of a connection, allocated from the start.
pub(super) const READ_BUFFER: usize = 4 * 1024;

/// How the codec is set: small buffers, and every limit set, of which most default to none. A frame is written as soon as
/// it is fed: its buffer never shrinks, so bursts are gathered below it.
pub(super) fn config(max_message: usize) -> WebSocketConfig {
    WebSocketConfig::default()
        .read_buffer_size(READ_BUFFER)
        .write_buffer_size(0)
        .max_write_buffer_size(2 * (max_message + READ_BUFFER))
        .max_message_size(Some(max_message))
        .max_frame_size(Some(max_message))
}

/// Bytes in which the largest message must be whole: in fragments of a single byte it takes seven times its size.
pub(super) fn allowance(max_message: usize) -> u64 {
    8 * max_message as u64 + READ_BUFFER as u64
}

/// What an error of the codec means.
pub(super) fn fault(error: &Error) -> End {
    match error {
        Error::Io(error) if error.get_ref().is_some_and(|error| error.is::<Endless>()) => {
            End::Fault(1009, "message without end")
        }
        Error::Capacity(CapacityError::MessageTooLong { .. }) => End::Fault(1009, "message too big"),
        Error::Protocol(ProtocolError::ResetWithoutClosingHandshake) => End::Gone,
        Error::Protocol(_) | Error::Capacity(_) => End::Fault(1002, "protocol error"),
        Error::Utf8(_) => End::Fault(1007, "invalid UTF-8"),
        _ => End::Gone,
    }
}
