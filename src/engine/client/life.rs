//! A client's life: connect, talk, and come back after a loss as long as its policy says so.

use std::future::poll_fn;
use std::sync::Arc;
use std::time::Duration;

use super::comeback::Comeback;
use super::parting::part;
use super::{Client, Step};
use crate::backoff::HEALTHY_AFTER;
use crate::dialect::Identity;
use crate::engine::books::Books;
use crate::engine::desk::Desk;
use crate::engine::incidents::{ClientEvent, Turn};
use crate::observe::{Fact, Word};
use crate::scenario::plan::Life;
use crate::session::{Ended, Hint, Place, Session};
use crate::time::{Timestamp, nanos};
use crate::wire::CloseReason;

/// A client's whole life: connect, talk, and come back after a loss as long as its policy says so.
pub(in crate::engine) async fn live(desk: &Desk, client: &Client, life: Life) {
    let reconnect = &desk.scenario[life.group].reconnect;
    let identity = desk.identity(&life);
    let mut way = Comeback::new(desk.scenario.seed, &life, reconnect, desk.urls).carrying(desk.pass(&life));
    let mut places: Option<Vec<Place>> = None;
    loop {
        let started = desk.clock.now();
        let rooms = places.clone().unwrap_or_else(|| desk.places(&life));
        let outcome = Box::pin(establish(desk, client, &identity, (&life, &mut way), rooms)).await;
        let ended = match outcome {
            Ok(()) => {
                became_ready(desk, client);
                converse(desk, client, Until::Over).await.and_then(|Over(ended)| ended)
            }
            Err(ended) => ended,
        };
        let parted = part(desk, client, ended.as_ref(), reconnect.resume.then_some(&mut places));
        if client.state.borrow().leaving {
            break;
        }
        way.heed(parted.hint);
        if reconnect.resume {
            way.pass().go_on_from(parted.cursor);
        }
        if parted.was_up && desk.clock.now() - started >= HEALTHY_AFTER {
            way.start_over();
        }
        let refused = matches!(ended, Some(Ended::AuthRefused(_)));
        let clean = matches!(&ended, Some(Ended::Closed(CloseReason::Code(1000 | 1001, _))));
        let given_up = client.loss().is_some_and(|loss| desk.clock.now() - loss.noticed > reconnect.give_up);
        if refused || given_up || (clean && !reconnect.policy.reconnects_after_clean_close()) {
            break;
        }
        let Some(delay) = way.next() else { break };
        let wake = desk.clock.now() + delay;
        desk.clock.sleep_until(wake).await;
        if let Some(loss) = client.loss() {
            note_attempt(desk, client, loss.noticed, delay, wake);
        }
    }
}

/// Connects and joins; the error is how the conversation ended instead (nothing, if none came about).
async fn establish(
    desk: &Desk,
    client: &Client,
    identity: &Arc<Identity>,
    (life, way): (&Life, &mut Comeback<'_>),
    places: Vec<Place>,
) -> Result<(), Option<Ended>> {
    let (session, stages) = match desk.dialer.dial(life.transport, way.url(), identity, places, way.pass()).await {
        Ok(dialed) => dialed,
        Err(error) => {
            let who = || desk.name_of(client.id, client.group);
            let now = desk.clock.now();
            let mut books = desk.books.borrow_mut();
            books.fail(error.stage, error.kind, now, who, || error.detail.clone());
            note_failure(&mut books, client, now, error.stage, error.kind);
            way.heed(error.retry_after.map(Hint::NotBefore));
            let refused = error.stage == Word::AUTH && error.kind == Word::REFUSED;
            return Err(refused.then_some(Ended::AuthRefused(error.detail)));
        }
    };
    {
        let mut books = desk.books.borrow_mut();
        if let Some(name) = session.instance_name() {
            books.name_instance(session.instance(), name);
        }
        for (stage, took) in stages {
            books.stage(stage, client.group, took);
        }
    }
    let joined_at_once: Vec<usize> = (0..session.places().len()).filter(|place| session.is_joined(*place)).collect();
    client.install(session);
    {
        let (mut books, mut state, now) = (desk.books.borrow_mut(), client.state.borrow_mut(), desk.clock.now());
        for place in joined_at_once {
            if let Some(seated) = state.seats.get(place) {
                books.joined(client.id, (seated.room, seated.seat), now);
            }
            client.ask_having_joined(desk, &mut books, &mut state, (place, now));
        }
    }
    if client.state.borrow().session.as_ref().is_some_and(Session::is_ready) {
        return Ok(());
    }
    match tokio::time::timeout(desk.dialer.join_timeout, converse(desk, client, Until::Ready)).await {
        Ok(None) => Ok(()),
        Ok(Some(Over(ended))) => Err(ended),
        Err(_) => {
            let stage = client.state.borrow().session.as_ref().map_or(Word::AUTH, Session::stage);
            Err(Some(Ended::Timeout(stage)))
        }
    }
}

/// How long to go on talking.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Until {
    Ready,
    Over,
}

/// The conversation is over; nothing if there was none.
struct Over(Option<Ended>);

/// Talks until all rooms are joined (nothing is given then), or until it is over; a slow reader pauses between messages.
async fn converse(desk: &Desk, client: &Client, until: Until) -> Option<Over> {
    loop {
        match poll_fn(|cx| client.poll(cx, desk)).await {
            Step::Ended(ended) => return Some(Over(ended)),
            Step::Ready if until == Until::Ready => return None,
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
        // What is for the user alone needs no joining on a socket, and is not heard of by it.
        for seated in state.seats.iter().skip(session.places().len()) {
            books.joined(client.id, (seated.room, seated.seat), now);
        }
        books.on_instance(session.instance(), true);
        if let (Some(from), false) = (session.silent_from(), state.watched) {
            state.watched = true;
            desk.silences.add(from, client.id);
        }
        if let (Some(due), false) = (session.heartbeat_due(), state.keeps_alive) {
            state.keeps_alive = true;
            desk.heartbeats.add(due, client.id);
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
