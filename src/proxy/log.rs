//! The proxy's own account of what it did to which bytes: the truth its victims' figures are judged by. Lines of JSON;
//! all times are nanoseconds of the machine's monotonic clock.
//!
//! Nothing that passes waits for the disk: what it does not keep up with is left out, counted, and told in the last line.

use std::cell::{Cell, RefCell};
use std::fmt::Write as _;
use std::net::SocketAddr;
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};

use super::impairment::Way;
use super::link::Link;
use super::shaper::Piece;
use crate::time::Timestamp;

/// How much is gathered before it is handed to the writer.
const CHUNK: usize = 64 * 1024;

/// Chunks that may wait for the writer.
const CHUNKS: usize = 256;

/// Where the log goes.
#[derive(Debug)]
pub struct Log {
    sink: SyncSender<String>,
    lines: RefCell<String>,
    missing: Cell<u64>,
}

impl Log {
    /// A log and the chunks that come out of it, each of whole lines.
    pub fn channel() -> (Self, Receiver<String>) {
        let (sink, chunks) = sync_channel(CHUNKS);
        let lines = RefCell::new(String::with_capacity(CHUNK + 1_024));
        (Self { sink, lines, missing: Cell::new(0) }, chunks)
    }

    fn line(&self, line: std::fmt::Arguments<'_>) {
        let mut lines = self.lines.borrow_mut();
        // Writing to a String cannot fail.
        lines.write_fmt(line).ok();
        lines.push('\n');
        if lines.len() >= CHUNK {
            let chunk = std::mem::replace(&mut *lines, String::with_capacity(CHUNK + 1_024));
            match self.sink.try_send(chunk) {
                Ok(()) => {}
                Err(TrySendError::Full(chunk) | TrySendError::Disconnected(chunk)) => {
                    self.missing.set(self.missing.get() + chunk.lines().count() as u64);
                }
            }
        }
    }

    /// A connection of a client to the target; `impaired`: one of those that are so all along.
    pub(super) fn opened(&self, link: &Link, to: SocketAddr, at: Timestamp) {
        let (number, client, impaired, at) = (link.number, link.client, link.is_impaired(), at.nanos());
        self.line(format_args!(
            r#"{{"what":"opened","connection":{number},"client":{client},"impaired":{impaired},"to":"{to}","at":{at}}}"#
        ));
    }

    /// Bytes have passed: their places in the stream, when they were read and when they were written.
    pub(super) fn passed(&self, connection: u64, way: Way, piece: &Piece, size: usize, written: Timestamp) {
        let (way, from, until) = (way.name(), piece.from, piece.from + size as u64);
        let (read, written) = (piece.read.nanos(), written.nanos());
        self.line(format_args!(
            r#"{{"what":"passed","connection":{connection},"way":"{way}","from":{from},"until":{until},"read":{read},"written":{written}}}"#
        ));
    }

    /// A bit of the byte at this place of the stream was turned over.
    pub(super) fn corrupted(&self, connection: u64, way: Way, place: u64, at: Timestamp) {
        let (way, at) = (way.name(), at.nanos());
        self.line(format_args!(
            r#"{{"what":"corrupted","connection":{connection},"way":"{way}","place":{place},"at":{at}}}"#
        ));
    }

    /// The connection was cut by the proxy.
    pub(super) fn cut(&self, connection: u64, how: &str, at: Timestamp) {
        let at = at.nanos();
        self.line(format_args!(r#"{{"what":"cut","connection":{connection},"how":"{how}","at":{at}}}"#));
    }

    /// The connection is over.
    pub(super) fn closed(&self, connection: u64, at: Timestamp) {
        let at = at.nanos();
        self.line(format_args!(r#"{{"what":"closed","connection":{connection},"at":{at}}}"#));
    }

    /// The last line; gives how many are missing. Waits for the writer.
    pub(super) fn end(self) -> u64 {
        let missing = self.missing.get();
        let mut lines = self.lines.into_inner();
        writeln!(lines, r#"{{"what":"end","missing":{missing}}}"#).ok();
        // A writer that is gone has told why.
        drop(self.sink.send(lines));
        missing
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_writer_does_not_take_is_counted_and_nobody_waits() {
        let (log, chunks) = Log::channel();
        let lines = 400_000;
        for at in 0..lines {
            log.closed(at, Timestamp::from_nanos(at));
        }
        let writer = std::thread::spawn(move || chunks.iter().collect::<String>());
        let missing = log.end();
        let text = writer.join().unwrap();
        assert!(missing > 0);
        assert_eq!(text.lines().count() as u64, lines - missing + 1);
        assert_eq!(text.lines().last(), Some(format!(r#"{{"what":"end","missing":{missing}}}"#).as_str()));
        assert!(text.lines().all(|line| serde_json::from_str::<serde_json::Value>(line).is_ok()));
    }
}
