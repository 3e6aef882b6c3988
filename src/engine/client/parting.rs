//! The end of a conversation: what is booked of it, and what it means for coming back.

use std::sync::Arc;

use super::{Client, Loss, named};
use crate::dialect::Cursor;
use crate::engine::books::{Fate, SendFate, SendReport};
use crate::engine::desk::Desk;
use crate::engine::incidents::{ClientEvent, Parting, Turn};
use crate::ledger::{self, Sent};
use crate::observe::Word;
use crate::session::{Ended, Hint, Place};
use crate::wire::CloseReason;

/// Books the end of a client whose task is not run any more.
pub(in crate::engine) fn abandon(desk: &Desk, client: &Client) {
    part(desk, client, None, None);
}

/// How a client parted from its server.
#[derive(Clone, Debug, Default)]
pub(super) struct Parted {
    /// It had been in all its rooms.
    pub(super) was_up: bool,
    /// When the server said it should come back.
    pub(super) hint: Option<Hint>,
    /// Where the conversation stood, if it can be gone on with.
    pub(super) cursor: Option<Cursor>,
}

/// Books the end of a conversation.
pub(super) fn part(
    desk: &Desk,
    client: &Client,
    ended: Option<&Ended>,
    keep: Option<&mut Option<Vec<Place>>>,
) -> Parted {
    let mut state = client.state.borrow_mut();
    let Some(mut session) = state.session.take() else { return Parted::default() };
    state.seats.iter().enumerate().for_each(|(place, seated)| session.saw(place, seated.newest));
    session.catch_position();
    let mut books = desk.books.borrow_mut();
    let now = desk.clock.now();
    let was_up = session.is_ready() || (state.leaving && state.was_ready && state.lost.is_none());
    for (token, at) in session.unwritten() {
        let (room, index) = named(token);
        books.report(SendReport { room, index, fate: SendFate::Sent(Sent::Uncertain(at)) });
    }
    let reason = if state.leaving { Word::LEFT } else { Word::DISCONNECTED };
    state.asking.end(&mut books, Fate::Failed(reason));
    books.add_traffic(session.take_traffic());
    if let Some(keep) = keep {
        *keep = Some(session.places().iter().map(|p| Place::new(Arc::clone(&p.room), p.position.clone())).collect());
    }
    if was_up {
        books.on_instance(session.instance(), false);
        desk.ready.set(desk.ready.get() - 1);
    }
    if let (Some(ended), false) = (ended, state.leaving) {
        let (stage, kind) = (session.stage(), kind_of(ended));
        let who = || desk.name_of(client.id, client.group);
        books.fail(stage, kind, now, who, || ended.to_string());
        let silent = matches!(ended, Ended::Closed(CloseReason::Silent));
        let since = if silent { session.last_heard() } else { now };
        // Who was not in all its rooms (again) may have been in some.
        if was_up || (0..session.places().len()).any(|place| session.is_joined(place)) {
            let slow = matches!(ended, Ended::Closed(CloseReason::Code(4202, _)));
            let class = if slow { Word::SLOW_CONSUMER } else { Word::RECONNECT_GAP };
            let loss = ledger::Loss { since, noticed: now, class };
            state.seats.iter().for_each(|seated| books.ledger.lost(seated.seat, loss));
            if let Some(raw) = &mut books.raw {
                raw.lost(client.id, since);
            }
        }
        if was_up {
            books.lost_connection(client.group, kind);
            state.lost.get_or_insert(Loss { since, noticed: now });
            state.last_loss = Some(now);
            let idle = now.since(session.last_heard());
            let parting = Parting { kind, instance: session.instance(), age: now.since(session.opened()), idle };
            books.events.push(ClientEvent { client: client.id, at: now, what: Turn::Lost(parting) });
        } else if state.lost.is_some() {
            books.events.push(ClientEvent { client: client.id, at: now, what: Turn::Failed(stage, kind) });
        }
    }
    Parted { was_up, hint: session.hint(), cursor: session.cursor() }
}

/// The kind under which an ending is counted.
fn kind_of(ended: &Ended) -> Word {
    match ended {
        Ended::AuthRefused(_) => Word::REFUSED,
        Ended::Timeout(_) => Word::TIMEOUT,
        Ended::Closed(reason) => match reason {
            CloseReason::Code(code, _) => Word::close(*code),
            CloseReason::Eof => Word::EOF,
            CloseReason::Reset => Word::RESET,
            CloseReason::Status(status) => Word::http(*status),
            CloseReason::Protocol(_) => Word::PROTOCOL,
            CloseReason::Silent => Word::SILENT,
            CloseReason::Io(_) => Word::IO,
        },
    }
}
