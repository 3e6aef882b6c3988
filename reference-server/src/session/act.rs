//! What an authenticated client says, and what is done about it.

use std::sync::Arc;

use serde_json::value::RawValue;
use tokio_tungstenite::tungstenite::Utf8Bytes;

use super::{Flow, Session};
use crate::{
    auth::User,
    broker::{Publication, PublishError, Receipt, Room},
    peer::Joining,
    protocol::{self, Code, Inbound, Tail, To},
    room::{Look, ToWorker},
    time,
    worker::{Wish, Worker},
};

/// Messages shown to a client that does not say how many.
const USUAL_LOOK: u64 = 50;

impl Session {
    /// Does what an authenticated client says.
    pub(super) fn act(&mut self, text: Utf8Bytes, user: &Arc<User>) -> Flow {
        let inbound = match Inbound::parse(&text) {
            Ok(inbound) => inbound,
            Err(code) => {
                self.error(code, None);
                return Flow::Continue(());
            }
        };
        let reference = inbound.reference();
        let done = match inbound.kind() {
            "message" => match self.message(&inbound, user) {
                Err(Hold::Wait) => {
                    self.socket.set_reading(false);
                    self.held = Some(text.clone());
                    Ok(())
                }
                Err(Hold::Refuse(code)) => Err(code),
                Ok(()) => Ok(()),
            },
            "join" => self.join(&inbound),
            "leave" => self.leave(&inbound),
            "ping" => {
                let t = inbound.t.map(|raw| raw.get());
                self.send(protocol::pong(reference, t, self.socket.last_read(), time::micros()));
                Ok(())
            }
            "auth" => return self.authenticate_again(&inbound, user),
            "presence" => self.presence(&inbound),
            "history" => self.history(&inbound),
            _ => Err(Code::UnknownType),
        };
        if let Err(code) = done {
            self.error(code, reference);
        }
        Flow::Continue(())
    }

    fn room<'a>(&'a self, inbound: &'a Inbound<'_>) -> Result<&'a str, Code> {
        let room = inbound.room.as_deref().or(self.home.as_deref()).ok_or(Code::BadRoom)?;
        if protocol::is_room_name(room) { Ok(room) } else { Err(Code::BadRoom) }
    }

    fn join(&self, inbound: &Inbound<'_>) -> Result<(), Code> {
        let wish = Wish { room: self.room(inbound)?, reference: inbound.reference(), from: inbound.position()? };
        self.worker.join(&self.peer, wish, time::micros())
    }

    fn leave(&self, inbound: &Inbound<'_>) -> Result<(), Code> {
        let room = self.room(inbound)?;
        self.worker.leave(&self.peer, room).ok_or(Code::NotJoined)?;
        self.send(protocol::left(room, inbound.reference()));
        Ok(())
    }

    /// Asks who is in a room; it need not be one the client is in.
    fn presence(&self, inbound: &Inbound<'_>) -> Result<(), Code> {
        let room: Room = self.room(inbound)?.into();
        let (shared, worker, peer) = (Arc::clone(&self.worker.shared), self.worker.index, self.peer.id);
        let reference: Option<Box<str>> = inbound.reference().map(Box::from);
        let name = Arc::clone(&room);
        let receipt = move |answer: Result<_, PublishError>| {
            let frame = match answer {
                Ok(roster) => protocol::presence(&room, reference.as_deref(), &roster),
                Err(error) => protocol::error(error.into(), reference.as_deref()),
            };
            shared.registry.tell(worker, ToWorker::Reply { peer, frame });
        };
        self.worker.shared.registry.roster(&name, Box::new(receipt));
        Ok(())
    }

    /// Asks for the last messages of a room the client is in.
    fn history(&self, inbound: &Inbound<'_>) -> Result<(), Code> {
        let look = Look { count: inbound.last.unwrap_or(USUAL_LOOK), reference: inbound.reference().map(Box::from) };
        self.worker.look(&self.peer, self.room(inbound)?, look)
    }

    fn message(&self, inbound: &Inbound<'_>, user: &User) -> Result<(), Hold> {
        let name = self.room(inbound)?;
        let content = inbound.content.ok_or(Code::Malformed)?;
        let known = self.peer.membership(name, |m| (m.room.clone(), matches!(m.state, Joining::Member { .. })));
        let room = match known {
            Some((room, true)) => room,
            Some((_, false)) => return Err(Hold::Wait),
            None => return Err(Code::NotJoined.into()),
        };
        let reference = inbound.reference();
        let receipt = |id| self.receipt(reference, Arc::clone(&room), id);
        let said = Said { room: Arc::clone(&room), inbound, content, tin: self.socket.last_read() };
        publish(&self.worker, user, said, receipt);
        Ok(())
    }

    /// Answers the client when the broker has: an ack if it asked for one, an error in any case.
    fn receipt(&self, reference: Option<&str>, room: Room, id: String) -> Receipt {
        let (shared, worker, peer) = (Arc::clone(&self.worker.shared), self.worker.index, self.peer.id);
        let reference: Option<Box<str>> = reference.map(Box::from);
        Receipt::new(move |outcome| {
            let frame = match (outcome, &reference) {
                (Ok(position), Some(reference)) => protocol::ack(reference, &room, position, &id),
                (Ok(_), None) => return,
                (Err(error), reference) => {
                    shared.registry.failed(error);
                    protocol::error(error.into(), reference.as_deref())
                }
            };
            shared.registry.tell(worker, ToWorker::Reply { peer, frame });
        })
    }
}

/// A message for a room its sender is in.
pub(super) struct Said<'a> {
    pub(super) room: Room,
    pub(super) inbound: &'a Inbound<'a>,
    pub(super) content: &'a RawValue,
    /// When it was read.
    pub(super) tin: u64,
}

/// Hands a message to the broker; `receipt` is made for its id.
pub(super) fn publish(worker: &Worker, user: &User, said: Said<'_>, receipt: impl FnOnce(String) -> Receipt) {
    let Said { room, inbound, content, tin } = said;
    let own = inbound.id.map(|raw| raw.get().to_owned());
    let dedupe = own.as_ref().map(|id| format!("{}:{id}", user.json));
    let id = own.unwrap_or_else(|| worker.message_id());
    let tail = Tail {
        to: To::Room(&room),
        id: &id,
        from: &user.json,
        origin: &worker.shared.name,
        timestamp: time::timestamp(),
        tin,
        tpub: time::micros(),
        content: content.get(),
    };
    let tail = tail.encode();
    let receipt = receipt(id);
    worker.stats.messages_in.add(1);
    worker.shared.registry.publish(Publication { room, tail, dedupe, receipt });
}

/// Why a message is not published now.
enum Hold {
    /// Its room's join is not done.
    Wait,
    Refuse(Code),
}

impl From<Code> for Hold {
    fn from(code: Code) -> Self {
        Self::Refuse(code)
    }
}
