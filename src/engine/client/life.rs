//! A client's life: connect, talk, and come back after a loss as long as its policy says so.

use std::future::poll_fn;
use std::sync::Arc;
use std::time::Duration;

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

use super::{Client, Loss, Step, named};
use crate::backoff::HEALTHY_AFTER;
use crate::dialect::Identity;
use crate::engine::books::{Books, SendFate, SendReport};
use crate::engine::desk::Desk;
use crate::engine::incidents::{ClientEvent, Turn};
use crate::ledger::Sent;
use crate::observe::{Fact, TransportKind, Word};
use crate::scenario::Failover;
use crate::scenario::plan::Life;
use crate::session::{Ended, Place, Session};
use crate::time::{Timestamp, nanos};
use crate::wire::CloseReason;

/// A client's whole life: connect, talk, and come back after a loss as long as its policy says so.
pub(in crate::engine) async fn live(desk: &Desk, client: &Client, life: Life) {
    let group = &desk.scenario[life.group];
    let policy = group.reconnect.policy.clone();
    let mut rng = ChaCha8Rng::seed_from_u64(desk.scenario.seed ^ (u64::from(life.client.0) << 20) ^ 0x5ca1_ab1e);
    let identity = desk.identity(&life);
    let mut url = life.url as usize % desk.urls;
    let (mut attempt, mut previous) = (0u32, Duration::ZERO);
    let mut places: Option<Vec<Place>> = None;
    loop {
        let started = desk.clock.now();
        let rooms = places.clone().unwrap_or_else(|| desk.places(&life));
        let outcome = Box::pin(establish(desk, client, (life.transport, url), &identity, rooms)).await;
        let ended = match outcome {
            Ok(()) => {
                became_ready(desk, client);
                converse(desk, client).await
            }
            Err(ended) => ended,
        };
        let was_up = was_lost(desk, client, ended.as_ref(), group.reconnect.resume.then_some(&mut places));
        if client.state.borrow().leaving {
            break;
        }
        if was_up && desk.clock.now() - started >= HEALTHY_AFTER {
            (attempt, previous) = (0, Duration::ZERO);
        }
        let refused = matches!(ended, Some(Ended::AuthRefused(_)));
        let clean = matches!(&ended, Some(Ended::Closed(CloseReason::Code(1000 | 1001, _))));
        let given_up = client.loss().is_some_and(|loss| desk.clock.now() - loss.noticed > group.reconnect.give_up);
        if refused || given_up || (clean && !policy.reconnects_after_clean_close()) {
            break;
        }
        let Some(delay) = policy.delay(attempt, previous, &mut rng) else { break };
        let wake = desk.clock.now() + delay;
        desk.clock.sleep_until(wake).await;
        (attempt, previous) = (attempt + 1, delay);
        if let Some(loss) = client.loss() {
            note_attempt(desk, client, loss.noticed, delay, wake);
        }
        url = match group.reconnect.failover {
            Failover::Next => (url + 1) % desk.urls,
            Failover::Same => url,
            Failover::Random => rand::RngExt::random_range(&mut rng, 0..desk.urls),
        };
    }
}

/// Connects and joins; the error is how the conversation ended instead (nothing, if none came about).
async fn establish(
    desk: &Desk,
    client: &Client,
    (transport, url): (TransportKind, usize),
    identity: &Arc<Identity>,
    places: Vec<Place>,
) -> Result<(), Option<Ended>> {
    let (session, stages) = match desk.dialer.dial(transport, url, identity, places).await {
        Ok(dialed) => dialed,
        Err(error) => {
            let who = || desk.name_of(client.id, client.group);
            let now = desk.clock.now();
            let mut books = desk.books.borrow_mut();
            books.fail(error.stage, error.kind, now, who, || error.detail.clone());
            note_failure(&mut books, client, now, error.stage, error.kind);
            return Err(None);
        }
    };
    {
        let mut books = desk.books.borrow_mut();
        for (stage, took) in stages {
            books.stage(stage, client.group, took);
        }
    }
    let joined_at_once: Vec<usize> = (0..session.places().len()).filter(|place| session.is_joined(*place)).collect();
    client.install(session);
    {
        let (mut books, state, now) = (desk.books.borrow_mut(), client.state.borrow(), desk.clock.now());
        for place in joined_at_once {
            if let Some(seated) = state.seats.get(place) {
                books.joined(client.id, (seated.room, seated.seat), now);
            }
        }
    }
    if client.state.borrow().session.as_ref().is_some_and(Session::is_ready) {
        return Ok(());
    }
    let joining = poll_fn(|cx| client.poll(cx, desk));
    match tokio::time::timeout(desk.dialer.join_timeout, joining).await {
        Ok(Step::Ended(ended)) => Err(ended),
        Ok(Step::Ready | Step::Paused) => Ok(()),
        Err(_) => {
            let stage = client.state.borrow().session.as_ref().map_or(Word::AUTH, Session::stage);
            Err(Some(Ended::Timeout(stage)))
        }
    }
}

/// Talks until the conversation is over; a slow reader pauses between messages.
async fn converse(desk: &Desk, client: &Client) -> Option<Ended> {
    loop {
        match poll_fn(|cx| client.poll(cx, desk)).await {
            Step::Ended(ended) => return ended,
            Step::Ready => {}
            Step::Paused => {
                if let Some(until) = client.pause() {
                    desk.clock.sleep_until(until).await;
                }
            }
        }
    }
}

