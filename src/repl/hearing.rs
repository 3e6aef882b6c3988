//! What a client makes of what it hears: happenings of its session, told as items.

use std::collections::VecDeque;
use std::time::Duration;

use super::client::{Book, Frames, Tally};
use super::escape;
use super::item::{Item, Message};
use crate::dialect::{Delivery, Dialect, Identity, News, Reading};
use crate::observe::{Hop, Word};
use crate::session::{Dialer, Happening, Session};
use crate::time::Timestamp;
use crate::wire::{Frame, InstanceTag, Received};

/// So many frames are looked at for what protocol they could be.
const LOOKED: u32 = 8;

/// One turn of listening.
pub(super) struct Hearing<'h> {
    dialect: &'h dyn Dialect,
    identity: &'h Identity,
    rooms: Vec<std::sync::Arc<str>>,
    book: &'h mut Book,
    tally: &'h mut Tally,
    items: &'h mut Vec<Item>,
    /// What the frame that is being heard tells, as far as it is not told yet.
    told: VecDeque<Reading>,
    /// It is binary.
    binary: bool,
    /// Its request is known: more follows.
    referred: bool,
    /// Messages seen: room and offset.
    pub(super) saw: Vec<(String, u64)>,
    /// How many frames were read.
    pub(super) heard: usize,
}

impl<'h> Hearing<'h> {
    pub(super) fn new(
        dialer: &'h Dialer,
        identity: &'h Identity,
        session: &Session,
        (book, tally): (&'h mut Book, &'h mut Tally),
        items: &'h mut Vec<Item>,
    ) -> Self {
        let rooms = session.places().iter().map(|place| std::sync::Arc::clone(&place.room)).collect();
        let dialect = &*dialer.dialect;
        let (told, binary, referred, saw, heard) = (VecDeque::new(), false, false, Vec::new(), 0);
        Self { dialect, identity, rooms, book, tally, items, told, binary, referred, saw, heard }
    }

    pub(super) fn hear(&mut self, happening: Happening<'_>) {
        match happening {
            Happening::Read(received) => self.read(received),
            Happening::Delivery(delivery, at) => self.deliver(&delivery, at),
            Happening::Joined(place) => {
                if let Some(room) = self.rooms.get(place).filter(|room| !room.is_empty()) {
                    self.items.push(Item::Joined { room: room.to_string(), instance: self.book.instance.clone() });
                }
            }
            Happening::JoinRefused(place, code) => {
                self.book.refused.push(place);
                let room = self.rooms.get(place).map_or("", |room| room);
                self.refuse(format!("joining {room}"), code);
            }
            Happening::Written(token, _) => {
                if !self.dialect.habits().acknowledges_messages {
                    self.settle(token);
                }
            }
            Happening::Acked(token, took) => {
                self.tally.acked += 1;
                let room = self.settle(token).unwrap_or_default();
                self.items.push(Item::Acked { room, took });
            }
            Happening::Refused(token, code, unconfirmed) => {
                self.tally.refused += 1;
                let room = self.settle(token).unwrap_or_default();
                let doubt = if unconfirmed { " (it may have been delivered all the same)" } else { "" };
                self.refuse(format!("a message to {room}{doubt}"), code);
            }
            Happening::Answered(reference, at) => {
                if let Some((question, asked)) = self.asked(reference) {
                    self.items.push(Item::Answered { question, took: at.since(asked) });
                }
            }
            Happening::Declined(reference, code) => {
                if let Some((question, _)) = self.asked(reference) {
                    self.refuse(question, code);
                }
            }
            Happening::Frame(kind) if kind == Word::PRESENCE => self.presence(),
            Happening::Frame(kind) if kind == Word::ERROR => self.error(),
            Happening::Instance(_, name) => self.book.instance = Some(name.to_owned()),
            Happening::Unknown(frame) => {
                if self.book.frames == Frames::Hidden {
                    self.items.push(Item::Frame(shown(frame)));
                }
            }
            Happening::Frame(_)
            | Happening::Ready
            | Happening::Stage(..)
            | Happening::Named(..)
            | Happening::JoinedElsewhere(_) => {}
        }
    }

    fn read(&mut self, received: &Received) {
        self.heard += 1;
        let bytes = received.frame.bytes();
        self.tally.bytes += bytes.len() as u64;
        self.binary = matches!(received.frame, Frame::Binary(_));
        self.told = self.dialect.readings(&received.frame).into();
        self.recognise(&received.frame);
        self.referred = memchr::memmem::find(bytes, b"\"ref\"").is_some();
        if self.book.frames == Frames::Shown {
            self.items.push(Item::Frame(shown(&received.frame)));
        }
    }

