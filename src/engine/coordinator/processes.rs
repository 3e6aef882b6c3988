//! Processes that carry clients at the coordinator: what they cost, and what becomes of a run when one of them dies.

use super::Coordinator;
use crate::engine::link::Stage;
use crate::engine::outcome::End;
use crate::engine::processes::Notice;
use crate::observe::{Fact, Labels, Observation, Observe, Word};

impl Coordinator<'_> {
    /// Takes in what is learned of a process.
    pub(super) fn notice(&mut self, notice: Notice) {
        match notice {
            Notice::Vitals(vitals) => self.carriers.push(*vitals),
            Notice::Died(process) => {
                let each = self.workers.len() / self.posts.orders.len().max(1);
                let own = self.workers.iter_mut().skip(process * each).take(each);
                // Nobody waits for what they will not say.
                own.for_each(|known| known.stage = Some(Stage::Gone));
                self.died.get_or_insert(process);
            }
        }
    }

    /// Why a run ends of which a process has died.
    pub(super) fn obituary(&self, process: usize) -> String {
        format!(
            "worker process {} of {} ended before its time, and the connections of its clients with it: what the others \
             measured is not the whole",
            process + 1,
            self.posts.orders.len()
        )
    }

    /// How the run ended, after all: one of which a process has died is not complete. What that process would have said of
    /// its pairs is not known, and stands in the accounts as that.
    pub(super) fn without_the_dead(&mut self, end: End) -> End {
        while let Ok(notice) = self.posts.notices.try_recv() {
            self.notice(notice);
        }
        let Some(process) = self.died else { return end };
        let identity = self.identity();
        let told = identity.delivered + identity.lost + identity.excluded;
        let unknown = Labels { detail: Some(Word::UNKNOWN), ..Labels::default() };
        // A copy may have come of what its talker's process had no time to tell: then the pair was due.
        for (fact, labels, pairs) in [
            (Fact::Excluded, unknown, identity.due.saturating_sub(told)),
            (Fact::Due, Labels::default(), told.saturating_sub(identity.due)),
        ] {
            self.own.observe(&Observation::new(fact, labels, pairs));
        }
        self.take_second();
        if end == End::Complete { End::Failed(self.obituary(process)) } else { end }
    }
}
