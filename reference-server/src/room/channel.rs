//! One room's state machine: gated until subscribed, in order, caught up after a loss, or told that it was not. Pure:
//! it says what to do and is told what happened.

use std::collections::VecDeque;

use bytes::Bytes;

use crate::{
    broker::Arrival,
    history::{Entry, Gate, Order, Position},
};

/// What is to be done, in this order.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// Deliver a message to the members.
    Deliver(Message),
    /// Tell the members that messages are missing between the two positions.
    Gap { before: Option<Position>, position: Option<Position> },
    /// Answer waiting joins: the room stands here.
    Settle(Option<Position>),
    /// Ask the broker for the history after this position.
    Ask(Position),
    /// Nothing; the message had been delivered already.
    Repeat,
}

/// A message to deliver.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Message {
    pub(super) position: Option<Position>,
    pub(super) tail: Bytes,
    pub(super) received: u64,
    pub(super) replayed: bool,
}

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Channel {
    state: State,
    /// Everything up to here has been delivered or was before our time; `None` before the first answer.
    last: Option<Position>,
    gate: Gate<Message>,
    answered: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum State {
    /// Waiting for the broker to acknowledge the subscription; messages wait at the gate.
    #[default]
    Subscribing,
    /// Messages go through.
    Live,
    /// Messages are missing and asked for; newer ones wait at the gate.
    Healing,
}

impl From<Arrival> for Message {
    fn from(arrival: Arrival) -> Self {
        let Arrival { position, tail, received, .. } = arrival;
        Self { position, tail, received, replayed: false }
    }
}

impl Channel {
    /// Where the room stands, if joins can be answered right now.
    pub(super) fn live(&self) -> Option<Option<Position>> {
        (self.state == State::Live).then_some(self.last)
    }

    /// Up to where messages were delivered.
    pub(super) fn last(&self) -> Option<Position> {
        self.last
    }

    /// Whether it has been live before: the next answer to `subscribed` is a recovery.
    pub(super) fn was_live(&self) -> bool {
        self.answered
    }

    /// The broker is lost.
    pub(super) fn down(&mut self) {
        self.state = State::Subscribing;
        self.gate.open();
    }

    /// The broker has subscribed the room, which stood at `position` after that.
    pub(super) fn subscribed(&mut self, position: Option<Position>) -> Vec<Step> {
        let again = std::mem::replace(&mut self.answered, true);
        // While live, messages may have overtaken the answer. Otherwise a smaller offset means that the broker has come
        // back with an older state: what follows will be numbered like what has been delivered already.
        let relapsed =
            |last: Position, position: Position| self.state == State::Subscribing && position.offset < last.offset;
        match (self.last, position) {
            (Some(last), Some(position)) if last.epoch == position.epoch && !relapsed(last, position) => {
                if position.offset > last.offset {
                    self.state = State::Healing;
                    return vec![Step::Ask(last)];
                }
                self.open(Vec::new())
            }
            (before, position) => {
                self.last = position;
                let steps = if again { vec![Step::Gap { before, position }] } else { Vec::new() };
                self.open(steps)
            }
        }
    }

    /// A message has arrived.
    pub(super) fn message(&mut self, message: Message) -> Vec<Step> {
        if self.state != State::Live {
            let bytes = message.tail.len();
            self.gate.hold(message, bytes);
            return Vec::new();
        }
        let mut steps = Vec::with_capacity(1);
        self.pass(message, &mut steps);
        steps
    }

    /// The history that was asked for, and where the room stands.
    pub(super) fn history(&mut self, entries: Vec<Entry>, position: Position, now: u64) -> Vec<Step> {
        let (State::Healing, Some(last)) = (self.state, self.last) else { return Vec::new() };
        let mut steps = Vec::new();
        let first = entries.first().map_or(position.offset + 1, |entry| entry.offset);
        if last.epoch != position.epoch || first > last.offset + 1 {
            let resumed = Position { offset: first - 1, ..position };
            steps.push(Step::Gap { before: Some(last), position: Some(resumed) });
            self.last = Some(resumed);
        }
        let epoch = position.epoch;
        for Entry { offset, tail } in entries {
            let position = Position { offset, epoch };
            if self.last.is_some_and(|last| last.order(position) == Order::Next) {
                self.last = Some(position);
                let position = Some(position);
                steps.push(Step::Deliver(Message { position, tail, received: now, replayed: true }));
            }
        }
        self.open(steps)
    }

    /// Lets through what the gate held, then everything.
    fn open(&mut self, mut steps: Vec<Step>) -> Vec<Step> {
        self.state = State::Live;
        steps.push(Step::Settle(self.last));
        let (held, complete) = self.gate.open();
        self.pass_all(held, &mut steps);
        if !complete && self.state == State::Live {
            self.state = State::Healing;
            match self.last {
                Some(last) => steps.push(Step::Ask(last)),
                // Without history nothing can be asked for.
                None => {
                    self.state = State::Live;
                    steps.push(Step::Gap { before: None, position: None });
                }
            }
        }
        steps
    }

    fn pass_all(&mut self, held: VecDeque<Message>, steps: &mut Vec<Step>) {
        for message in held {
            if self.state == State::Live {
                self.pass(message, steps);
            } else {
                let bytes = message.tail.len();
                self.gate.hold(message, bytes);
            }
        }
    }

    /// Judges a message while live.
    fn pass(&mut self, message: Message, steps: &mut Vec<Step>) {
        let order = match (self.last, message.position) {
            (Some(last), Some(position)) => last.order(position),
            (_, None) => return steps.push(Step::Deliver(message)),
            (None, Some(_)) => Order::NewEpoch,
        };
        match order {
            Order::Next => {
                self.last = message.position;
                steps.push(Step::Deliver(message));
            }
            Order::Repeat => steps.push(Step::Repeat),
            Order::Hole => {
                self.state = State::Healing;
                // Invariant: a hole is judged against a last position.
                steps.push(Step::Ask(self.last.expect("a hole has a position before it")));
                let bytes = message.tail.len();
                self.gate.hold(message, bytes);
            }
            Order::NewEpoch => {
                let before = self.last;
                let resumed = message.position.map(|at| Position { offset: at.offset.saturating_sub(1), ..at });
                steps.push(Step::Gap { before, position: resumed });
                self.last = message.position;
                steps.push(Step::Deliver(message));
            }
        }
    }
}

#[cfg(test)]
mod tests {
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
}
