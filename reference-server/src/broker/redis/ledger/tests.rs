//! What is told, what is told again, and what never is.

use super::*;

fn member() -> Member {
    let (connected_at, last_seen) = (Duration::ZERO, Duration::ZERO);
    Member { user: "u".into(), instance: "a".into(), transport: "sse", connected_at, last_seen }
}

fn told(ledger: &mut Ledger) -> Vec<(u64, bool)> {
    let Some(mut batch) = ledger.next() else { return Vec::new() };
    batch.changes.sort_by_key(|(number, _)| *number);
    batch.changes.iter().map(|(number, told)| (*number, matches!(told, Told::Enter(_)))).collect()
}

#[test]
fn what_is_over_before_it_was_told_is_never_told() {
    let (mut ledger, room) = (Ledger::default(), Room::from("r"));
    ledger.enter(&room, 1, member());
    ledger.enter(&room, 2, member());
    ledger.exit(&room, 1);
    assert_eq!(told(&mut ledger), [(2, true)]);
    ledger.exit(&room, 2);
    ledger.exit(&room, 2);
    assert_eq!(told(&mut ledger), [(2, false)]);
    assert!(ledger.next().is_none() && ledger.rooms.is_empty() && ledger.due.is_empty());
}

#[test]
fn leaving_and_coming_back_leaves_no_ghost() {
    let (mut ledger, room) = (Ledger::default(), Room::from("r"));
    ledger.enter(&room, 1, member());
    told(&mut ledger);
    ledger.exit(&room, 1);
    ledger.enter(&room, 1, member());
    ledger.exit(&room, 1);
    assert_eq!(told(&mut ledger), [(1, false)]);
}

#[test]
fn what_failed_is_told_again_unless_it_has_changed() {
    let (mut ledger, room) = (Ledger::default(), Room::from("r"));
    (1..=3).for_each(|number| ledger.enter(&room, number, member()));
    let batch = ledger.next().unwrap();
    ledger.exit(&room, 1);
    ledger.failed(batch);
    assert_eq!(told(&mut ledger), [(1, false), (2, true), (3, true)]);
    assert!(ledger.next().is_none());
}

#[test]
fn a_redis_that_has_forgotten_is_told_who_is_there_and_nothing_else() {
    let (mut ledger, room) = (Ledger::default(), Room::from("r"));
    (1..=2).for_each(|number| ledger.enter(&room, number, member()));
    told(&mut ledger);
    ledger.exit(&room, 1);
    ledger.forgotten();
    assert_eq!(told(&mut ledger), [(2, true)]);
    ledger.part();
    ledger.exit(&room, 2);
    ledger.enter(&room, 3, member());
    assert!(ledger.next().is_none());
}

#[test]
fn batches_are_bounded_and_come_one_after_the_other() {
    let (mut ledger, room) = (Ledger::default(), Room::from("r"));
    (0..300).for_each(|number| ledger.enter(&room, number, member()));
    let sizes: Vec<usize> = std::iter::from_fn(|| ledger.next()).map(|batch| batch.changes.len()).collect();
    assert_eq!(sizes, [128, 128, 44]);
}
