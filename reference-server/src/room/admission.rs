//! Joins answered: at once, or with what was missed once the history has told it.

use std::sync::Arc;

use super::{
    flow::kind_of,
    inbox::{Entrance, JoinRequest, Replay, ToWorker},
    recall::{self, Need, Returning},
    registry::{Entry, Registry},
};
use crate::{
    broker::Room,
    history::{Entry as History, Epoch, Position},
    protocol::{Encoded, Head, Medium},
    time,
};

impl Registry {
    /// Answers a join, the room standing at `last`; asks the history first if messages were missed.
    pub(super) fn admit(&self, room: &Room, entry: &mut Entry, request: JoinRequest, last: Option<Position>) {
        if request.look.is_some() {
            return self.look_back(room, entry, request, last);
        }
        let Some(from) = request.from else { return self.settle(room, request, Entrance::Live(last)) };
        match recall::need(from, last) {
            Need::Nothing => self.settle(room, request, Entrance::Recovered { from, replay: Replay::default() }),
            Need::Hopeless => self.settle(room, request, Entrance::Lost { from, position: last }),
            Need::History => {
                let number = self.number();
                if let Some(after) = entry.recall.ask((request, from), number) {
                    self.broker.history(room, number, after);
                }
            }
        }
    }

    /// The history's answer for members who have come back.
    pub(super) fn recalled(
        &self,
        room: &Room,
        entry: &mut Entry,
        number: u64,
        missed: Vec<History>,
        position: Position,
    ) {
        let Some(last) = entry.channel.last() else { return };
        let Some(answered) = entry.recall.answer(number, missed, position, last) else { return };
        match answered.entries {
            None => {
                answered.returning.into_iter().for_each(|(request, _)| self.admit(room, entry, request, Some(last)))
            }
            Some(missed) => {
                let copies = self.encode(room, &answered.returning, &missed, last.epoch);
                for (request, from) in answered.returning {
                    if self.shown(room, entry, &request, &missed) {
                        continue;
                    }
                    let skip = recall::seen(&missed, from, last);
                    if from.offset > last.offset && from.offset <= answered.position.offset {
                        entry.recall.wait_ahead((request, from));
                    } else if let Some(skip) = skip {
                        let replay = Replay { copies: Arc::clone(&copies), skip };
                        let replay = replay.only_for(request.whose.as_deref(), &missed);
                        self.settle(room, request, Entrance::Recovered { from, replay });
                    } else {
                        self.settle(room, request, Entrance::Lost { from, position: Some(last) });
                    }
                }
            }
        }
        for (request, _) in entry.recall.take_next() {
            self.admit(room, entry, request, Some(last));
        }
    }

    /// Encodes what was missed, once for everybody who has missed it.
    fn encode(&self, room: &Room, returning: &[Returning], missed: &[History], epoch: Epoch) -> Arc<[Encoded]> {
        let streams = returning.iter().any(|(request, _)| request.medium == Medium::Events);
        let (kind, now) = (kind_of(room), time::micros());
        let encode = |History { offset, tail }: &History| {
            let position = Some(Position { offset: *offset, epoch });
            let head = Head { kind, position, via: &self.instance, tsub: now, tout: now, replayed: true };
            Encoded::new(head.encode(tail).unwrap_or_default(), streams, position)
        };
        missed.iter().map(encode).collect()
    }

    pub(super) fn settle(&self, room: &Room, request: JoinRequest, entrance: Entrance) {
        let JoinRequest { worker, peer, join, .. } = request;
        self.tell(worker, ToWorker::Joined { peer, room: Arc::clone(room), join, entrance });
    }
}
