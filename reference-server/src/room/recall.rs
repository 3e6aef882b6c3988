//! Members who come back and want what they missed: one question to the history for all who ask at the same time, and
//! what is delivered live until it is answered, so that nothing falls between the two. Pure.

use bytes::Bytes;

use super::inbox::JoinRequest;
use crate::history::{Entry, Gate, Position};

/// A request and what it has seen.
pub(super) type Returning = (JoinRequest, Position);

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Recall {
    asked: Option<Asked>,
    /// Wait for the next question, because the one under way does not reach back far enough.
    next: Vec<Returning>,
    /// Have seen what this instance has not yet.
    ahead: Vec<Returning>,
}

#[derive(Debug)]
struct Asked {
    number: u64,
    after: Position,
    returning: Vec<Returning>,
    /// Delivered since.
    since: Gate<Entry>,
}

/// What a request needs, the room standing at `last`.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Need {
    /// Nothing was missed.
    Nothing,
    /// It cannot be found out what was missed.
    Hopeless,
    /// The history has to be asked.
    History,
}

/// An answered question.
pub(super) struct Answered {
    pub(super) returning: Vec<Returning>,
    /// What was missed, up to where the room stands; `None`: to be asked again.
    pub(super) entries: Option<Vec<Entry>>,
    /// Where the room stood for the history.
    pub(super) position: Position,
}

/// Judges a request.
pub(super) fn need(from: Position, last: Option<Position>) -> Need {
    match last {
        Some(last) if last == from => Need::Nothing,
        Some(last) if last.epoch == from.epoch => Need::History,
        _ => Need::Hopeless,
    }
}

/// How many of these entries, which end at `last`, `from` has seen; `None` if some that it has not seen are not there.
pub(super) fn seen(entries: &[Entry], from: Position, last: Position) -> Option<usize> {
    let missed = last.offset.checked_sub(from.offset)? as usize;
    (from.epoch == last.epoch && missed <= entries.len()).then(|| entries.len() - missed)
}

impl Recall {
    /// Takes a request; the position after which to ask with this `number`, if a question is due now.
    pub(super) fn ask(&mut self, returning: Returning, number: u64) -> Option<Position> {
        match &mut self.asked {
            Some(asked) if returning.1.offset >= asked.after.offset && returning.1.epoch == asked.after.epoch => {
                asked.returning.push(returning);
                None
            }
            Some(_) => {
                self.next.push(returning);
                None
            }
            None => {
                let after = returning.1;
                self.asked = Some(Asked { number, after, returning: vec![returning], since: Gate::default() });
                Some(after)
            }
        }
    }

    /// A message was delivered.
    pub(super) fn delivered(&mut self, position: Position, tail: &Bytes) {
        if let Some(asked) = &mut self.asked {
            asked.since.hold(Entry { offset: position.offset, tail: tail.clone() }, tail.len());
        }
    }

    /// Whether anything has to be remembered or anybody be told when a message is delivered.
    pub(super) fn is_idle(&self) -> bool {
        self.asked.is_none() && self.ahead.is_empty()
    }

    /// Waits for the instance to have seen as much.
    pub(super) fn wait_ahead(&mut self, returning: Returning) {
        self.ahead.push(returning);
    }

    /// Those who waited for the instance to come this far.
    pub(super) fn reached(&mut self, last: Position) -> Vec<Returning> {
        let far = |(_, from): &mut Returning| from.epoch == last.epoch && from.offset <= last.offset;
        self.ahead.extract_if(.., far).collect()
    }

    /// The history's answer to question `number`: entries up to `position`, the room standing at `last`.
    pub(super) fn answer(
        &mut self,
        number: u64,
        mut entries: Vec<Entry>,
        position: Position,
        last: Position,
    ) -> Option<Answered> {
        let asked = self.asked.take_if(|asked| asked.number == number)?;
        let (since, complete) = { asked.since }.open();
        let returning = asked.returning;
        if !complete {
            return Some(Answered { returning, entries: None, position });
        }
        entries.extend(since.into_iter().filter(|entry| entry.offset > position.offset));
        entries.retain(|entry| entry.offset <= last.offset);
        // What does not end where the room stands, or has a hole, is of no use to anybody.
        let whole = entries.last().is_none_or(|entry| entry.offset == last.offset)
            && entries.windows(2).all(|pair| pair[0].offset + 1 == pair[1].offset)
            && position.epoch == last.epoch;
        Some(Answered { returning, entries: Some(if whole { entries } else { Vec::new() }), position })
    }

    /// Those whose question is still to be asked.
    pub(super) fn take_next(&mut self) -> Vec<Returning> {
        std::mem::take(&mut self.next)
    }

    /// Everybody: the question will not be answered, or the answer would be of no use.
    pub(super) fn give_up(&mut self) -> Vec<Returning> {
        let asked = self.asked.take().map(|asked| asked.returning).unwrap_or_default();
        let (next, ahead) = (std::mem::take(&mut self.next), std::mem::take(&mut self.ahead));
        asked.into_iter().chain(next).chain(ahead).collect()
    }

    /// A connection has gone.
    pub(super) fn forget(&mut self, request: &JoinRequest) {
        let stays = |(known, _): &Returning| (known.peer, known.join) != (request.peer, request.join);
        if let Some(asked) = &mut self.asked {
            asked.returning.retain(stays);
        }
        self.next.retain(stays);
        self.ahead.retain(stays);
    }
}

#[cfg(test)]
mod tests;
