//! A scripted server's own record of what it did: what a ledger is judged against.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::time::Timestamp;

/// What was done to one copy or one message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Deed {
    /// Took a message for delivery. Every deed below happens to one of these, [`Deed::Refused`] excepted.
    Accepted,
    /// Sent a copy on its way to a member: each first copy, swapped and delayed ones too. It arrives unless the
    /// connection ends before [`Record::at`].
    Delivered,
    /// Sent a copy out of the history, marked as replayed.
    Replayed,
    /// Did not send a copy.
    Dropped,
    /// Sent a copy a second time.
    Duplicated,
    /// Sent a copy after the same publisher's next one.
    Swapped,
    /// Holds a copy back that is to be swapped: becomes [`Deed::Swapped`] and [`Deed::Delivered`] when the publisher's
    /// next copy goes out; until then it is not delivered.
    Held,
    /// Sent a copy later than it would have.
    Delayed,
    /// Sent a copy to somebody who is not in the room.
    Misrouted,
    /// The copy arrives before the join is acknowledged.
    Early,
    /// Closed the receiver's connection in place of a copy.
    Closed,
    /// Did not send a copy because it has fallen silent towards the receiver.
    Silenced,
    /// Refused a message.
    Refused,
    /// Answered a delivered message with `unconfirmed`.
    Unconfirmed,
    /// Was asked a question, by the record's publisher; its content is the question's type. One of the next four follows.
    Asked,
    /// Answered a question.
    Answered,
    /// Answered a question later than it would have.
    AnsweredLate,
    /// Refused to answer a question.
    Declined,
    /// Did not answer a question.
    Ignored,
}

/// One entry of the truth.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// What was done.
    pub deed: Deed,
    /// When it takes effect at the receiver (for what concerns a whole message: when the server decided).
    pub at: Timestamp,
    /// The message's ordinal.
    pub message: u64,
    /// The room it was published to.
    pub room: String,
    /// Who said it.
    pub publisher: String,
    /// To whom it was done; empty for what concerns a whole message.
    pub receiver: String,
    /// The published text, marker included.
    pub content: String,
}

/// Everything a scripted server did, in order. Clones share the record.
#[derive(Clone, Debug, Default)]
pub struct Truth(Arc<Mutex<Vec<Record>>>);

impl Truth {
    /// All entries so far.
    pub fn records(&self) -> Vec<Record> {
        self.lock().clone()
    }

    /// The entries of one kind.
    pub fn of(&self, deed: Deed) -> Vec<Record> {
        self.lock().iter().filter(|record| record.deed == deed).cloned().collect()
    }

    /// How often something was done.
    pub fn count(&self, deed: Deed) -> usize {
        self.lock().iter().filter(|record| record.deed == deed).count()
    }

    pub(super) fn note(&self, record: Record) {
        self.lock().push(record);
    }

    /// The held copy of `message` for `receiver` was sent after its successor, to arrive at `at`.
    pub(super) fn release(&self, message: u64, receiver: &str, at: Timestamp) {
        let mut records = self.lock();
        let this = |record: &&mut Record| {
            record.deed == Deed::Held && record.message == message && record.receiver == receiver
        };
        if let Some(record) = records.iter_mut().rev().find(this) {
            record.deed = Deed::Swapped;
            record.at = at;
            let delivered = Record { deed: Deed::Delivered, ..record.clone() };
            records.push(delivered);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Record>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
