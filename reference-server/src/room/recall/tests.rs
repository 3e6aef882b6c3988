//! Who asks for what, and what each of them gets.

use super::*;
use crate::{history::Epoch, peer::PeerId, protocol::Medium};

fn at(offset: u64) -> Position {
    Position { offset, epoch: Epoch::parse(b"a").unwrap() }
}

fn entries(offsets: std::ops::RangeInclusive<u64>) -> Vec<Entry> {
    offsets.map(|offset| Entry { offset, tail: Bytes::new() }).collect()
}

fn returning(slot: u32, from: u64) -> Returning {
    let peer = PeerId { slot, generation: 1 };
    (
        JoinRequest { worker: 0, peer, join: 1, medium: Medium::Frames, from: Some(at(from)), whose: None, look: None },
        at(from),
    )
}

#[test]
fn what_is_missing_is_arithmetic() {
    let other = Position { offset: 5, epoch: Epoch::parse(b"b").unwrap() };
    assert_eq!(need(at(5), Some(at(5))), Need::Nothing);
    assert_eq!(need(at(4), Some(at(5))), Need::History);
    assert_eq!(need(at(6), Some(at(5))), Need::History, "another instance was faster");
    assert_eq!(need(other, Some(at(5))), Need::Hopeless);
    assert_eq!(need(at(5), None), Need::Hopeless);
    assert_eq!(seen(&entries(4..=9), at(3), at(9)), Some(0));
    assert_eq!(seen(&entries(4..=9), at(9), at(9)), Some(6));
    assert_eq!(seen(&entries(4..=9), at(2), at(9)), None, "never in part");
}

#[test]
fn one_question_serves_all_who_ask_meanwhile() {
    let mut recall = Recall::default();
    assert_eq!(recall.ask(returning(1, 5), 7), Some(at(5)));
    assert_eq!(recall.ask(returning(2, 8), 8), None);
    assert_eq!(recall.ask(returning(3, 2), 9), None);
    assert!(recall.answer(6, vec![], at(9), at(9)).is_none(), "another question's answer");
    let answered = recall.answer(7, entries(6..=9), at(9), at(9)).unwrap();
    assert_eq!((answered.returning.len(), answered.entries.unwrap().len()), (2, 4));
    assert_eq!(recall.take_next(), vec![returning(3, 2)]);
}

#[test]
fn what_is_delivered_meanwhile_closes_the_gap() {
    let mut recall = Recall::default();
    recall.ask(returning(1, 5), 1);
    (9..=12).for_each(|offset| recall.delivered(at(offset), &Bytes::new()));
    let answered = recall.answer(1, entries(6..=10), at(10), at(12)).unwrap();
    assert_eq!(answered.entries.unwrap(), entries(6..=12));
}

#[test]
fn what_will_still_come_live_is_not_replayed() {
    let mut recall = Recall::default();
    recall.ask(returning(1, 5), 1);
    assert_eq!(recall.answer(1, entries(6..=10), at(10), at(8)).unwrap().entries.unwrap(), entries(6..=8));
}

#[test]
fn a_hole_or_a_flood_is_never_passed_on() {
    let mut recall = Recall::default();
    recall.ask(returning(1, 5), 1);
    recall.delivered(at(12), &Bytes::new());
    assert_eq!(recall.answer(1, entries(6..=10), at(10), at(12)).unwrap().entries, Some(vec![]));
    recall.ask(returning(1, 5), 2);
    (6..3_000).for_each(|offset| recall.delivered(at(offset), &Bytes::new()));
    assert_eq!(recall.answer(2, vec![], at(5), at(2_999)).unwrap().entries, None);
}

#[test]
fn gone_is_forgotten_everywhere() {
    let mut recall = Recall::default();
    recall.ask(returning(1, 5), 1);
    recall.ask(returning(2, 3), 2);
    recall.wait_ahead(returning(3, 99));
    (1..=3).for_each(|slot| recall.forget(&returning(slot, 0).0));
    assert!(recall.give_up().is_empty());
}
