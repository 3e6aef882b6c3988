//! What a client asks beside the broadcast, and what becomes of each question: answered, failed or timed out.

use std::collections::VecDeque;

use super::{Client, State};
use crate::engine::books::{Account, Books, Fate};
use crate::engine::desk::Desk;
use crate::observe::{RequestId, RoomId, Word};
use crate::scenario::Occasion;
use crate::time::Timestamp;

/// The questions of one connection that have come to no end yet; the session bounds their number.
#[derive(Default)]
pub(super) struct Asking {
    open: VecDeque<Open>,
    /// When the desk has the client down to be looked at for questions that nobody has answered.
    watched: Option<Timestamp>,
}

/// A question under way.
#[derive(Clone, Copy, Debug)]
struct Open {
    reference: u64,
    request: RequestId,
    due: Timestamp,
    /// An answer that is read later is none.
    until: Timestamp,
    account: Account,
}

impl Asking {
    fn take(&mut self, reference: u64) -> Option<Open> {
        let at = self.open.iter().position(|open| open.reference == reference)?;
        self.open.remove(at)
    }

    /// The question with this reference was answered by what was read at `at`.
    pub(super) fn answered(&mut self, books: &mut Books, reference: u64, at: Timestamp) {
        let Some(open) = self.take(reference) else { return };
        let fate = if at > open.until { Fate::TimedOut } else { Fate::Answered(at - open.due) };
        books.settle(open.account, fate);
    }

    /// The question with this reference was refused, or got no answer; gives the request it was.
    pub(super) fn declined(&mut self, books: &mut Books, reference: u64, why: Word) -> Option<RequestId> {
        let open = self.take(reference)?;
        books.settle(open.account, Fate::Failed(why));
        Some(open.request)
    }

    /// All that is under way comes to this end.
    pub(super) fn end(&mut self, books: &mut Books, fate: Fate) {
        self.open.drain(..).for_each(|open| books.settle(open.account, fate));
    }
}

impl Client {
    /// Asks what was due at `due`, about `room` if it is about one.
    pub(in crate::engine) fn ask(&self, desk: &Desk, request: RequestId, room: Option<RoomId>, due: Timestamp) {
        let mut state = self.state.borrow_mut();
        let place = room.map(|room| state.seats.iter().position(|seated| seated.room == room));
        let subject = match place {
            Some(None) => Err(Word::NOT_JOINED),
            Some(Some(place)) => Ok(Some(place)),
            None => Ok(None),
        };
        self.put(desk, &mut desk.books.borrow_mut(), &mut state, (request, due), subject);
    }

    /// Asks what is asked by those who have joined the room at `place` at `at`.
    pub(super) fn ask_having_joined(
        &self,
        desk: &Desk,
        books: &mut Books,
        state: &mut State,
        (place, at): (usize, Timestamp),
    ) {
        for (id, request) in (0..).map(RequestId).zip(&desk.scenario.requests) {
            let asks = request.from == self.group && matches!(request.when, Occasion::Joined);
            if asks && !desk.silent.get() {
                self.put(desk, books, state, (id, at), Ok(Some(place)));
            }
        }
    }

    fn put(
        &self,
        desk: &Desk,
        books: &mut Books,
        state: &mut State,
        (request, due): (RequestId, Timestamp),
        subject: Result<Option<usize>, Word>,
    ) {
        let asked = &desk.scenario[request];
        let account = books.asked(request, self.group, due);
        let session = state.session.as_mut().ok_or(Word::DISCONNECTED);
        match session.and_then(|session| session.ask(subject?, &asked.message)) {
            Err(reason) => books.settle(account, Fate::Failed(reason)),
            Ok(reference) => {
                let until = due + asked.within;
                state.asking.open.push_back(Open { reference, request, due, until, account });
                if state.asking.watched.is_none_or(|at| until < at) {
                    state.asking.watched = Some(until);
                    desk.overdue.add(until, self.id);
                }
                if let Some(waker) = &state.waker {
                    waker.wake_by_ref();
                }
            }
        }
    }

    /// Questions that should have been answered before `now` have timed out; tells when to look again, if ever.
    pub(in crate::engine) fn time_out(&self, desk: &Desk, now: Timestamp) -> Option<Timestamp> {
        let mut state = self.state.borrow_mut();
        let State { asking, session, .. } = &mut *state;
        let mut books = desk.books.borrow_mut();
        asking.open.retain(|open| {
            if open.until < now {
                books.settle(open.account, Fate::TimedOut);
                session.iter_mut().for_each(|session| session.give_up(open.reference));
            }
            open.until >= now
        });
        // Down for an earlier moment it was looked at then; this is what is left of a later one.
        if asking.watched.is_some_and(|at| at >= now) {
            return None;
        }
        asking.watched = asking.open.iter().map(|open| open.until).min();
        asking.watched
    }

    /// The run is over: what has not been answered by now has timed out.
    pub(in crate::engine) fn end_requests(&self, desk: &Desk) {
        self.state.borrow_mut().asking.end(&mut desk.books.borrow_mut(), Fate::TimedOut);
    }
}
