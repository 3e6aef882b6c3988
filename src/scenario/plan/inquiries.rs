//! All requests that are made at a pace, in the order of due times. Those made on joining have no place in a schedule.

use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use std::sync::Arc;
use std::time::Duration;

use super::Inner;
use super::seed::{For, derive, rng};
use super::stream::Moments;
use crate::observe::{ClientId, RequestId, RoomId};
use crate::scenario::Occasion;

/// One request that is to be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Inquiry {
    /// The entry it belongs to.
    pub request: RequestId,
    /// When it is due, counted from t0.
    pub due: Duration,
    /// Who asks.
    pub client: ClientId,
    /// The room it is about, if it is about one.
    pub room: Option<RoomId>,
}

/// Every request made at a pace, in the order of due times; what is due together in the order of the `[[request]]`
/// entries. Holds O(entries + clients) memory, whatever the number of requests.
#[derive(Clone, Debug)]
pub struct Inquiries {
    plan: Arc<Inner>,
    entries: Vec<Entry>,
}

#[derive(Clone, Debug)]
struct Entry {
    id: RequestId,
    moments: Moments,
    /// Draws the rooms.
    subjects: Box<ChaCha8Rng>,
    next: Option<Inquiry>,
}

impl Inquiries {
    pub(super) fn new(plan: Arc<Inner>) -> Self {
        let paced = (0..).zip(&plan.requests).filter_map(|(id, request)| match &request.when {
            Occasion::Joined => None,
            Occasion::Paced(cadence, spacing) => Some((id, cadence, *spacing)),
        });
        let entry = |(id, cadence, spacing)| {
            let seeds = (derive(plan.seed, For::Requests, id, 0), id);
            let moments = Moments::new(seeds, cadence, spacing, &plan.askers[usize::from(id)]);
            let subjects = Box::new(rng(plan.seed, For::Subjects, id, 0));
            let mut entry = Entry { id: RequestId(id), moments, subjects, next: None };
            entry.next = entry.draw(&plan);
            entry
        };
        let entries = paced.map(entry).collect();
        Self { plan, entries }
    }
}

impl Entry {
    fn draw(&mut self, plan: &Inner) -> Option<Inquiry> {
        let at = usize::from(self.id.0);
        let askers = &plan.askers[at];
        let (due, asker) = self.moments.next(plan, askers)?;
        let client = askers.clients()[asker as usize];
        let rooms = &plan.lives[client.0 as usize].rooms;
        let room = plan.requests[at].names_room.then(|| rooms[self.subjects.random_range(0..rooms.len())]);
        Some(Inquiry { request: self.id, due, client, room })
    }
}

impl Iterator for Inquiries {
    type Item = Inquiry;

    fn next(&mut self) -> Option<Inquiry> {
        let waiting = self.entries.iter_mut().filter_map(|entry| Some((entry.next?.due, entry)));
        // The first of equals is the earliest entry.
        let (_, entry) = waiting.min_by_key(|(due, _)| *due)?;
        let next = entry.draw(&self.plan);
        std::mem::replace(&mut entry.next, next)
    }
}
