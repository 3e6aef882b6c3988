//! Signs of life that clients owe: a server that closes whoever says nothing for a minute closes nobody.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};

use super::{played, scenario};
use crate::dialect::{Parameters, find};
use crate::time::Timestamp;
use crate::transport::ConnectError;
use crate::transport::scripted::{Conn, Outbox, Peer, scripted};
use crate::wire::{CloseReason, Frame, Opening};

/// What Phoenix closes a socket after.
const PATIENCE: Duration = Duration::from_secs(60);

/// When each connection said a sign of life.
type Heard = Arc<Mutex<BTreeMap<Conn, Vec<Timestamp>>>>;

/// A channel of Phoenix that says everything to everybody.
#[derive(Default)]
struct Phoenix {
    last: BTreeMap<Conn, Timestamp>,
    heartbeats: Heard,
}

impl Peer for Phoenix {
    fn opened(
        &mut self,
        conn: Conn,
        _url: usize,
        _opening: &Opening,
        now: Timestamp,
        _outbox: &mut Outbox,
    ) -> Result<Duration, ConnectError> {
        self.last.insert(conn, now);
        Ok(Duration::from_millis(1))
    }

    fn frame(&mut self, conn: Conn, frame: Frame, now: Timestamp, outbox: &mut Outbox) {
        let silent = self.last.iter().filter(|(_, last)| now.since(**last) > PATIENCE);
        for conn in silent.map(|(conn, _)| *conn).collect::<Vec<_>>() {
            outbox.close(conn, now, CloseReason::Code(1000, String::new()));
            self.last.remove(&conn);
        }
        self.last.insert(conn, now);
        let said: Value = serde_json::from_slice(frame.bytes()).unwrap();
        let frame = |value: Value| Frame::text(value.to_string());
        if said[3] == "heartbeat" {
            assert_eq!((&said[0], &said[2]), (&Value::Null, &json!("phoenix")), "{said}");
            self.heartbeats.lock().unwrap().entry(conn).or_default().push(now);
        }
        if said[3] == "say" {
            for conn in self.last.keys() {
                outbox.send(*conn, now, frame(json!([null, null, said[2], "message", said[4]])));
            }
        }
        outbox.send(
            conn,
            now,
            frame(json!([said[0], said[1], said[2], "phx_reply", {"status": "ok", "response": {}}])),
        );
    }

    fn closed(&mut self, conn: Conn, _now: Timestamp, _outbox: &mut Outbox) {
        self.last.remove(&conn);
    }
}

#[test]
fn who_has_nothing_to_say_shows_every_half_minute_that_it_is_there() {
    let scenario = scenario(
        1,
        r#"
        [run]
        warm_up  = "0s"
        duration = "200s"
        drain    = "1s"
        [target]
        urls    = ["ws://phoenix.test"]
        dialect = "phoenix-v2"
        [[clients]]
        name  = "listeners"
        count = 3
        auth  = "none"
        rooms = { count = 1, name = "r" }
        [[clients]]
        name  = "talker"
        count = 1
        auth  = "none"
        rooms = { same_as = "listeners" }
        [[publish]]
        name = "chat"
        from = "talker"
        rate = "1/s"
        "#,
    );
    let server = Phoenix::default();
    let heartbeats = Arc::clone(&server.heartbeats);
    let dialect = find("phoenix-v2", &Parameters::new()).unwrap();
    let (outcome, ..) = played(scenario, 2, (scripted(server), dialect), None);
    let total = |metric| outcome.totals.count(metric);
    assert_eq!((total("reconnect.lost_connections"), total("deliveries.lost")), (0, 0));
    assert_eq!((total("deliveries.due"), total("deliveries.delivered")), (800, 800));
    let heartbeats = heartbeats.lock().unwrap();
    assert_eq!(heartbeats.len(), 3, "the talker says enough as it is");
    for times in heartbeats.values() {
        assert_eq!(times.len(), 6, "{times:?}");
        for pair in times.windows(2) {
            let pause = pair[1] - pair[0];
            assert!(pause >= Duration::from_secs(30) && pause <= Duration::from_millis(30_200), "{pause:?}");
        }
    }
}
