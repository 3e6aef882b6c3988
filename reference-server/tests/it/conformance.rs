//! One suite for every broker: what the server above relies on.

use std::{collections::VecDeque, sync::Arc, time::Duration};

use bytes::Bytes;
use reference_server::{
    broker::{
        Arrival, Bound, Broker, Event, Events, Health, Publication, Published, Receipt, Room,
        presence::{Member, PresenceOptions, Roster},
        redis::{RedisBroker, RedisOptions},
    },
    history::Position,
};
use tokio::sync::oneshot;

use crate::support::{Redis, server::memory, soon, until};

/// One instance's end of a broker.
struct Ear {
    broker: Arc<dyn Broker>,
    events: Arc<Events>,
    waiting: VecDeque<Event>,
}

fn room(name: &str) -> Room {
    Room::from(name)
}

fn tail(room: &str, n: usize) -> Bytes {
    Bytes::from(format!(r#""room":"{room}","content":{n}}}"#))
}

impl Ear {
    fn new(make: impl FnOnce(Arc<Events>) -> Arc<dyn Broker>) -> Self {
        let events = Events::new(Bound { entries: 10_000, bytes: 10_000_000 });
        Self { broker: make(Arc::clone(&events)), events, waiting: VecDeque::new() }
    }

    async fn event(&mut self) -> Event {
        if self.waiting.is_empty() {
            soon("an event", self.events.take(&mut self.waiting)).await;
        }
        self.waiting.pop_front().unwrap()
    }

    async fn message(&mut self) -> Arrival {
        match self.event().await {
            Event::Message(arrival) => arrival,
            other => panic!("instead of a message: {other:?}"),
        }
    }

    async fn subscribe(&mut self, name: &str, generation: u64) -> Position {
        self.broker.subscribe(&room(name), generation);
        match self.event().await {
            Event::Subscribed { room, generation: answered, position } => {
                assert_eq!((&*room, answered), (name, generation));
                position.unwrap()
            }
            other => panic!("instead of an answer: {other:?}"),
        }
    }

    async fn publish(&self, name: &str, n: usize, dedupe: Option<&str>) -> Published {
        let (tell, told) = oneshot::channel();
        let receipt = Receipt::new(move |outcome| tell.send(outcome).unwrap());
        let dedupe = dedupe.map(str::to_owned);
        self.broker.publish(Publication { room: room(name), tail: tail(name, n), dedupe, receipt });
        soon("a receipt", told).await.unwrap()
    }

    async fn history(&mut self, name: &str, after: Position) -> (Vec<u64>, Position) {
        self.broker.history(&room(name), 7, after);
        match self.event().await {
            Event::History { generation: 7, entries, position, .. } => {
                entries.iter().for_each(|e| assert_eq!(e.tail, tail(name, e.offset as usize)));
                (entries.iter().map(|entry| entry.offset).collect(), position)
            }
            other => panic!("instead of a history: {other:?}"),
        }
    }
}

impl Ear {
    fn enter(&self, name: &str, number: u64, user: &str) {
        self.broker.enter(&room(name), number, member(user));
    }

    /// The next announcement: kind and user.
    async fn announcement(&mut self) -> String {
        match self.event().await {
            Event::Announcement { room, frame } => {
                let frame: serde_json::Value = serde_json::from_slice(&frame).unwrap();
                assert_eq!(frame["room"], *room);
                format!("{} {}", frame["userId"].as_str().unwrap(), frame["type"].as_str().unwrap())
            }
            other => panic!("instead of an announcement: {other:?}"),
        }
    }

    async fn roster(&self, name: &str) -> Roster {
        let (tell, told) = oneshot::channel();
        self.broker.roster(&room(name), Box::new(move |answer| tell.send(answer).unwrap()));
        soon("a roster", told).await.unwrap().unwrap()
    }
}

fn member(user: &str) -> Member {
    let (connected_at, last_seen) = (Duration::from_secs(1), Duration::from_secs(2));
    Member { user: format!("\"{user}\"").into(), instance: "x".into(), transport: "sse", connected_at, last_seen }
}

/// Two instances over each broker; the Redis is kept alive beside.
async fn pairs() -> Vec<([Ear; 2], Option<Redis>)> {
    pairs_with(PresenceOptions::default()).await
}

async fn pairs_with(presence: PresenceOptions) -> Vec<([Ear; 2], Option<Redis>)> {
    let shared = memory();
    let over_memory = [(); 2].map(|()| Ear::new(|events| shared.view(events, presence.clone())));
    let redis = Redis::start().await;
    let start = |events| -> Arc<dyn Broker> {
        let options = RedisOptions { presence: presence.clone(), ..RedisOptions::default() };
        RedisBroker::start(&redis.url(), options, events, Arc::default()).unwrap()
    };
    let over_redis = [(); 2].map(|()| Ear::new(start));
    for ear in &over_redis {
        let mut health = ear.broker.health();
        soon("the broker is up", health.wait_for(|health| *health == Health::Up)).await.unwrap();
    }
    vec![(over_memory, None), (over_redis, Some(redis))]
}

#[tokio::test]
async fn every_subscriber_hears_in_one_order() {
    for ([mut a, mut b], _redis) in pairs().await {
        let start = a.subscribe("r", 1).await;
        assert_eq!(start.offset, 0);
        assert_eq!(b.subscribe("r", 1).await, start);
        for n in 1..=100 {
            let publisher = if n % 2 == 0 { &a } else { &b };
            let published = publisher.publish("r", n, None).await.unwrap().unwrap();
            assert_eq!(published, Position { offset: n as u64, ..start });
        }
        for ear in [&mut a, &mut b] {
            for n in 1..=100 {
                let arrival = ear.message().await;
                assert_eq!(arrival.position, Some(Position { offset: n as u64, ..start }));
                assert_eq!((&*arrival.room, arrival.tail), ("r", tail("r", n)));
            }
        }
    }
}

#[tokio::test]
async fn one_instances_publications_keep_their_order() {
    for ([mut a, _b], _redis) in pairs().await {
        a.subscribe("r", 1).await;
        for n in 0..2_000 {
            let receipt = Receipt::new(|_| {});
            a.broker.publish(Publication { room: room("r"), tail: tail("r", n), dedupe: None, receipt });
        }
        for n in 0..2_000 {
            assert_eq!(a.message().await.tail, tail("r", n));
        }
    }
}

#[tokio::test]
async fn a_position_is_where_messages_go_on() {
    for ([a, mut b], _redis) in pairs().await {
        for n in 1..=3 {
            a.publish("r", n, None).await.unwrap();
        }
        assert_eq!(b.subscribe("r", 5).await.offset, 3);
        a.publish("r", 4, None).await.unwrap();
        assert_eq!(b.message().await.position.unwrap().offset, 4);
    }
}

#[tokio::test]
async fn unsubscribed_rooms_are_not_heard_and_can_be_wanted_again() {
    for ([mut a, _b], _redis) in pairs().await {
        for generation in 1..=20 {
            a.subscribe("r", generation).await;
            a.broker.unsubscribe(&room("r"));
        }
        a.subscribe("other", 1).await;
        a.publish("r", 1, None).await.unwrap();
        a.publish("other", 2, None).await.unwrap();
        assert_eq!(&*a.message().await.room, "other");
        assert_eq!(a.subscribe("r", 21).await.offset, 1);
        a.publish("r", 3, None).await.unwrap();
        assert_eq!(&*a.message().await.room, "r");
    }
}

#[tokio::test]
async fn history_is_what_came_after() {
    for ([mut a, _b], _redis) in pairs().await {
        let start = a.subscribe("r", 1).await;
        for n in 1..=10 {
            a.publish("r", n, None).await.unwrap();
            a.message().await;
        }
        let end = Position { offset: 10, ..start };
        assert_eq!(a.history("r", Position { offset: 7, ..start }).await, (vec![8, 9, 10], end));
        assert_eq!(a.history("r", end).await, (vec![], end));
    }
}

#[tokio::test]
async fn history_is_bounded() {
    for ([mut a, _b], _redis) in pairs().await {
        let start = a.subscribe("r", 1).await;
        for n in 1..=1_000 {
            a.publish("r", n, None).await.unwrap();
            a.message().await;
        }
        let (offsets, end) = a.history("r", start).await;
        assert_eq!(end.offset, 1_000);
        assert!((256..=512).contains(&offsets.len()), "{} kept", offsets.len());
        assert!(offsets.is_sorted() && offsets.last() == Some(&1_000));
    }
}

#[tokio::test]
async fn the_same_key_is_one_publication() {
    for ([mut a, b], _redis) in pairs().await {
        a.subscribe("r", 1).await;
        let first = a.publish("r", 1, Some("key")).await.unwrap();
        assert_eq!(b.publish("r", 2, Some("key")).await.unwrap(), first);
        assert_ne!(b.publish("r", 3, Some("other")).await.unwrap(), first);
        assert_eq!(a.message().await.tail, tail("r", 1));
        assert_eq!(a.message().await.tail, tail("r", 3));
    }
}

#[tokio::test]
async fn resync_answers_every_wish_again() {
    for ([mut a, _b], _redis) in pairs().await {
        a.subscribe("one", 1).await;
        a.subscribe("two", 2).await;
        a.broker.resync();
        let mut answered = Vec::new();
        for _ in 0..2 {
            match a.event().await {
                Event::Subscribed { room, generation, .. } => answered.push((room.to_string(), generation)),
                other => panic!("instead of an answer: {other:?}"),
            }
        }
        answered.sort();
        assert_eq!(answered, [("one".to_owned(), 1), ("two".to_owned(), 2)]);
    }
}

#[tokio::test]
async fn a_full_queue_throws_messages_away_and_says_so() {
    let shared = memory();
    let events = Events::new(Bound { entries: 10, bytes: 1_000_000 });
    let mut ear =
        Ear { broker: shared.view(Arc::clone(&events), PresenceOptions::default()), events, waiting: VecDeque::new() };
    ear.subscribe("r", 1).await;
    for n in 1..=50 {
        ear.publish("r", n, None).await.unwrap();
    }
    assert!(ear.events.take_overflow());
    assert!(!ear.events.take_overflow());
    for n in 1..=10 {
        assert_eq!(ear.message().await.position.unwrap().offset, n);
    }
}

#[tokio::test]
async fn users_are_announced_once_for_all_their_connections() {
    for ([mut a, mut b], _redis) in pairs().await {
        a.subscribe("r", 1).await;
        b.subscribe("r", 1).await;
        a.enter("r", 1, "u");
        assert_eq!([a.announcement().await, b.announcement().await], ["u user.joined", "u user.joined"]);
        b.enter("r", 1, "u");
        until("both are there", async || a.roster("r").await.connections == 2).await;
        a.enter("r", 1, "u");
        a.broker.exit(&room("r"), 1);
        a.broker.exit(&room("r"), 1);
        until("one has gone", async || b.roster("r").await.connections == 1).await;
        assert_eq!(b.roster("r").await.users, 1);
        b.broker.exit(&room("r"), 1);
        assert_eq!([a.announcement().await, b.announcement().await], ["u user.left", "u user.left"]);
        assert_eq!(a.roster("r").await, Roster::default());
    }
}

#[tokio::test]
async fn rosters_say_who_and_since_when() {
    for ([a, b], _redis) in pairs().await {
        a.enter("r", 7, "u");
        until("it is known", async || b.roster("r").await.users == 1).await;
        let described = r#"{"user":"u","room":"r","instance":"x","transport":"sse","connectedAt":"1970-01-01T00:00:01.000Z","lastSeen":"1970-01-01T00:00:02.000Z"}"#;
        assert_eq!(b.roster("r").await.members, [described]);
        assert_eq!(b.roster("other").await, Roster::default());
    }
}

#[tokio::test]
async fn an_instance_that_is_dropped_is_given_up_by_the_others() {
    let options = PresenceOptions { ttl: Duration::from_millis(800), ..PresenceOptions::default() };
    for ([mut a, b], _redis) in pairs_with(options.clone()).await {
        a.subscribe("r", 1).await;
        b.broker.renew();
        b.enter("r", 1, "u");
        b.enter("r", 2, "u");
        b.enter("r", 3, "v");
        let mut joined = [a.announcement().await, a.announcement().await];
        joined.sort();
        assert_eq!(joined, ["u user.joined", "v user.joined"]);
        a.enter("r", 1, "v");
        until("all are there", async || a.roster("r").await.connections == 4).await;
        drop(b);
        until("the dead are given up", async || {
            a.broker.renew();
            a.roster("r").await.connections == 1
        })
        .await;
        assert_eq!(a.announcement().await, "u user.left");
        assert!(a.waiting.is_empty());
    }
}

#[tokio::test]
async fn who_parts_is_there_until_its_grace_is_over() {
    let options = PresenceOptions { ttl: Duration::from_millis(800), ..PresenceOptions::default() };
    for ([mut a, b], _redis) in pairs_with(options.clone()).await {
        a.subscribe("r", 1).await;
        b.enter("r", 1, "u");
        b.enter("r", 2, "v");
        a.announcement().await;
        a.announcement().await;
        b.broker.part(Duration::from_millis(300));
        b.broker.exit(&room("r"), 1);
        a.enter("r", 9, "u");
        until("who has come back is counted once", async || {
            let roster = a.roster("r").await;
            (roster.users, roster.connections) == (2, 2)
        })
        .await;
        until("the grace is over", async || {
            a.broker.renew();
            a.roster("r").await.users == 1
        })
        .await;
        assert_eq!(a.announcement().await, "v user.left");
    }
}

#[tokio::test]
async fn leases_hold_until_they_are_over() {
    let options = PresenceOptions { ttl: Duration::from_millis(800), ..PresenceOptions::default() };
    for ([mut a, b], _redis) in pairs_with(options.clone()).await {
        a.subscribe("r", 1).await;
        b.broker.lease(&room("r"), member("u"), Duration::from_millis(200));
        assert_eq!(a.announcement().await, "u user.joined");
        b.broker.lease(&room("r"), member("u"), Duration::from_millis(300));
        until("it is over", async || {
            a.broker.renew();
            a.roster("r").await.users == 0
        })
        .await;
        assert_eq!(a.announcement().await, "u user.left");
    }
}
