//! One poll's view of the world: what happens on the connection is written into the books.

use super::asking::Asking;
use super::seating::Seating;
use super::{Client, Loss, named};
use crate::engine::books::{Books, Named, Receiver, SendFate, SendReport};
use crate::engine::desk::Desk;
use crate::ledger::Sent;
use crate::observe::{Fact, Topic, Word};
use crate::session::Happening;
use crate::time::{Timestamp, nanos};

/// One poll's view of the world: what happens is written into the books.
pub(super) struct Hearing<'a> {
    pub(super) client: &'a Client,
    pub(super) desk: &'a Desk,
    pub(super) books: &'a mut Books,
    pub(super) seats: &'a mut Seating,
    pub(super) asking: &'a mut Asking,
    /// Rooms that were joined, by their places, and when.
    pub(super) joined: Vec<(usize, Timestamp)>,
    pub(super) receiver: Receiver,
    pub(super) ready: bool,
    pub(super) first_delivery: &'a mut Option<Loss>,
}

impl Hearing<'_> {
    pub(super) fn hear(&mut self, happening: Happening<'_>) {
        let (books, group) = (&mut *self.books, self.client.group);
        match happening {
            Happening::Delivery(delivery, at) => {
                books.delivery_frame();
                let mut room = None;
                let seat_in = |of| {
                    room = Some(of);
                    self.seats.find(of).map(|seated| seated.seat)
                };
                let recognised = books.deliver(self.client.id, group, seat_in, &delivery, at, &self.receiver);
                if let Some(loss) = self.first_delivery.take_if(|_| recognised) {
                    books.since(loss.noticed, Fact::FirstDelivery, group, nanos(at - loss.since));
                }
                if let (Some(seated), Some(offset)) = (room.and_then(|of| self.seats.find(of)), delivery.offset) {
                    seated.newest = seated.newest.max(offset);
                }
            }
            Happening::Written(token, at) => {
                let (room, index) = named(token);
                books.report(SendReport { room, index, fate: SendFate::Sent(Sent::Written(at)) });
            }
            Happening::Acked(token, took) => {
                books.frame(Word::ACK);
                if let Some(topic) = self.measured(token) {
                    self.books.said(Fact::Ack, topic, group, None, nanos(took));
                }
            }
            Happening::Named(token, id) => {
                let (room, index) = named(token);
                let named = Named { room, index, publisher: self.client.id, instance: self.receiver.instance };
                books.name(named, id, self.desk.clock.now());
            }
            Happening::Refused(token, code, unconfirmed) => self.refused(token, code, unconfirmed),
            Happening::Joined(place) => {
                let now = self.desk.clock.now();
                if let Some(seated) = self.seats.get(place) {
                    books.joined(self.client.id, (seated.room, seated.seat), now);
                }
                self.joined.push((place, now));
            }
            Happening::Ready => self.ready = true,
            Happening::JoinRefused(_, code) => {
                let now = self.desk.clock.now();
                let who = || self.desk.name_of(self.client.id, group);
                books.fail(Word::JOIN, Word::REFUSED, now, who, || format!("join refused: {}", code.escape_debug()));
            }
            Happening::Stage(stage, took) => books.stage(stage, group, took),
            Happening::Instance(tag, name) => {
                self.receiver.instance = tag;
                books.name_instance(tag, name);
            }
            Happening::Answered(reference, at) => {
                books.frame(Word::REPLY);
                self.asking.answered(books, reference, at);
            }
            Happening::Declined(reference, code) => self.declined(reference, code),
            Happening::Frame(kind) => books.frame(kind),
            Happening::Unknown(frame) => books.unknown(frame.bytes()),
            Happening::Read(_) | Happening::JoinedElsewhere(_) => {}
        }
    }

    fn refused(&mut self, token: u64, code: &str, unconfirmed: bool) {
        let (room, index) = named(token);
        self.books.report(SendReport { room, index, fate: SendFate::Refused });
        let fact = if unconfirmed { Fact::MessageUnconfirmed } else { Fact::MessageRefused };
        if let Some(topic) = self.measured(token) {
            self.books.said(fact, topic, self.client.group, None, 1);
        }
        self.failed(code, "publication");
    }

    fn declined(&mut self, reference: u64, code: &str) {
        if let Some(request) = self.asking.declined(self.books, reference, kind_of(code)) {
            let what = &self.desk.scenario[request].name;
            self.failed(code, what);
        }
    }

    /// The server refused `what` with this code.
    fn failed(&mut self, code: &str, what: &str) {
        let who = || self.desk.name_of(self.client.id, self.client.group);
        let words = || format!("{what} refused: {}", code.escape_debug());
        self.books.fail(Word::ACTIVE, kind_of(code), self.desk.clock.now(), who, words);
    }

    /// What a publication of the measured phase is told apart by.
    fn measured(&self, token: u64) -> Option<Topic> {
        let (room, index) = named(token);
        self.books.ledger.measured(room, index)
    }
}

/// The kind of refusal that a server's code is counted under.
fn kind_of(code: &str) -> Word {
    match code {
        "unavailable" => Word::UNAVAILABLE,
        "unconfirmed" => Word::UNCONFIRMED,
        "rate_limited" => Word::RATE_LIMITED,
        _ => Word::REFUSED,
    }
}
