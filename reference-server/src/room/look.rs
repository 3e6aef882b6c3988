//! Members who look back at the last messages of their room.

use std::sync::Arc;

use super::{
    flow::kind_of,
    inbox::{JoinRequest, Look, ToWorker},
    registry::{Entry, Registry},
};
use crate::{
    broker::Room,
    history::{Entry as History, Position},
    protocol::{self, Head},
    time,
};

/// Bytes of messages in one answer; older ones are left out.
const BYTES: usize = 256 * 1024;

impl Registry {
    /// Asks for the last messages of a room; the answer comes through the worker's inbox.
    pub(crate) fn look(&self, room: &Room, request: JoinRequest) {
        let mut table = self.lock();
        let Some(entry) = table.rooms.get_mut(room) else { return };
        match entry.channel.live() {
            None => entry.waiting.push(request),
            Some(last) => self.admit(room, entry, request, last),
        }
    }

    /// Asks the history for what the member wants to see, the room standing at `last`.
    pub(super) fn look_back(&self, room: &Room, entry: &mut Entry, request: JoinRequest, last: Option<Position>) {
        let (Some(last), Some(look)) = (last, &request.look) else { return self.show(room, request, &[], last) };
        let from = Position { offset: last.offset.saturating_sub(look.count), ..last };
        if from == last {
            return self.show(room, request, &[], Some(last));
        }
        let (number, request) = (self.number(), JoinRequest { from: Some(from), ..request });
        if let Some(after) = entry.recall.ask((request, from), number) {
            self.broker.history(room, number, after);
        }
    }

    /// Whether the request only wanted to look back; answers it with what there is.
    pub(super) fn shown(&self, room: &Room, entry: &Entry, request: &JoinRequest, missed: &[History]) -> bool {
        let looks = request.look.is_some();
        if looks {
            self.show(room, request.clone(), missed, entry.channel.last());
        }
        looks
    }

    fn show(&self, room: &Room, request: JoinRequest, entries: &[History], last: Option<Position>) {
        let JoinRequest { worker, peer, join, look, .. } = request;
        let Some(Look { count, reference }) = look else { return };
        let (now, mut bytes, mut frames) = (time::micros(), 0, Vec::new());
        for History { offset, tail } in entries.iter().rev().take(count as usize) {
            let position = last.map(|last| Position { offset: *offset, ..last });
            let head =
                Head { kind: kind_of(room), position, via: &self.instance, tsub: now, tout: now, replayed: true };
            let Some(frame) = head.encode(tail) else { continue };
            bytes += frame.len();
            if bytes > BYTES {
                break;
            }
            frames.push(frame);
        }
        frames.reverse();
        let frame = protocol::history(room, last, reference.as_deref(), &frames);
        self.tell(worker, ToWorker::Remembered { peer, room: Arc::clone(room), join, frame });
    }
}
