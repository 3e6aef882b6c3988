//! All streams merged: everything that is to be said, in the order of due times.

use std::sync::Arc;

use super::stream::Stream;
use super::{Inner, Publication};
use crate::observe::PublishId;

/// Everything that is to be said, in the order of due times; what is due together in the order of the `[[publish]]`
/// entries. Holds O(streams + clients + rooms) memory, whatever the number of publications.
#[derive(Clone, Debug)]
pub struct Publications {
    plan: Arc<Inner>,
    streams: Vec<(Stream, Option<Publication>)>,
    /// How many publications each room has had.
    said: Vec<u32>,
}

impl Publications {
    pub(super) fn new(plan: Arc<Inner>) -> Self {
        let streams = (0..plan.publishes.len() as u16).map(|id| {
            let mut stream = Stream::new(PublishId(id), &plan);
            let first = stream.next(&plan);
            (stream, first)
        });
        let streams = streams.collect();
        let said = vec![0; plan.rooms + plan.owners.len()];
        Self { plan, streams, said }
    }
}

impl Iterator for Publications {
    type Item = Publication;

    fn next(&mut self) -> Option<Publication> {
        let waiting = self.streams.iter_mut().filter_map(|(stream, next)| {
            let due = next.as_ref()?.due;
            Some((due, stream, next))
        });
        // The first of equals is the earliest entry.
        let (_, stream, next) = waiting.min_by_key(|(due, ..)| *due)?;
        let mut publication = std::mem::replace(next, stream.next(&self.plan))?;
        let said = &mut self.said[publication.room.0 as usize];
        publication.index = *said;
        *said += 1;
        Some(publication)
    }
}
