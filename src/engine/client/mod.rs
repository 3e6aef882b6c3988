//! A virtual client: a session, the seats it fills, and what it does when the connection is lost.

use std::cell::RefCell;
use std::task::{Context, Poll, Waker};

use crate::engine::desk::Desk;
use crate::ledger::SeatId;
use crate::observe::{ClientId, GroupId, RoomId, Word};
use crate::scenario::plan::{Life, Publication};
use crate::session::{Ended, Session};
use crate::time::Timestamp;
use crate::wire::CloseReason;

mod hearing;
mod life;

use hearing::Hearing;

pub(super) use life::{abandon, live};

/// One client. Its task owns the conversation; the pacer reaches in to make it speak.
pub(in crate::engine) struct Client {
    pub(in crate::engine) id: ClientId,
    pub(in crate::engine) group: GroupId,
    state: RefCell<State>,
}

#[derive(Default)]
struct State {
    session: Option<Session>,
    waker: Option<Waker>,
    seats: Box<[(RoomId, SeatId)]>,
    leaving: bool,
    /// It has been in all its rooms at least once.
    was_ready: bool,
    lost_at: Option<Timestamp>,
    awaits_first_delivery: Option<Timestamp>,
    /// The newest offset seen in each room, where the client resumes; else empty.
    offsets: Box<[u64]>,
    /// Nothing was heard for too long.
    given_up: bool,
}

/// A publication as it is remembered between handing it over and its fate.
fn token(room: RoomId, index: u32) -> u64 {
    u64::from(room.0) << 32 | u64::from(index)
}

fn named(token: u64) -> (RoomId, u32) {
    (RoomId((token >> 32) as u32), token as u32)
}

impl Client {
    pub(in crate::engine) fn new(life: &Life, seats: &[(RoomId, SeatId)], resumes: bool) -> Self {
        let offsets = vec![0; if resumes { seats.len() } else { 0 }].into();
        let state = State { seats: seats.into(), offsets, ..State::default() };
        Self { id: life.client, group: life.group, state: RefCell::new(state) }
    }

    /// Says what is due now. The publication's fate is known when this returns, or will be reported by the task.
    pub(in crate::engine) fn say(&self, publication: &Publication, text: &str) -> Result<Timestamp, Word> {
        let mut state = self.state.borrow_mut();
        let place = state.seats.iter().position(|(room, _)| *room == publication.room);
        let (Some(place), Some(session)) = (place, state.session.as_mut()) else { return Err(Word::DISCONNECTED) };
        let at = session.publish(place, text, token(publication.room, publication.index))?;
        if let Some(waker) = &state.waker {
            waker.wake_by_ref();
        }
        Ok(at)
    }

    /// The instance it is connected to.
    pub(in crate::engine) fn instance(&self) -> crate::wire::InstanceTag {
        self.state.borrow().session.as_ref().map_or(crate::wire::InstanceTag::UNKNOWN, Session::instance)
    }

    /// Leaves for good; gives whether there is a conversation to be ended first.
    pub(in crate::engine) fn leave(&self) -> bool {
        let mut state = self.state.borrow_mut();
        state.leaving = true;
        let Some(session) = state.session.as_mut() else { return false };
        session.leave();
        if let Some(waker) = &state.waker {
            waker.wake_by_ref();
        }
        true
    }

    /// Gives the connection up if nothing was heard for longer than the server said it would be silent.
    pub(in crate::engine) fn check_liveness(&self, now: Timestamp) {
        let mut state = self.state.borrow_mut();
        let state = &mut *state;
        let silent = state.session.as_ref().is_some_and(|session| session.is_silent(now));
        if silent && !state.given_up {
            state.given_up = true;
            if let Some(waker) = &state.waker {
                waker.wake_by_ref();
            }
        }
    }

    /// Whether it has been in all its rooms at least once.
    pub(in crate::engine) fn was_ready(&self) -> bool {
        self.state.borrow().was_ready
    }

    /// Whether it has lost its connection and is not back.
    pub(in crate::engine) fn is_down(&self) -> bool {
        self.state.borrow().lost_at.is_some()
    }

    /// Publications handed to the socket and not known to be written.
    pub(in crate::engine) fn unwritten(&self) -> Vec<(RoomId, u32, Timestamp)> {
        let state = self.state.borrow();
        let waiting = state.session.iter().flat_map(Session::unwritten);
        waiting.map(|(token, at)| (named(token).0, named(token).1, at)).collect()
    }

    fn install(&self, session: Session) {
        let mut state = self.state.borrow_mut();
        state.given_up = false;
        state.session = Some(session);
    }

    /// Polls the conversation, telling the books what happens.
    fn poll(&self, cx: &mut Context<'_>, desk: &Desk, until_ready: bool) -> Poll<Option<Ended>> {
        let mut state = self.state.borrow_mut();
        let state = &mut *state;
        let Some(session) = state.session.as_mut() else { return Poll::Ready(None) };
        if state.waker.as_ref().is_none_or(|waker| !waker.will_wake(cx.waker())) {
            state.waker = Some(cx.waker().clone());
        }
        let mut books = desk.books.borrow_mut();
        let mut hearing = Hearing {
            client: self,
            desk,
            books: &mut books,
            seats: &state.seats,
            instance: session.instance(),
            ready: false,
            first_delivery: &mut state.awaits_first_delivery,
            offsets: &mut state.offsets,
        };
        let ended = session.poll(cx, &mut |happening| hearing.hear(happening));
        let ready = hearing.ready;
        books.add_traffic(session.take_traffic());
        match ended {
            Poll::Ready(ended) => Poll::Ready(Some(ended)),
            Poll::Pending if state.given_up => Poll::Ready(Some(Ended::Closed(CloseReason::Silent))),
            Poll::Pending if until_ready && (ready || session.is_ready()) => Poll::Ready(None),
            Poll::Pending => Poll::Pending,
        }
    }
}
