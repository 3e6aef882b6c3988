//! Streams of events: a user's own and the view of a room. The same envelopes as on sockets, each with the position as
//! its id, so that a browser comes back with it by itself.

use std::{
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use hyper::{
    Response,
    header::{self, HeaderValue},
};
use rand::RngExt;
use tokio::time::Sleep;

use super::{Answer, Asked, Body, Refusal, Seat, position, query::parameter};
use crate::{
    broker::NOTIFY,
    faults::How,
    protocol::{self, Code, Transport},
    time,
    worker::Wish,
};

/// The header a browser comes back with.
const LAST_EVENT_ID: &str = "last-event-id";

/// The body of a stream.
pub(crate) struct Stream {
    seat: Seat,
    /// Listens to notifications only.
    personal: bool,
    next_beat: u64,
    /// When the token is no longer good.
    expires: u64,
    sleep: Pin<Box<Sleep>>,
    ended: bool,
    /// Says nothing any more, and is to be forgotten at this time.
    lost_at: Option<u64>,
}

/// `GET /api/events`
pub(super) fn personal(asked: Asked<'_>) -> Result<Answer, Refusal> {
    stream(asked, NOTIFY)
}

/// `GET /api/rooms/{room}/events`
pub(super) fn room(asked: Asked<'_>, room: &str) -> Result<Answer, Refusal> {
    stream(asked, room)
}

fn stream(asked: Asked<'_>, room: &str) -> Result<Answer, Refusal> {
    let Asked { worker, line, request, caller } = asked;
    let header = request.headers().get(LAST_EVENT_ID).map(|value| value.to_str().unwrap_or("?").into());
    let query = || request.uri().query().and_then(|query| parameter(query, "last_event_id"));
    let from = header.or_else(query).and_then(|text| position(&text));
    let seat = Seat::take(worker, line, &caller.user, Transport::Sse)?;
    let now = time::micros();
    worker.join(&seat.peer, Wish { room, reference: None, from }, now)?;
    let personal = room == NOTIFY;
    if !personal {
        worker.list_user(&seat.peer);
    }
    let interval = time::as_micros(worker.shared.config.ping_interval);
    let next_beat = now + 1 + rand::rng().random_range(0..interval);
    let expires = time::at_unix(caller.user.expires);
    let sleep = Box::pin(tokio::time::sleep_until(time::deadline(next_beat)));
    let stream = Stream { seat, personal, next_beat, expires, sleep, ended: false, lost_at: None };
    let mut answer = Response::new(Body::Stream(Box::new(stream)));
    answer.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    // Proxies that buffer would hold events back.
    answer.headers_mut().insert("x-accel-buffering", HeaderValue::from_static("no"));
    Ok(answer)
}

impl Stream {
    /// The next event, heartbeat or end.
    pub(crate) fn poll_event(&mut self, context: &mut Context<'_>) -> Poll<Option<Bytes>> {
        if self.ended {
            return Poll::Ready(None);
        }
        self.seat.peer.register(context);
        if self.seat.peer.take_signal() {
            self.obey();
        }
        if self.ended {
            return Poll::Ready(None);
        }
        loop {
            if let Some(outgoing) = self.seat.peer.next() {
                if self.lost_at.is_some() {
                    continue;
                }
                let stats = &self.seat.worker.stats;
                stats.deliveries.add(u64::from(outgoing.delivery));
                stats.frames_out.add(1);
                return Poll::Ready(Some(outgoing.frame.into()));
            }
            let now = time::micros();
            if let Some(last) = self.due(now) {
                return Poll::Ready(last);
            }
            let due = time::deadline(self.next_due());
            self.sleep.as_mut().reset(due);
            if self.sleep.as_mut().poll(context).is_pending() {
                return Poll::Pending;
            }
        }
    }

    /// Does what an admin may want of it.
    fn obey(&mut self) {
        let Seat { worker, peer } = &self.seat;
        let (Some(cut), Some(user)) = (peer.take_cut(), peer.user()) else { return };
        match cut.how {
            How::Blackhole => self.lost_at = Some(time::micros() + time::as_micros(worker.shared.config.ping_timeout)),
            How::Close(_) | How::Fin | How::Rst => self.ended = true,
        }
        peer.ending.set(true);
        worker.has_cut(&user, *cut);
    }

    /// What the clock has to say, if anything.
    fn due(&mut self, now: u64) -> Option<Option<Bytes>> {
        let Seat { worker, peer } = &self.seat;
        let drain_at = peer.drain_at.get();
        if let Some(at) = self.lost_at {
            if now >= at || drain_at != 0 && now >= drain_at {
                peer.lose();
            }
            return None;
        }
        // Whose token has expired comes back and is asked for a new one.
        if peer.is_slow() || now >= self.expires || drain_at != 0 && now >= drain_at {
            self.ended = true;
            return Some(None);
        }
        if peer.overdue(now).is_some() {
            // The client comes back by itself.
            self.ended = true;
            worker.stats.errors_sent.add(1);
            let error = protocol::error(Code::Unavailable, None);
            return Some(Some(protocol::event(None, None, &error).into()));
        }
        if now < self.next_beat {
            return None;
        }
        let interval = time::as_micros(worker.shared.config.ping_interval);
        self.next_beat += ((now - self.next_beat) / interval + 1) * interval;
        if self.personal {
            // Its beat also moves the position past what was for others.
            worker.ask_standing(peer);
            return None;
        }
        worker.seen(peer, Duration::ZERO);
        Some(Some(Bytes::from_static(b":\n\n")))
    }

    fn next_due(&self) -> u64 {
        let drain_at = match self.seat.peer.drain_at.get() {
            0 => u64::MAX,
            at => at,
        };
        if let Some(at) = self.lost_at {
            // Once that is over, there is only the line to wait for.
            return if time::micros() < at.min(drain_at) { at.min(drain_at) } else { u64::MAX };
        }
        let join = self.seat.peer.next_join_deadline().unwrap_or(u64::MAX);
        self.next_beat.min(drain_at).min(join).min(self.expires)
    }
}
