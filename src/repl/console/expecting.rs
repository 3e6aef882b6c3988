//! What is waited for because somebody expects it.

use super::Console;
use crate::repl::drive::Ending;
use crate::repl::world::Manner;

impl Console {
    /// What is expected was heard, or its time is over.
    pub(in crate::repl) fn check_expectation(&mut self) {
        let Some((expectation, deadline)) = self.expecting.take() else { return };
        let found = self.recent.iter().position(|text| text.contains(&expectation.words));
        let (words, over) = (&expectation.words, self.now() >= deadline);
        match (found, expectation.absent) {
            (Some(at), false) => drop(self.recent.drain(..=at)),
            (Some(_), true) => self.fail(format!("{words:?} was heard, and it should not have been")),
            (None, true) if over => {}
            (None, false) if over => self
                .fail(format!("{words:?} was not heard within {}", crate::units::print_duration(expectation.within))),
            (None, _) => self.expecting = Some((expectation, deadline)),
        }
    }

    /// From now on only what comes later is looked at.
    pub(in crate::repl) fn forget_recent(&mut self) {
        self.recent.clear();
    }

    fn fail(&mut self, words: String) {
        if self.manner == Manner::Person {
            let bad = self.palette.bad;
            self.paper.remark(&format!("{bad}expected{}: {}", bad.render_reset(), crate::ui::printable(&words)));
        }
        self.trouble(Ending::Expectation(words));
    }
}
