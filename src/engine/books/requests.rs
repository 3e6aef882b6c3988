//! Requests in the books: each of the measured phase is counted when it is due, and once more as what became of it.

use std::time::Duration;

use super::Books;
use crate::observe::{Fact, GroupId, Labels, Observation, Observe, RequestId, Word};
use crate::time::{Timestamp, nanos};

/// What becomes of a request is counted under these labels; nothing is counted of one that is not measured.
#[derive(Clone, Copy, Debug)]
pub(in crate::engine) struct Account(Option<Labels>);

/// What became of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::engine) enum Fate {
    /// It was answered so long after it was due.
    Answered(Duration),
    /// It could not be said, was refused, or its connection ended.
    Failed(Word),
    /// No answer came in time.
    TimedOut,
}

impl Books {
    /// A request of a client of `group` is due.
    pub(in crate::engine) fn asked(&mut self, request: RequestId, group: GroupId, due: Timestamp) -> Account {
        let measured = self.t0.is_some_and(|t0| due >= t0 && self.measures(due - t0));
        let labels = measured.then(|| Labels {
            request: Some(request),
            group: Some(group),
            phase: self.stretches.at(due),
            ..Labels::default()
        });
        self.count_request(Account(labels), Fact::RequestSent, None, 1);
        Account(labels)
    }

    /// A request has come to its end.
    pub(in crate::engine) fn settle(&mut self, account: Account, fate: Fate) {
        match fate {
            Fate::Answered(took) => self.count_request(account, Fact::RequestAnswered, None, nanos(took)),
            Fate::Failed(reason) => self.count_request(account, Fact::RequestFailed, Some(reason), 1),
            Fate::TimedOut => self.count_request(account, Fact::RequestTimedOut, None, 1),
        }
    }

    fn count_request(&mut self, account: Account, fact: Fact, detail: Option<Word>, value: u64) {
        if let Some(labels) = account.0 {
            self.recorder.observe(&Observation::new(fact, Labels { detail, ..labels }, value));
        }
    }
}
