//! A virtual client: a session, the seats it fills, and what it does when the connection is lost.

use std::cell::RefCell;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use crate::dialect::Saying;
use crate::engine::books::Receiver;
use crate::engine::desk::Desk;
use crate::ledger::SeatId;
use crate::observe::{ClientId, GroupId, RoomId, Word};
use crate::scenario::plan::{Life, Publication};
use crate::session::{Ended, Session};
use crate::time::Timestamp;
use crate::wire::CloseReason;

mod asking;
mod comeback;
mod hearing;
mod life;
mod parting;
mod seating;

use asking::Asking;
use hearing::Hearing;
use seating::Seating;

pub(super) use life::live;
pub(super) use parting::abandon;

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
    seats: Seating,
    asking: Asking,
    leaving: bool,
    /// It has been in all its rooms at least once.
    was_ready: bool,
    lost: Option<Loss>,
    /// When it last noticed a loss, back or not.
    last_loss: Option<Timestamp>,
    /// It reads no faster than this, in bytes per second, and not before then.
    slow: Option<(u64, Timestamp)>,
    awaits_first_delivery: Option<Loss>,
    /// Nothing was heard for too long.
    given_up: bool,
    /// The desk has it down to be looked at for silence.
    watched: bool,
    /// The desk has it down to be looked at for a sign of life.
    keeps_alive: bool,
}

/// The loss of a connection.
#[derive(Clone, Copy, Debug)]
pub(in crate::engine) struct Loss {
    /// Since when nothing comes: the end of the connection, or the last byte before a silence.
    since: Timestamp,
    /// When the client noticed, which decides the stretch of the run it belongs to.
    pub(in crate::engine) noticed: Timestamp,
}

/// A publication as it is remembered between handing it over and its fate.
fn token(room: RoomId, index: u32) -> u64 {
    u64::from(room.0) << 32 | u64::from(index)
}

fn named(token: u64) -> (RoomId, u32) {
    (RoomId((token >> 32) as u32), token as u32)
}

impl Client {
    pub(in crate::engine) fn new(life: &Life, seats: &[(RoomId, SeatId)]) -> Self {
        let state = State { seats: Seating::new(seats), ..State::default() };
        Self { id: life.client, group: life.group, state: RefCell::new(state) }
    }

    /// Says what is due now. The publication's fate is known when this returns, or will be reported by the task.
    /// Goes to the one user if an `addressee` is named, and as a `saying` if it is one.
    pub(in crate::engine) fn say(
        &self,
        publication: &Publication,
        (addressee, saying): (Option<&str>, Option<&Saying>),
        text: &str,
    ) -> Result<Timestamp, Word> {
        let mut state = self.state.borrow_mut();
        let place = state.seats.iter().position(|seated| seated.room == publication.room);
        let token = token(publication.room, publication.index);
        let Some(session) = state.session.as_mut() else { return Err(Word::DISCONNECTED) };
        let at = match (addressee, place) {
            (Some(user), _) => session.notify(user, text, token)?,
            (None, Some(place)) => match saying {
                Some(saying) => session.publish_as(place, saying, text, token)?,
                None => session.publish(place, text, token)?,
            },
            (None, None) => return Err(Word::DISCONNECTED),
        };
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

    /// Gives the connection up if nothing was heard for longer than the server said it would be silent; otherwise tells
    /// when to look again, if ever.
    pub(in crate::engine) fn check_liveness(&self, now: Timestamp) -> Option<Timestamp> {
        let mut state = self.state.borrow_mut();
        let silent_from = state.session.as_ref().and_then(Session::silent_from);
        if silent_from.is_some_and(|from| from >= now) {
            return silent_from;
        }
        state.watched = false;
        if silent_from.is_some() {
            state.given_up = true;
            if let Some(waker) = &state.waker {
                waker.wake_by_ref();
            }
        }
        None
    }

    /// Says a sign of life if one is owed; when to look again, if ever.
    pub(in crate::engine) fn keep_alive(&self, now: Timestamp) -> Option<Timestamp> {
        let mut state = self.state.borrow_mut();
        let again = state.session.as_mut().and_then(|session| session.keep_alive(now));
        state.keeps_alive = again.is_some();
        if let (Some(_), Some(waker)) = (again, &state.waker) {
            waker.wake_by_ref();
        }
        again
    }

    /// From now on it reads no faster than `rate` bytes per second, and its socket takes in little beyond that.
    pub(in crate::engine) fn slow_down(&self, rate: u64, now: Timestamp) {
        let mut state = self.state.borrow_mut();
        state.slow = Some((rate.max(1), now));
        if let Some(session) = &state.session {
            session.take_little();
        }
        if let Some(waker) = &state.waker {
            waker.wake_by_ref();
        }
    }

    /// When a slow reader may read again.
    fn pause(&self) -> Option<Timestamp> {
        self.state.borrow().slow.map(|(_, next)| next)
    }

    /// Whether it has been in all its rooms at least once.
    pub(in crate::engine) fn was_ready(&self) -> bool {
        self.state.borrow().was_ready
    }

    /// The loss it has not recovered from, if there is one.
    pub(in crate::engine) fn loss(&self) -> Option<Loss> {
        self.state.borrow().lost
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
        if state.slow.is_some() {
            session.take_little();
        }
        state.session = Some(session);
    }

    /// Polls the conversation, telling the books what happens. A slow reader reads one message and pauses.
    fn poll(&self, cx: &mut Context<'_>, desk: &Desk) -> Poll<Step> {
        let mut state = self.state.borrow_mut();
        let state = &mut *state;
        let Some(session) = state.session.as_mut() else { return Poll::Ready(Step::Ended(None)) };
        if state.waker.as_ref().is_none_or(|waker| !waker.will_wake(cx.waker())) {
            state.waker = Some(cx.waker().clone());
        }
        let mut books = desk.books.borrow_mut();
        let mut hearing = Hearing {
            client: self,
            desk,
            books: &mut books,
            seats: &mut state.seats,
            asking: &mut state.asking,
            joined: Vec::new(),
            receiver: Receiver { instance: session.instance(), transport: session.kind(), last_loss: state.last_loss },
            ready: false,
            first_delivery: &mut state.awaits_first_delivery,
        };
        let at_most = if state.slow.is_some() { 1 } else { usize::MAX };
        let mut heard = false;
        let ended = session.poll(cx, at_most, &mut |happening| {
            heard = true;
            hearing.hear(happening);
        });
        let (ready, joined) = (hearing.ready, hearing.joined);
        let traffic = session.take_traffic();
        if let Some((rate, next)) = &mut state.slow {
            let pause = traffic.read.saturating_mul(1_000_000_000) / *rate;
            *next = desk.clock.now().max(*next) + Duration::from_nanos(pause);
        }
        books.add_traffic(traffic);
        joined.into_iter().for_each(|join| self.ask_having_joined(desk, &mut books, state, join));
        match ended {
            Poll::Ready(ended) => Poll::Ready(Step::Ended(Some(ended))),
            Poll::Pending if state.given_up => Poll::Ready(Step::Ended(Some(Ended::Closed(CloseReason::Silent)))),
            Poll::Pending if ready => Poll::Ready(Step::Ready),
            // There may be more where that came from, which nobody will wake us for.
            Poll::Pending if state.slow.is_some() && heard => Poll::Ready(Step::Paused),
            Poll::Pending => Poll::Pending,
        }
    }
}

/// Where polling a conversation leads.
#[derive(Debug)]
enum Step {
    /// It is over; nothing if there was none.
    Ended(Option<Ended>),
    /// All rooms are joined.
    Ready,
    /// A slow reader must wait.
    Paused,
}
