//! A scripted room as a client sees it, in virtual time.

use serde_json::{Value, json};
use std::future::poll_fn;
use std::sync::Arc;
use std::time::Duration;

use super::mutation::{Act, Mutation, Odds};
use super::room::RoomScript;
use super::scripted;
use super::truth::{Deed, Truth};
use crate::time::{Clock, Timestamp};
use crate::transport::{Connection, Transport};
use crate::wire::{CloseReason, Frame, Opening};

const MS: Duration = Duration::from_millis(1);

struct Run {
    transport: Arc<dyn Transport>,
    clock: Clock,
    truth: Truth,
}

struct Client {
    connection: Connection,
    reference: u64,
}

impl Run {
    fn new(script: RoomScript) -> Self {
        let truth = script.truth();
        Self { transport: scripted(script), clock: Clock::simulated(), truth }
    }

    /// A client on `url` that has joined `room`.
    async fn join(&self, url: usize, user: &str, room: &str) -> Client {
        let mut client = self.connect(url, user).await;
        client.say(json!({"type": "join", "room": room, "ref": 1}));
        assert_eq!(client.hear().await.1["type"], "joined");
        client
    }

    async fn connect(&self, url: usize, user: &str) -> Client {
        let opening = Opening { query: vec![("token".to_owned(), user.to_owned())], ..Opening::default() };
        let connection = self.transport.connect(url, &opening, &self.clock).await.unwrap().connection;
        let mut client = Client { connection, reference: 1 };
        assert_eq!(client.hear().await.1["type"], "welcome");
        client
    }
}

impl Client {
    fn say(&mut self, frame: Value) {
        assert_eq!(self.connection.start_send(Frame::text(frame.to_string())), Ok(true));
        let mut cx = std::task::Context::from_waker(std::task::Waker::noop());
        assert!(self.connection.poll_flush(&mut cx).is_ready());
    }

    fn publish(&mut self, room: &str, content: &str) {
        self.reference += 1;
        self.say(json!({"type": "message", "room": room, "ref": self.reference, "content": content}));
    }

    async fn hear(&mut self) -> (Timestamp, Value) {
        let received = poll_fn(|cx| self.connection.poll_receive(cx)).await.unwrap();
        (received.at, serde_json::from_slice(received.frame.bytes()).unwrap())
    }

    /// Everything heard for a second: contents of messages, types of other frames, why it ended.
    async fn hear_all(&mut self) -> Vec<String> {
        let mut heard = Vec::new();
        loop {
            let received = poll_fn(|cx| self.connection.poll_receive(cx));
            match tokio::time::timeout(Duration::from_secs(1), received).await {
                Err(_) => return heard,
                Ok(Err(reason)) => {
                    heard.push(reason.to_string());
                    return heard;
                }
                Ok(Ok(received)) => {
                    let value: Value = serde_json::from_slice(received.frame.bytes()).unwrap();
                    let word = if value["type"] == "message" { &value["content"] } else { &value["type"] };
                    heard.push(word.as_str().unwrap().to_owned());
                }
            }
        }
    }
}

fn mutation(message: u64, receiver: impl Into<Option<usize>>, act: Act) -> Mutation {
    Mutation { message, receiver: receiver.into(), act }
}

#[tokio::test(start_paused = true)]
async fn copies_arrive_exactly_when_they_are_due() {
    let micros = Duration::from_micros;
    let run = Run::new(RoomScript::new(2).latency(micros(250), micros(3_333)));
    let mut talker = run.join(0, "talker", "r").await;
    let mut near = run.join(0, "near", "r").await;
    let mut far = run.join(1, "far", "r").await;
    let sent = run.clock.now();
    talker.publish("r", "hello");
    let (at, copy) = near.hear().await;
    assert_eq!(
        (at - sent, &copy["via"], &copy["org"], &copy["content"]),
        (micros(250), &json!("a"), &json!("a"), &json!("hello"))
    );
    let (at, copy) = far.hear().await;
    assert_eq!((at - sent, &copy["via"], &copy["org"]), (micros(3_333), &json!("b"), &json!("a")));
    assert_eq!(talker.hear_all().await, ["hello", "ack"]);
    assert_eq!((run.truth.count(Deed::Accepted), run.truth.count(Deed::Delivered)), (1, 3));
}

#[tokio::test(start_paused = true)]
async fn mutations_happen_where_they_are_planned_and_are_recorded() {
    let run = Run::new(RoomScript::new(1).mutate([
        mutation(0, 1, Act::Drop),
        mutation(1, 1, Act::Duplicate),
        mutation(2, 1, Act::Swap),
        mutation(4, None, Act::Misroute),
        mutation(5, None, Act::Refuse("unavailable".to_owned())),
        mutation(6, None, Act::Unconfirmed),
        mutation(7, None, Act::NoAck),
        mutation(8, 1, Act::Close(4202)),
    ]));
    let mut talker = run.join(0, "talker", "r").await;
    let mut listener = run.join(0, "listener", "r").await;
    let mut other = run.join(0, "other", "elsewhere").await;
    for n in 0..10 {
        talker.publish("r", &n.to_string());
    }
    assert_eq!(listener.hear_all().await, ["1", "1", "3", "2", "4", "6", "7", "closed 4202"]);
    assert_eq!(other.hear_all().await, ["4"]);
    let heard = talker.hear_all().await;
    assert_eq!(heard.iter().filter(|word| *word == "ack").count(), 7);
    assert_eq!(heard.iter().filter(|word| *word == "error").count(), 2);
    let count = |deed| run.truth.count(deed);
    assert_eq!((count(Deed::Accepted), count(Deed::Refused), count(Deed::Unconfirmed)), (9, 1, 1));
    assert_eq!((count(Deed::Dropped), count(Deed::Duplicated), count(Deed::Swapped), count(Deed::Held)), (1, 1, 1, 0));
    assert_eq!((count(Deed::Misrouted), count(Deed::Closed), count(Deed::Early)), (1, 1, 0));
    assert_eq!(count(Deed::Delivered), 9 + 6);
    let dropped = &run.truth.of(Deed::Dropped)[0];
    assert_eq!((dropped.receiver.as_str(), dropped.content.as_str(), dropped.message), ("listener", "0", 0));
}

