//! Gates, holes, outages and new numberings, step by step.

use super::*;
use crate::history::Epoch;

fn at(offset: u64) -> Position {
    Position { offset, epoch: Epoch::parse(b"a").unwrap() }
}

fn other(offset: u64) -> Position {
    Position { offset, epoch: Epoch::parse(b"b").unwrap() }
}

fn message(position: Position) -> Message {
    Message { position: Some(position), tail: Bytes::new(), received: 0, replayed: false }
}

fn entries(offsets: std::ops::Range<u64>) -> Vec<Entry> {
    offsets.map(|offset| Entry { offset, tail: Bytes::new() }).collect()
}

/// Steps as text: `d5` deliver, `r5` deliver replayed, `s5` settle, `?5` ask, `gap`, `=` repeat.
fn text(steps: &[Step]) -> String {
    let offset = |position: &Option<Position>| position.map_or("-".into(), |p| p.offset.to_string());
    let word = |step: &Step| match step {
        Step::Deliver(m) => format!("{}{}", if m.replayed { 'r' } else { 'd' }, offset(&m.position)),
        Step::Gap { before, position } => format!("gap{}..{}", offset(before), offset(position)),
        Step::Settle(position) => format!("s{}", offset(position)),
        Step::Ask(position) => format!("?{}", position.offset),
        Step::Repeat => "=".into(),
    };
    steps.iter().map(word).collect::<Vec<_>>().join(" ")
}

fn live(offset: u64) -> Channel {
    let mut channel = Channel::default();
    assert_eq!(text(&channel.subscribed(Some(at(offset)))), format!("s{offset}"));
    channel
}

#[test]
fn what_comes_between_ack_and_position_is_neither_lost_nor_repeated() {
    let mut channel = Channel::default();
    assert_eq!(channel.live(), None);
    for offset in 4..8 {
        assert_eq!(text(&channel.message(message(at(offset)))), "");
    }
    assert_eq!(text(&channel.subscribed(Some(at(5)))), "s5 = = d6 d7");
    assert_eq!(channel.live(), Some(Some(at(7))));
}

#[test]
fn live_messages_pass_in_order_and_repeats_do_not() {
    let mut channel = live(0);
    assert_eq!(text(&channel.message(message(at(1)))), "d1");
    assert_eq!(text(&channel.message(message(at(1)))), "=");
    assert_eq!(text(&channel.message(message(at(2)))), "d2");
}

#[test]
fn a_hole_is_filled_from_the_history() {
    let mut channel = live(5);
    assert_eq!(text(&channel.message(message(at(8)))), "?5");
    assert_eq!(channel.live(), None, "joins wait while it heals");
    assert_eq!(text(&channel.message(message(at(9)))), "");
    assert_eq!(text(&channel.history(entries(6..10), at(9), 0)), "r6 r7 r8 r9 s9 = =");
    assert_eq!(text(&channel.message(message(at(10)))), "d10");
}

#[test]
fn a_lost_broker_is_caught_up_with() {
    let mut channel = live(5);
    channel.down();
    assert_eq!(text(&channel.subscribed(Some(at(5)))), "s5", "nothing was missed");
    channel.down();
    assert_eq!(text(&channel.subscribed(Some(at(7)))), "?5");
    assert_eq!(text(&channel.message(message(at(8)))), "");
    assert_eq!(text(&channel.history(entries(6..8), at(7), 0)), "r6 r7 s7 d8");
}

#[test]
fn what_cannot_be_caught_up_with_is_a_gap() {
    let mut channel = live(5);
    channel.down();
    assert_eq!(text(&channel.subscribed(Some(at(900)))), "?5");
    assert_eq!(text(&channel.history(entries(800..901), at(900), 0)).split_once(' ').unwrap().0, "gap5..799");
    let mut channel = live(5);
    channel.down();
    channel.subscribed(Some(at(900)));
    assert_eq!(text(&channel.history(Vec::new(), at(900), 0)), "gap5..900 s900");
}

#[test]
fn a_broker_that_has_forgotten_is_a_gap_not_repeats() {
    let mut channel = live(5);
    channel.down();
    assert_eq!(text(&channel.subscribed(Some(at(2)))), "gap5..2 s2");
    assert_eq!(text(&channel.message(message(at(3)))), "d3");
}

#[test]
fn an_answer_that_was_overtaken_changes_nothing() {
    let mut channel = live(5);
    channel.message(message(at(6)));
    assert_eq!(text(&channel.subscribed(Some(at(5)))), "s6");
    assert_eq!(text(&channel.message(message(at(7)))), "d7");
}

#[test]
fn a_new_epoch_is_a_gap() {
    let mut channel = live(5);
    channel.down();
    assert_eq!(text(&channel.subscribed(Some(other(0)))), "gap5..0 s0");
    assert_eq!(text(&channel.message(message(other(1)))), "d1");
    assert_eq!(text(&channel.message(message(at(3)))), "gap1..2 d3");
}

#[test]
fn without_history_messages_pass_and_every_loss_is_a_gap() {
    let mut channel = Channel::default();
    assert_eq!(text(&channel.subscribed(None)), "s-");
    let plain = Message { position: None, ..message(at(0)) };
    assert_eq!(text(&channel.message(plain)), "d-");
    channel.down();
    assert_eq!(text(&channel.subscribed(None)), "gap-..- s-");
}

#[test]
fn an_overflowing_gate_is_filled_from_the_history() {
    let mut channel = live(0);
    channel.down();
    (1..2_000).for_each(|offset| assert!(channel.message(message(at(offset))).is_empty()));
    assert_eq!(text(&channel.subscribed(Some(at(1_999)))), "?0");
    let steps = channel.history(entries(1..2_000), at(1_999), 0);
    assert_eq!(steps.len(), 1_999 + 2);
    assert_eq!(text(&steps[1_999..]), "s1999 ?1999");
    assert_eq!(text(&channel.history(Vec::new(), at(1_999), 0)), "s1999");
}
