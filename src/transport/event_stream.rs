//! Decoding an event stream (the HTML standard, "Server-sent events"), without IO.
//!
//! Chunks go in as they were read, events come out as soon as their last byte is there. Lines that lie whole in a chunk
//! are not copied: the data of an event in one such line is a slice of the chunk.

use bytes::{Bytes, BytesMut};
use memchr::{memchr, memchr2};
use std::time::Duration;
use tokio_tungstenite::tungstenite::Utf8Bytes;

const BOM: &[u8] = b"\xef\xbb\xbf";

/// Bytes a line may have beyond the largest data: the longest name that matters, the colon and the space.
const NAME: usize = "event: ".len();

/// One event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Event {
    /// The event's type; empty where the stream named none, which means `message`.
    pub(super) name: Utf8Bytes,
    /// Its data.
    pub(super) data: Utf8Bytes,
}

/// A line or an event is larger than was agreed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct TooLarge;

/// What the fields of the block under way have said so far.
#[derive(Default)]
enum Data {
    #[default]
    None,
    /// One line, as it came.
    Line(Bytes),
    /// Several lines, joined.
    Lines(BytesMut),
}

/// Where the decoding of one stream stands.
pub(super) struct Decoder {
    /// Read and not looked at yet.
    chunk: Bytes,
    /// The start of a line whose end is still to come.
    begun: BytesMut,
    /// The last line ended in CR: a LF that follows belongs to it.
    after_cr: bool,
    /// Nothing but a byte order mark may precede the first line.
    first: bool,
    name: Utf8Bytes,
    data: Data,
    /// The last event ID as of the block under way, and as of the last block that ended.
    id: String,
    last_id: String,
    id_changed: bool,
    retry: Option<Duration>,
    limit: usize,
}

impl Decoder {
    /// At the start of a stream, of which no event's data may have more than `limit` bytes.
    pub(super) fn new(limit: usize) -> Self {
        Self {
            chunk: Bytes::new(),
            begun: BytesMut::new(),
            after_cr: false,
            first: true,
            name: Utf8Bytes::default(),
            data: Data::None,
            id: String::new(),
            last_id: String::new(),
            id_changed: false,
            retry: None,
            limit,
        }
    }

    /// Takes in what was read. What was taken in before must have been decoded: [`Self::next`] has given `None`.
    pub(super) fn feed(&mut self, chunk: Bytes) {
        debug_assert!(self.chunk.is_empty(), "decode first, then feed");
        self.chunk = chunk;
    }

    /// The next event that is complete.
    ///
    /// # Errors
    /// When a line or the data of an event is beyond the limit; the stream is of no use from then on.
    pub(super) fn next(&mut self) -> Result<Option<Event>, TooLarge> {
        while let Some(line) = self.line()? {
            if line.is_empty() {
                if let Some(event) = self.dispatch() {
                    return Ok(Some(event));
                }
            } else {
                self.field(&line)?;
            }
        }
        Ok(None)
    }

    /// What a client that comes back sends as `Last-Event-ID`; empty: nothing.
    pub(super) fn last_event_id(&self) -> &str {
        &self.last_id
    }

    /// How long the server asked clients to wait before they come back, if it did.
    pub(super) fn retry(&self) -> Option<Duration> {
        self.retry
    }

    /// The next line that is complete, without its end.
    fn line(&mut self) -> Result<Option<Bytes>, TooLarge> {
        if self.after_cr && !self.chunk.is_empty() {
            self.after_cr = false;
            if self.chunk[0] == b'\n' {
                self.chunk = self.chunk.slice(1..);
            }
        }
        let Some(end) = memchr2(b'\n', b'\r', &self.chunk) else {
            let rest = std::mem::take(&mut self.chunk);
            self.begun.extend_from_slice(&rest);
            return self.check(self.begun.len()).map(|()| None);
        };
        self.after_cr = self.chunk[end] == b'\r';
        let mut line = self.chunk.split_to(end + 1);
        line.truncate(end);
        if !self.begun.is_empty() {
            self.begun.extend_from_slice(&line);
            line = std::mem::take(&mut self.begun).freeze();
        }
        self.check(line.len())?;
        if std::mem::take(&mut self.first) && line.starts_with(BOM) {
            line = line.slice(BOM.len()..);
        }
        Ok(Some(line))
    }

    fn check(&self, line: usize) -> Result<(), TooLarge> {
        let room = if self.first { NAME + BOM.len() } else { NAME };
        if line > self.limit.saturating_add(room) { Err(TooLarge) } else { Ok(()) }
    }

    fn field(&mut self, line: &Bytes) -> Result<(), TooLarge> {
        let colon = memchr(b':', line).unwrap_or(line.len());
        let value = line.get(colon + 1..).unwrap_or_default();
        let value = line.slice_ref(value.strip_prefix(b" ").unwrap_or(value));
        match &line[..colon] {
            b"data" => self.add(value)?,
            b"event" => self.name = text(value),
            b"id" if !value.contains(&0) => {
                self.id.clear();
                self.id.push_str(&String::from_utf8_lossy(&value));
                self.id_changed = true;
            }
            b"retry" if !value.is_empty() && value.iter().all(u8::is_ascii_digit) => {
                let number = |sum: u64, digit: &u8| sum.saturating_mul(10).saturating_add(u64::from(digit - b'0'));
                self.retry = Some(Duration::from_millis(value.iter().fold(0, number)));
            }
            // A comment, or a field nobody knows.
            _ => {}
        }
        Ok(())
    }

    fn add(&mut self, line: Bytes) -> Result<(), TooLarge> {
        let joined = match std::mem::take(&mut self.data) {
            Data::None => {
                let size = line.len();
                self.data = Data::Line(line);
                size
            }
            Data::Line(before) => self.join(BytesMut::from(before), &line),
            Data::Lines(before) => self.join(before, &line),
        };
        if joined > self.limit { Err(TooLarge) } else { Ok(()) }
    }

    fn join(&mut self, mut before: BytesMut, line: &[u8]) -> usize {
        before.reserve(1 + line.len());
        before.extend_from_slice(b"\n");
        before.extend_from_slice(line);
        let size = before.len();
        self.data = Data::Lines(before);
        size
    }

    /// The end of a block: an event, if there was data.
    fn dispatch(&mut self) -> Option<Event> {
        if std::mem::take(&mut self.id_changed) {
            self.last_id.clone_from(&self.id);
        }
        let name = std::mem::take(&mut self.name);
        let data = match std::mem::take(&mut self.data) {
            Data::None => return None,
            Data::Line(line) => text(line),
            Data::Lines(lines) => text(lines.freeze()),
        };
        Some(Event { name, data })
    }
}

/// Bytes as text, with U+FFFD for what is none.
fn text(bytes: Bytes) -> Utf8Bytes {
    Utf8Bytes::try_from(bytes.clone()).unwrap_or_else(|_| String::from_utf8_lossy(&bytes).into_owned().into())
}

#[cfg(test)]
pub(super) mod tests;