#[tokio::test(start_paused = true)]
async fn nothing_comes_before_the_ack_unless_it_is_told_to() {
    for (late, order, early) in [(false, ["joined", "early bird"], 0), (true, ["early bird", "joined"], 1)] {
        let script = RoomScript::new(1).latency(5 * MS, 5 * MS);
        let run = Run::new(if late { script.late_acks(2, 50 * MS) } else { script });
        let mut talker = run.join(0, "talker", "r").await;
        let mut joiner = run.connect(0, "joiner").await;
        joiner.say(json!({"type": "join", "room": "r", "ref": 1}));
        talker.publish("r", "early bird");
        assert_eq!(joiner.hear_all().await, order);
        assert_eq!(run.truth.count(Deed::Early), early);
    }
}

#[tokio::test(start_paused = true)]
async fn a_client_that_resumes_is_replayed_what_it_missed() {
    let run = Run::new(RoomScript::new(2));
    let mut talker = run.join(0, "talker", "r").await;
    let mut listener = run.join(0, "listener", "r").await;
    talker.publish("r", "one");
    assert_eq!(listener.hear().await.1["off"], 1);
    drop(listener);
    talker.publish("r", "two");
    talker.publish("r", "three");
    let mut listener = run.connect(1, "listener").await;
    listener.say(json!({"type": "join", "room": "r", "ref": 1, "off": 1, "ep": "e1"}));
    assert_eq!(listener.hear_all().await, ["joined", "two", "three"]);
    let mut stranger = run.connect(1, "stranger").await;
    stranger.say(json!({"type": "join", "room": "r", "ref": 1, "off": 1, "ep": "of old"}));
    assert_eq!(stranger.hear_all().await, ["gap", "joined"]);
    assert_eq!(run.truth.count(Deed::Replayed), 2);
}

#[tokio::test(start_paused = true)]
async fn silence_is_heard_by_the_liveness_clock_only() {
    let run = Run::new(RoomScript::new(1).pings(100 * MS, 200 * MS).mutate([mutation(0, 1, Act::Silence)]));
    let mut talker = run.join(0, "talker", "r").await;
    let mut listener = run.join(0, "listener", "r").await;
    tokio::time::sleep(Duration::from_secs(10)).await;
    let now = run.clock.now();
    assert!(now - listener.connection.last_heard() <= 100 * MS);
    talker.publish("r", "x");
    assert!(listener.hear_all().await.is_empty());
    assert!(run.clock.now() - listener.connection.last_heard() > 900 * MS);
    assert!(run.clock.now() - talker.connection.last_heard() <= 100 * MS);
}

#[tokio::test(start_paused = true)]
async fn first_message_authentication_is_asked_for() {
    let run = Run::new(RoomScript::new(1).authenticates());
    let connect = async || {
        let connection = run.transport.connect(0, &Opening::default(), &run.clock).await.unwrap().connection;
        Client { connection, reference: 0 }
    };
    let mut good = connect().await;
    good.say(json!({"type": "auth", "token": "u1"}));
    assert_eq!(good.hear_all().await, ["auth.success", "welcome"]);
    let mut bad = connect().await;
    bad.say(json!({"type": "join", "room": "r", "ref": 1}));
    assert_eq!(bad.hear_all().await, ["closed 4001 (Authentication required)"]);
}

#[tokio::test(start_paused = true)]
async fn those_who_authenticate_unasked_are_welcomed_afterwards_too() {
    let run = Run::new(RoomScript::new(1));
    let mut client = run.connect(0, "u1").await;
    client.say(json!({"type": "auth", "token": "u2"}));
    assert_eq!(client.hear_all().await, ["auth.success", "welcome"]);
}

#[tokio::test(start_paused = true)]
async fn a_close_of_ours_is_answered_at_once() {
    let run = Run::new(RoomScript::new(1));
    let mut client = run.join(0, "client", "r").await;
    client.connection.start_close(1000);
    assert_eq!(client.connection.start_send(Frame::text("late")), Ok(false));
    let end = poll_fn(|cx| client.connection.poll_receive(cx)).await.unwrap_err();
    assert_eq!(end, CloseReason::Code(1000, String::new()));
    assert_eq!(client.connection.start_send(Frame::text("later")), Err(end));
}

#[tokio::test(start_paused = true)]
async fn minutes_of_seeded_chance_are_recorded_copy_by_copy() {
    let odds = Odds { seed: 3, drop: 0.01, duplicate: 0.01, ..Odds::default() };
    let run = Run::new(RoomScript::new(2).odds(odds));
    let mut talker = run.join(0, "talker", "r").await;
    let mut listener = run.join(1, "listener", "r").await;
    for n in 0..2_000 {
        talker.publish("r", &n.to_string());
        tokio::time::sleep(300 * MS).await;
    }
    let heard = listener.hear_all().await.len();
    let of = |deed| run.truth.of(deed).iter().filter(|record| record.receiver == "listener").count();
    assert!(of(Deed::Dropped) > 5 && of(Deed::Duplicated) > 5);
    assert_eq!(of(Deed::Delivered) + of(Deed::Dropped), 2_000);
    assert_eq!(heard, of(Deed::Delivered) + of(Deed::Duplicated));
}
