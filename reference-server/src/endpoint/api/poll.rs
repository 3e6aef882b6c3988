//! Long polls: a member of a room for as long as the request is held, answered with what came after the client's
//! position, from whichever instance it asks.

use std::{task::Poll, time::Duration};

use hyper::StatusCode;

use super::{Answer, Asked, Refusal, Seat, json, position, query::parameter};
use crate::{
    faults::{Cut, How},
    history::Position,
    peer::Outgoing,
    protocol::{self, Code, Transport},
    time,
    worker::Wish,
};

/// How long a poll is held if it does not say.
const USUAL: Duration = Duration::from_secs(25);
/// How long at most.
const LONGEST: Duration = Duration::from_secs(60);
/// Bytes of events in one answer; what is more comes with the next.
const BATCH: usize = 1024 * 1024;

/// What a poll is answered with.
struct Batch {
    position: Option<Position>,
    events: Vec<String>,
    bytes: usize,
}

/// `GET /api/rooms/{room}/poll?pos=&timeout=`
pub(super) async fn poll(asked: Asked<'_>, room: &str) -> Result<Answer, Refusal> {
    let Asked { worker, line, request, caller } = asked;
    let shared = &worker.shared;
    if !shared.config.history.keeps(room) {
        return Err(Code::Unsupported.into());
    }
    let query = request.uri().query().unwrap_or_default();
    let from = parameter(query, "pos").and_then(|text| position(&text));
    let held = match parameter(query, "timeout") {
        Some(text) => timeout(&text).ok_or(Refusal::plain(StatusCode::BAD_REQUEST, "Bad Timeout"))?,
        None => USUAL,
    };
    if shared.is_draining() {
        return Err(Refusal::plain(StatusCode::SERVICE_UNAVAILABLE, "Going Away"));
    }
    let seat = Seat::take(worker, line, &caller.user, Transport::LongPoll)?;
    let now = time::micros();
    worker.join(&seat.peer, Wish { room, reference: None, from }, now)?;
    let joined = next(&seat, now + time::as_micros(shared.config.join_timeout)).await.ok_or(Code::Unavailable)?;
    worker.lease(&seat.peer, room);
    let mut batch = Batch { position: protocol::parts(&joined.frame).0, events: Vec::new(), bytes: 0 };
    batch.take_waiting(&seat);
    let until = now + time::as_micros(held);
    while from.is_some() && batch.events.is_empty() {
        let Some(event) = next(&seat, until).await else { break };
        batch.take(&seat, &event);
        batch.take_waiting(&seat);
    }
    // Before the seat is given up: in between, the user has not gone.
    worker.lease(&seat.peer, room);
    Ok(json(protocol::batch(room, batch.position, &batch.events, &shared.name)))
}

/// The next event; `None` when it is `until`, or the instance wants to be rid of the poll.
async fn next(seat: &Seat, until: u64) -> Option<Outgoing> {
    let peer = &seat.peer;
    loop {
        let drain_at = match peer.drain_at.get() {
            0 => u64::MAX,
            at => at,
        };
        if let Some(cut) = peer.take_cut() {
            obey(seat, *cut).await;
            return None;
        }
        if let Some(event) = peer.next() {
            return Some(event);
        }
        let end = until.min(drain_at);
        if peer.is_slow() || time::micros() >= end {
            return None;
        }
        let changed = std::future::poll_fn(|context| {
            peer.register(context);
            let changed = peer.take_signal() || peer.has_waiting();
            if changed { Poll::Ready(()) } else { Poll::Pending }
        });
        // Either way it is looked at again.
        let _changed = tokio::time::timeout_at(time::deadline(end), changed).await;
    }
}

/// Does what an admin wants: answers with what there is, or never, and is forgotten when its time is over.
async fn obey(seat: &Seat, cut: Cut) {
    let Seat { worker, peer } = seat;
    let how = cut.how;
    peer.ending.set(true);
    if let Some(user) = peer.user() {
        worker.has_cut(&user, cut);
    }
    if how == How::Blackhole {
        tokio::time::sleep(worker.shared.config.ping_timeout).await;
        peer.lose();
        std::future::pending().await
    }
}

/// Seconds, or a number with `s` or `ms`.
fn timeout(text: &str) -> Option<Duration> {
    let (number, unit) = match text.strip_suffix("ms") {
        Some(number) => (number, 0.001),
        None => (text.strip_suffix('s').unwrap_or(text), 1.0),
    };
    let seconds = number.parse::<f64>().ok()? * unit;
    Some(Duration::try_from_secs_f64(seconds).ok()?.min(LONGEST))
}

impl Batch {
    /// Everything that waits, as far as it fits.
    fn take_waiting(&mut self, seat: &Seat) {
        while self.bytes < BATCH {
            let Some(event) = seat.peer.next() else { return };
            self.take(seat, &event);
        }
    }

    /// Messages and gaps; what is not remembered, like who comes and goes, would be lost between two polls.
    fn take(&mut self, seat: &Seat, event: &Outgoing) {
        let (position, frame) = protocol::parts(&event.frame);
        let remembered = event.delivery || frame.starts_with(r#"{"type":"gap""#);
        if remembered && position.is_some() {
            seat.worker.stats.deliveries.add(u64::from(event.delivery));
            self.position = position;
            self.bytes += frame.len();
            self.events.push(frame);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timeouts_are_seconds_unless_they_say_otherwise() {
        assert_eq!(timeout("1.5"), Some(Duration::from_millis(1_500)));
        assert_eq!(timeout("2s"), Some(Duration::from_secs(2)));
        assert_eq!(timeout("250ms"), Some(Duration::from_millis(250)));
        assert_eq!(timeout("999999"), Some(LONGEST));
        for bad in ["", "-1", "NaN", "x", "1m"] {
            assert_eq!(timeout(bad), None, "{bad}");
        }
    }
}
