//! The raw log: plan, sends, joins, leaves and arrivals as lines of JSON, so that anyone can recompute the identity.

use std::fmt::Write as _;
use std::time::Duration;

use crate::ledger::Rules;
use crate::observe::{ClientId, RoomId, Word};
use crate::scenario::plan::Publication;
use crate::time::{Timestamp, nanos};
use crate::wire::Marker;

/// How much a worker gathers before it hands it to the writer.
const CHUNK: usize = 64 * 1024;

/// Chunks that may wait for the writer; when it falls behind, workers wait for it (a raw log is for looking, not for
/// loading, and says so).
const CHUNKS: usize = 256;

/// Where the raw log goes.
#[derive(Clone, Debug)]
pub struct RawSink(std::sync::mpsc::SyncSender<String>);

impl RawSink {
    /// A sink and the chunks that come out of it, each of whole lines. Ends when every worker has.
    pub fn channel() -> (Self, std::sync::mpsc::Receiver<String>) {
        let (sender, receiver) = std::sync::mpsc::sync_channel(CHUNKS);
        (Self(sender), receiver)
    }

    /// An end of it for lines that are made elsewhere, by a worker in another process.
    pub fn lines(&self) -> RawLines {
        RawLines(self.for_worker())
    }

    pub(super) fn for_worker(&self) -> RawLog {
        RawLog { sink: self.clone(), lines: String::with_capacity(CHUNK + 1_024) }
    }
}

/// Lines of the raw log made elsewhere; those that wait go on when it is dropped.
#[derive(Debug)]
pub struct RawLines(RawLog);

impl RawLines {
    /// One more.
    pub fn add(&mut self, line: &str) {
        self.0.line(format_args!("{line}"));
    }
}

impl Drop for RawLines {
    fn drop(&mut self) {
        self.0.flush();
    }
}

/// One worker's end of the raw log. All times are nanoseconds of the machine's monotonic clock.
#[derive(Debug)]
pub(super) struct RawLog {
    sink: RawSink,
    lines: String,
}

impl RawLog {
    fn line(&mut self, line: std::fmt::Arguments<'_>) {
        // Writing to a String cannot fail.
        self.lines.write_fmt(line).ok();
        self.lines.push('\n');
        if self.lines.len() >= CHUNK {
            self.flush();
        }
    }

    pub(super) fn flush(&mut self) {
        // The writer reports its own failures; once it is gone there is nobody to write for.
        drop(self.sink.0.send(std::mem::take(&mut self.lines)));
    }

    /// A publication of the plan and what became of it.
    pub(super) fn said(&mut self, publication: &Publication, due: Timestamp, said: Result<Timestamp, Word>) {
        let Publication { room, index, publisher, publish, .. } = publication;
        let (sent, reason) = match said {
            Ok(at) => (at.nanos().to_string(), "null".to_owned()),
            Err(reason) => ("null".to_owned(), format!("\"{}\"", reason.name())),
        };
        self.line(format_args!(
            r#"{{"what":"publication","room":{},"index":{index},"publisher":{},"publish":{},"due":{},"sent":{sent},"unsent":{reason}}}"#,
            room.0,
            publisher.0,
            publish.0,
            due.nanos(),
        ));
    }

    pub(super) fn arrival(&mut self, client: ClientId, marker: &Marker, at: Timestamp, replayed: bool) {
        let Marker { room, index, .. } = marker;
        self.line(format_args!(
            r#"{{"what":"arrival","client":{},"room":{room},"index":{index},"at":{},"replayed":{replayed}}}"#,
            client.0,
            at.nanos(),
        ));
    }

    /// The plan places a client in a room from `from` after t0 on, to `until` (nothing: to the end).
    pub(super) fn member(&mut self, client: ClientId, room: RoomId, from: Duration, until: Option<Duration>) {
        let until = until.map_or_else(|| "null".to_owned(), |at| at.as_nanos().to_string());
        self.line(format_args!(
            r#"{{"what":"member","client":{},"room":{},"from":{},"until":{until}}}"#,
            client.0,
            room.0,
            from.as_nanos(),
        ));
    }

    pub(super) fn joined(&mut self, client: ClientId, room: RoomId, at: Timestamp) {
        self.line(format_args!(r#"{{"what":"joined","client":{},"room":{},"at":{}}}"#, client.0, room.0, at.nanos()));
    }

    pub(super) fn left(&mut self, client: ClientId, at: Timestamp) {
        self.line(format_args!(r#"{{"what":"left","client":{},"at":{}}}"#, client.0, at.nanos()));
    }

    pub(super) fn lost(&mut self, client: ClientId, at: Timestamp) {
        self.line(format_args!(r#"{{"what":"lost","client":{},"at":{}}}"#, client.0, at.nanos()));
    }

    /// A publication that was handed over did not simply go out: `refused` by the server, or `uncertain`; or has
    /// been `named` by it, where copies are recognised by that.
    pub(super) fn fate(&mut self, room: RoomId, index: u32, fate: &str) {
        self.line(format_args!(r#"{{"what":"{fate}","room":{},"index":{index}}}"#, room.0));
    }

    /// The axis: t0 and the bounds of the measured phase; and the rules of the accounts.
    pub(super) fn axis(&mut self, t0: Timestamp, from: Timestamp, until: Timestamp, rules: &Rules) {
        self.line(format_args!(
            r#"{{"what":"axis","t0":{},"measured_from":{},"measured_until":{},"settle":{},"race":{},"sender_hears_itself":{},"needs_name":{}}}"#,
            t0.nanos(),
            from.nanos(),
            until.nanos(),
            nanos(rules.settle),
            nanos(rules.race),
            rules.sender_hears_itself,
            rules.needs_name,
        ));
    }

    /// The accounts of this worker's clients are closed: from here on copies are late.
    pub(super) fn closed(&mut self, at: Timestamp) {
        self.line(format_args!(r#"{{"what":"closed","at":{}}}"#, at.nanos()));
    }
}
