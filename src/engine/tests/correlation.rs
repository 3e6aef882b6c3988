//! A server that gives nothing back of what is said to it, only an id of its own: copies are told by ids.

use serde_json::{Value, json};

use super::*;
use crate::metrics::LabelKey::Reason;
use crate::time::Timestamp;
use crate::transport::ConnectError;
use crate::transport::scripted::{Conn, Outbox, Peer};
use crate::wire::{Frame, Opening};

/// How long a copy takes.
const TAKES: Duration = Duration::from_millis(20);

/// When the server acknowledges, counted from when it heard.
#[derive(Clone, Copy)]
enum Acknowledges {
    After(Duration),
    /// Every tenth never, the others at once.
    NineInTen,
    /// All by the same id.
    Alike,
}

struct Ids {
    acknowledges: Acknowledges,
    members: BTreeMap<String, Vec<Conn>>,
    said: u64,
}

impl Ids {
    fn say(&mut self, conn: Conn, asked: &Value, now: Timestamp, outbox: &mut Outbox) {
        self.said += 1;
        let id = format!("m-{}", if matches!(self.acknowledges, Acknowledges::Alike) { 0 } else { self.said });
        let copy = json!({ "kind": "said", "mid": id, "text": "***" }).to_string();
        for member in &self.members[asked["room"].as_str().unwrap()] {
            outbox.send(*member, now + TAKES, Frame::text(copy.clone()));
        }
        let after = match self.acknowledges {
            Acknowledges::After(after) => after,
            Acknowledges::NineInTen if self.said.is_multiple_of(10) => return,
            Acknowledges::NineInTen | Acknowledges::Alike => Duration::from_millis(1),
        };
        outbox.send(conn, now + after, Frame::text(json!({ "id": asked["id"], "mid": id }).to_string()));
    }
}

impl Peer for Ids {
    fn opened(
        &mut self,
        _: Conn,
        _: usize,
        _: &Opening,
        _: Timestamp,
        _: &mut Outbox,
    ) -> Result<Duration, ConnectError> {
        Ok(Duration::from_millis(1))
    }

    fn frame(&mut self, conn: Conn, frame: Frame, now: Timestamp, outbox: &mut Outbox) {
        let asked: Value = serde_json::from_slice(frame.bytes()).unwrap();
        match asked["join"].as_str() {
            Some(room) => {
                self.members.entry(room.to_owned()).or_default().push(conn);
                outbox.send(conn, now, Frame::text(json!({ "id": asked["id"] }).to_string()));
            }
            None => self.say(conn, &asked, now, outbox),
        }
    }

    fn closed(&mut self, conn: Conn, _: Timestamp, _: &mut Outbox) {
        self.members.values_mut().for_each(|members| members.retain(|member| *member != conn));
    }
}

fn told_by_ids(workers: usize, acknowledges: Acknowledges) -> Outcome {
    let with = json!({
        "join": r#"{"id":{{ref}},"join":"{{room}}"}"#, "publish": r#"{"id":{{ref}},"room":"{{room}}","say":"{{text}}"}"#,
        "marker": "correlate", "reply": { "ref": "/id", "id": "/mid" },
        "deliver": { "when": { "/kind": "said" }, "id": "/mid" },
    });
    let dialect = dialect::find("json", with.as_object().unwrap()).unwrap();
    let server = scripted(Ids { acknowledges, members: BTreeMap::new(), said: 0 });
    let (outcome, ..) = played(chat(3, "20s", "20/s"), workers, (server, dialect), None);
    assert!(outcome.identity.holds(), "{:?}", outcome.identity);
    outcome
}

#[test]
fn a_copy_counts_from_when_it_came_however_late_its_name_is_known() {
    // Before the copy, with it, after the next tick, and long after.
    for millis in [1, 20, 30, 130, 900, 3_000] {
        for workers in [1, 2] {
            let outcome = told_by_ids(workers, Acknowledges::After(Duration::from_millis(millis)));
            let totals = &outcome.totals;
            let sent = totals.count("messages.sent");
            assert!(sent > 300, "{sent}");
            assert_eq!(totals.count("deliveries.due"), sent * 8);
            assert_eq!(totals.count("deliveries.delivered"), sent * 8, "acknowledged after {millis} ms");
            assert_eq!((accusations(totals), totals.count("deliveries.unattributed")), (vec![], 0));
            let delivery = totals.total("delivery").unwrap();
            let delivery = delivery.histogram().unwrap();
            assert!(delivery.min() >= 20_000_000 && delivery.max() <= 22_000_000, "after {millis} ms: {delivery:?}");
            assert_eq!(totals.by("delivery", LabelKey::Own, &outcome.names)["yes"].count(), sent);
            assert_eq!(totals.count("completion"), sent);
        }
    }
}

#[test]
fn what_was_never_acknowledged_is_excluded_and_its_copies_are_told() {
    for workers in [1, 2] {
        let outcome = told_by_ids(workers, Acknowledges::NineInTen);
        let totals = &outcome.totals;
        let (sent, lost) = (totals.count("messages.sent"), totals.count("deliveries.lost"));
        assert_eq!((totals.count("deliveries.delivered"), lost), ((sent - sent / 10) * 8, 0));
        let excluded = totals.by("deliveries.excluded", Reason, &outcome.names);
        assert_eq!((excluded.len(), excluded["unknown"].count()), (1, sent / 10 * 8));
        assert_eq!(totals.count("deliveries.unattributed"), sent / 10 * 8);
    }
}

#[test]
fn ids_that_are_given_twice_are_an_error_and_not_a_measurement() {
    let outcome = told_by_ids(1, Acknowledges::Alike);
    assert!(outcome.errors.iter().any(|error| error.detail.contains("the same id")), "{:?}", outcome.errors);
}
