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
mod tests;