/// A client that lost its connection tries to come back, having waited `delay`, until `wake`.
fn note_attempt(desk: &Desk, client: &Client, noticed: Timestamp, delay: Duration, wake: Timestamp) {
    let (mut books, at) = (desk.books.borrow_mut(), desk.clock.now());
    books.since(noticed, Fact::ReconnectAttempt, client.group, 1);
    books.since(noticed, Fact::Backoff, client.group, nanos(delay));
    books.since(noticed, Fact::BackoffLag, client.group, nanos(at - wake));
    books.events.push(ClientEvent { client: client.id, at, what: Turn::Tried });
}

/// An attempt to come back failed.
fn note_failure(books: &mut Books, client: &Client, at: Timestamp, stage: Word, kind: Word) {
    if client.loss().is_some() {
        books.events.push(ClientEvent { client: client.id, at, what: Turn::Failed(stage, kind) });
    }
}

fn became_ready(desk: &Desk, client: &Client) {
    let mut state = client.state.borrow_mut();
    let mut books = desk.books.borrow_mut();
    let now = desk.clock.now();
    let state = &mut *state;
    if let Some(session) = &state.session {
        books.on_instance(session.instance(), true);
        if let (Some(from), false) = (session.silent_from(), state.watched) {
            state.watched = true;
            desk.watch(from, client.id);
        }
    }
    if let Some(loss) = state.lost.take() {
        books.since(loss.noticed, Fact::Recovered, client.group, 1);
        books.since(loss.noticed, Fact::Downtime, client.group, nanos(now - loss.since));
        state.awaits_first_delivery = Some(loss);
        books.events.push(ClientEvent { client: client.id, at: now, what: Turn::Back });
    }
    if !state.was_ready {
        state.was_ready = true;
        books.count(Fact::ClientConnected, client.group);
        desk.decided(client.id);
        desk.groups.borrow_mut()[usize::from(client.group.0)].1 += 1;
    }
    desk.ready.set(desk.ready.get() + 1);
}

/// Books the end of a client whose task is not run any more.
pub(in crate::engine) fn abandon(desk: &Desk, client: &Client) {
    was_lost(desk, client, None, None);
}

/// Books the end of a conversation; gives whether the client had been in all its rooms.
fn was_lost(desk: &Desk, client: &Client, ended: Option<&Ended>, keep: Option<&mut Option<Vec<Place>>>) -> bool {
    let mut state = client.state.borrow_mut();
    let Some(mut session) = state.session.take() else { return false };
    state.seats.iter().enumerate().for_each(|(place, seated)| session.saw(place, seated.newest));
    let mut books = desk.books.borrow_mut();
    let now = desk.clock.now();
    let was_up = session.is_ready() || (state.leaving && state.was_ready && state.lost.is_none());
    for (token, at) in session.unwritten() {
        let (room, index) = named(token);
        books.report(SendReport { room, index, fate: SendFate::Sent(Sent::Uncertain(at)) });
    }
    books.add_traffic(session.take_traffic());
    if let Some(keep) = keep {
        *keep = Some(session.places().iter().map(|p| Place::new(Arc::clone(&p.room), p.position.clone())).collect());
    }
    if was_up {
        books.on_instance(session.instance(), false);
        desk.ready.set(desk.ready.get() - 1);
    }
    if let (Some(ended), false) = (ended, state.leaving) {
        let (stage, kind) = (session.stage(), kind_of(ended));
        let who = || desk.name_of(client.id, client.group);
        books.fail(stage, kind, now, who, || ended.to_string());
        if was_up {
            let silent = matches!(ended, Ended::Closed(CloseReason::Silent));
            let since = if silent { session.last_heard() } else { now };
            let slow = matches!(ended, Ended::Closed(CloseReason::Code(4202, _)));
            let class = if slow { Word::SLOW_CONSUMER } else { Word::RECONNECT_GAP };
            for seated in state.seats.iter() {
                books.ledger.lost(seated.seat, since, class);
            }
            books.lost_connection(client.group, kind);
            if let Some(raw) = &mut books.raw {
                raw.lost(client.id, since);
            }
            state.lost.get_or_insert(Loss { since, noticed: now });
            state.last_loss = Some(now);
            books.events.push(ClientEvent { client: client.id, at: now, what: Turn::Lost(kind) });
        } else if state.lost.is_some() {
            books.events.push(ClientEvent { client: client.id, at: now, what: Turn::Failed(stage, kind) });
        }
    }
    was_up
}

/// The kind under which an ending is counted.
fn kind_of(ended: &Ended) -> Word {
    match ended {
        Ended::AuthRefused(_) => Word::REFUSED,
        Ended::Timeout(_) => Word::TIMEOUT,
        Ended::Closed(reason) => match reason {
            CloseReason::Code(code, _) => Word::close(*code),
            CloseReason::Eof => Word::EOF,
            CloseReason::Reset => Word::RESET,
            CloseReason::Status(status) => Word::http(*status),
            CloseReason::Protocol(_) => Word::PROTOCOL,
            CloseReason::Silent => Word::SILENT,
            CloseReason::Io(_) => Word::IO,
        },
    }
}