    /// Where no protocol is spoken, the first frames may tell which it could be; that is told once.
    fn recognise(&mut self, frame: &Frame) {
        if self.dialect.name() != "raw" || self.book.looked == LOOKED {
            return;
        }
        self.book.looked += 1;
        if let Some((called, dialect)) = crate::dialect::recognise(frame) {
            self.book.looked = LOOKED;
            self.items.push(Item::Hint { called, dialect });
        }
    }

    /// The next of these that the frame tells.
    fn next_told(&mut self, wanted: &[News]) -> Option<Reading> {
        let at = self.told.iter().position(|told| wanted.contains(&told.news))?;
        self.told.remove(at)
    }

    fn deliver(&mut self, delivery: &Delivery<'_>, at: Timestamp) {
        self.tally.heard += 1;
        self.tally.replayed += u64::from(delivery.replayed);
        let told = self.next_told(&[News::Message]);
        if let (Some(offset), Some(room)) = (delivery.offset, told.as_ref().and_then(|told| told.room.clone())) {
            self.saw.push((room, offset));
        }
        let told = told.unwrap_or_else(|| Reading { text: Some(self.plain(delivery.body)), ..Reading::default() });
        let text = told.text.unwrap_or_default();
        let own = told.from.as_deref() == Some(self.identity.user.as_str());
        let said = self.said(told.room.as_deref(), &text).filter(|_| own || told.from.is_none());
        let delay = match (said, delivery.stamps) {
            (Some(sent), _) if !delivery.replayed => Some(at.since(sent)),
            (_, Some(stamps)) => Some(Duration::from_nanos(at.nanos().saturating_sub(stamps.ingress * 1_000))),
            _ => None,
        };
        let delay = delay.filter(|_| !delivery.replayed);
        self.tally.own += u64::from(own);
        self.tally.worst = self.tally.worst.max(delay.unwrap_or_default());
        let instance = told.instance.or_else(|| self.book.instance.clone());
        let tag = |name: &Option<String>| name.as_deref().map_or(InstanceTag::UNKNOWN, InstanceTag::of);
        self.items.push(Item::Message(Box::new(Message {
            hop: Hop::between(tag(&told.origin), tag(&instance)),
            room: told.room,
            from: told.from,
            text,
            origin: told.origin,
            instance,
            delay,
            own,
            replayed: delivery.replayed,
            id: told.id,
        })));
    }

    /// A body nobody reads further: its text, or its bytes as hex.
    fn plain(&self, body: &[u8]) -> String {
        match std::str::from_utf8(body) {
            Ok(text) if !self.binary => text.to_owned(),
            _ => escape::bytes(body),
        }
    }

    /// When this text was said here, if it was; each saying counts for one copy.
    fn said(&mut self, room: Option<&str>, text: &str) -> Option<Timestamp> {
        let fits = |sent: &&mut super::client::Sent| sent.text == text && room.is_none_or(|room| sent.room == room);
        let sent = self.book.sent.iter_mut().find(fits)?;
        sent.text.clear();
        Some(sent.at)
    }

    fn settle(&mut self, token: u64) -> Option<String> {
        let sent = self.book.sent.iter_mut().find(|sent| sent.token == token)?;
        sent.settled = true;
        Some(sent.room.clone())
    }

    fn asked(&mut self, reference: u64) -> Option<(String, Timestamp)> {
        let at = self.book.asked.iter().position(|(asked, ..)| *asked == reference)?;
        let (_, question, when) = self.book.asked.remove(at);
        Some((question, when))
    }

    fn presence(&mut self) {
        let Some(told) = self.next_told(&[News::Arrival, News::Departure]) else { return };
        if let (Some(room), Some(user)) = (told.room, told.from) {
            self.items.push(Item::Presence { room, user, came: told.news == News::Arrival });
        }
    }

    /// A refusal whose request is not known is told by itself; for the others more follows.
    fn error(&mut self) {
        if self.referred {
            return;
        }
        if let Some(told) = self.next_told(&[News::Refusal]) {
            let (what, code) = ("a frame".to_owned(), String::new());
            self.items.push(Item::Refused { what, code, words: told.text });
        }
    }

    fn refuse(&mut self, what: String, code: &str) {
        let words = self.next_told(&[News::Refusal]).and_then(|told| told.text);
        self.items.push(Item::Refused { what, code: code.to_owned(), words });
    }
}

/// A frame as it is shown where nothing is known of it.
fn shown(frame: &Frame) -> String {
    match frame {
        Frame::Binary(bytes) => escape::bytes(bytes),
        other => String::from_utf8_lossy(other.bytes()).into_owned(),
    }
}
