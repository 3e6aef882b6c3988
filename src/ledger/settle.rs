//! Windows close: rows of what is done are handed over, and what is still missing is lost or excluded, seat by seat.

use std::ops::Range;
use std::time::Duration;

use super::membership::Fate;
use super::room::{Open, Room, Sending};
use super::row::Row;
use super::seat::Seats;
use super::seen::Seen;
use super::{Ledger, owed};
use crate::observe::{Fact, Labels, Observation, Observe, RoomId, Stretch, Word};
use crate::time::Timestamp;

/// Which stretch of the run a moment lies in, where faults or incidents divide it.
pub type StretchAt<'a> = &'a dyn Fn(Timestamp) -> Option<Stretch>;

impl Ledger {
    /// Settles every publication whose window has closed by `now`, and hands over rows of those that are done.
    /// `stretch_at` tells which stretch of the run a moment lies in.
    pub fn settle(
        &mut self,
        now: Timestamp,
        stretch_at: StretchAt<'_>,
        rows: &mut Vec<Row>,
        observer: &mut dyn Observe,
    ) {
        self.close(stretch_at, rows, observer, |open, settle| open.due + settle <= now);
    }

    /// Closes every window: the run is over. What no talker has reported by now was cut off before it was said.
    pub fn finish(&mut self, stretch_at: StretchAt<'_>, rows: &mut Vec<Row>, observer: &mut dyn Observe) {
        let open = self.rooms.iter_mut().flat_map(|room| &mut room.open);
        open.filter(|open| open.sending == Sending::Pending).for_each(|open| open.sending = Sending::Unsent);
        self.close(stretch_at, rows, observer, |_, _| true);
    }

    fn close(
        &mut self,
        stretch_at: StretchAt<'_>,
        rows: &mut Vec<Row>,
        observer: &mut dyn Observe,
        over: impl Fn(&Open, Duration) -> bool,
    ) {
        for at in 0..self.rooms.len() {
            let id = RoomId(at as u32);
            let room = &mut self.rooms[at];
            room.hand_over(id, rows);
            let mut popped = false;
            while room.open.front().is_some_and(|o| o.sending != Sending::Pending && over(o, self.rules.settle)) {
                if !room.open[0].settled {
                    settle_front(id, room, &mut self.seats, (self.rules.race, stretch_at), rows, observer);
                }
                room.pop();
                popped = true;
            }
            if popped {
                self.vacate(at);
            }
        }
    }

    /// Frees the seats of a room that nothing open is owed to, and forgets what no open publication can ask for.
    fn vacate(&mut self, room: usize) {
        let room = &mut self.rooms[room];
        let oldest = room.open.front().map(|open| open.due);
        let (seats, base) = (&mut self.seats, room.base);
        room.seats.retain(|id| {
            let Some(seat) = seats.get_mut(*id) else { return false };
            if let Some(oldest) = oldest {
                seat.membership.forget_before(oldest);
            }
            let gone = seat.end.is_some_and(|end| end <= base);
            if gone {
                seats.remove(*id);
            }
            !gone
        });
    }
}

/// Closes a room's oldest publication: every owed seat without a copy is lost or excluded.
fn settle_front(
    id: RoomId,
    room: &mut Room,
    seats: &mut Seats,
    (race, stretch_at): (Duration, StretchAt<'_>),
    rows: &mut Vec<Row>,
    observer: &mut dyn Observe,
) {
    let index = room.base;
    let mut row = room.open[0].row(id, index);
    let (room, open) = (&*room, &room.open[0]);
    let sent = match open.sending {
        Sending::Sent(at) | Sending::Uncertain(at) => at,
        Sending::Pending | Sending::Unsent => return,
    };
    for seat in &room.seats {
        let Some(seat) = seats.get_mut(*seat) else { continue };
        let spared = open.spares_publisher.is_some() && seat.client == open.publisher;
        if spared || !seat.owes(index) || seat.seen.contains(index) {
            continue;
        }
        seat.miss(index, open.topic);
        if !open.measured {
            continue;
        }
        let labels = owed(seat.class, Some(open.topic));
        let fate = match open.sending {
            Sending::Uncertain(_) => Fate::Excluded(Word::UNKNOWN),
            _ if open.nameless && !open.refused => Fate::Excluded(Word::UNKNOWN),
            _ => seat.membership.fate(sent, race, |seen, lost| overtaken(room, index, (seat.first, seen), sent..lost)),
        };
        let (fact, detail, labels) = match fate {
            Fate::Lost(..) if open.refused => {
                row.refuse(labels);
                continue;
            }
            // What a loss of the connection cost belongs to the stretch of that loss.
            Fate::Lost(class, Some(at)) => (Fact::Lost, class, Labels { phase: stretch_at(at), ..labels }),
            Fate::Lost(class, None) => (Fact::Lost, class, labels),
            Fate::Excluded(reason) => (Fact::Excluded, reason, labels),
        };
        row.lost += u64::from(fact == Fact::Lost);
        if (fact, detail) == (Fact::Lost, Word::RECONNECT_GAP) {
            observer.observe(&Observation::new(Fact::Missed, labels, 1));
        }
        observer.observe(&Observation::new(fact, Labels { detail: Some(detail), ..labels }, 1));
    }
    rows.push(row);
}

/// Whether something that the same talker said after the start of `span`, due by its end, is among what a seat that is owed
/// what came from `first` on had seen.
fn overtaken(room: &Room, index: u32, (first, seen): (u32, &Seen), span: Range<Timestamp>) -> bool {
    let said = room.later(index).take_while(|(_, open)| open.due <= span.end);
    said.filter(|(_, open)| open.due > span.start).any(|(later, _)| later >= first && seen.contains(later))
}
