//! The plan, walked in order of time by each worker: who enters, who leaves, what is due.

use std::collections::VecDeque;
use std::iter::Peekable;
use std::time::Duration;

use crate::observe::ClientId;
use crate::scenario::plan::{Inquiries, Inquiry, Plan, Publication, Publications, Start};

/// Something the plan wants at a moment after t0.
#[derive(Clone, Debug)]
pub(super) enum Step {
    /// A client starts.
    Enter(ClientId),
    /// A client leaves on its own.
    Leave(ClientId),
    /// Somebody says something.
    Publish(Publication),
    /// Somebody asks something.
    Ask(Inquiry),
    /// A fault begins: its number. Every worker's own.
    Fault(u16),
}

/// How far ahead a worker looks for something of its own before it wakes to look again.
const LOOK_AHEAD: usize = 1_024;

/// A cursor over the plan after t0. Every worker walks all of it and acts on what is its own.
pub(super) struct Walk {
    plan: Plan,
    publications: Peekable<Publications>,
    inquiries: Peekable<Inquiries>,
    entering: VecDeque<(Duration, ClientId)>,
    leaving: VecDeque<(Duration, ClientId)>,
    faults: VecDeque<(Duration, u16)>,
    ahead: VecDeque<(Duration, Step)>,
    worker: Share,
}

/// Which clients are a worker's own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Share {
    /// This worker's number.
    pub(super) worker: usize,
    /// How many there are.
    pub(super) of: usize,
}

impl Share {
    /// Whether `client` is this worker's.
    pub(super) fn owns(self, client: ClientId) -> bool {
        client.0 as usize % self.of == self.worker
    }
}

impl Walk {
    /// From t0 on; `faults` begin at these moments, in order.
    pub(super) fn new(plan: &Plan, worker: Share, faults: impl IntoIterator<Item = Duration>) -> Self {
        let mut entering = Vec::new();
        let mut leaving = Vec::new();
        for life in plan.lives() {
            if let Start::AfterT0(at) = life.start {
                entering.push((at, life.client));
            }
            leaving.extend(life.leave.map(|at| (at, life.client)));
        }
        entering.sort_by_key(|(at, _)| *at);
        leaving.sort_by_key(|(at, _)| *at);
        Self {
            publications: plan.publications().peekable(),
            inquiries: plan.inquiries().peekable(),
            plan: plan.clone(),
            entering: entering.into(),
            leaving: leaving.into(),
            faults: faults.into_iter().zip(0..).collect(),
            ahead: VecDeque::new(),
            worker,
        }
    }

    /// The next step if it is due by `now`.
    pub(super) fn due(&mut self, now: Duration) -> Option<(Duration, Step)> {
        if self.ahead.is_empty() {
            let next = self.next()?;
            self.ahead.push_back(next);
        }
        let ready = self.ahead.front().is_some_and(|(at, _)| *at <= now);
        if ready { self.ahead.pop_front() } else { None }
    }

    /// When this worker must wake next: at its own next step, or to look further. `None`: nothing is left.
    pub(super) fn wake(&mut self) -> Option<Duration> {
        if let Some((at, _)) = self.ahead.iter().find(|(_, step)| self.is_own(step)) {
            return Some(*at);
        }
        while self.ahead.len() < LOOK_AHEAD {
            let Some((at, step)) = self.next() else { break };
            let own = self.is_own(&step);
            self.ahead.push_back((at, step));
            if own {
                return Some(at);
            }
        }
        self.ahead.back().map(|(at, _)| *at)
    }

    /// Whether `client` is this walk's worker's.
    pub(super) fn owns(&self, client: ClientId) -> bool {
        self.worker.owns(client)
    }

    fn is_own(&self, step: &Step) -> bool {
        match step {
            Step::Enter(client) | Step::Leave(client) => self.owns(*client),
            Step::Publish(publication) => self.owns(publication.publisher),
            Step::Ask(inquiry) => self.owns(inquiry.client),
            Step::Fault(_) => true,
        }
    }

    /// The earliest of the five streams; at the same moment faults begin, then clients leave, then enter, then speak, then
    /// ask.
    fn next(&mut self) -> Option<(Duration, Step)> {
        let leave = self.leaving.front().map(|(at, _)| *at);
        let enter = self.entering.front().map(|(at, _)| *at);
        let publish = self.publications.peek().map(|publication| publication.due);
        let ask = self.inquiries.peek().map(|inquiry| inquiry.due);
        let fault = self.faults.front().map(|(at, _)| *at);
        let first = [fault, leave, enter, publish, ask].into_iter().flatten().min()?;
        let step = if fault == Some(first) {
            Step::Fault(self.faults.pop_front()?.1)
        } else if leave == Some(first) {
            Step::Leave(self.leaving.pop_front()?.1)
        } else if enter == Some(first) {
            Step::Enter(self.entering.pop_front()?.1)
        } else if publish == Some(first) {
            Step::Publish(self.publications.next()?)
        } else {
            Step::Ask(self.inquiries.next()?)
        };
        Some((first, step))
    }

    /// The plan that is walked.
    pub(super) fn plan(&self) -> &Plan {
        &self.plan
    }
}
