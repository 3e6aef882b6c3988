//! What is waited for because somebody expects it.

use std::collections::VecDeque;

use super::Console;
use crate::repl::drive::Ending;
use crate::repl::world::Manner;

/// So many messages are remembered.
const MESSAGES: usize = 256;

/// So many bytes of messages are remembered, besides the last message.
const BYTES: usize = 4 << 20;

/// Messages that were heard and not expected yet, the latest last.
#[derive(Default)]
pub(super) struct Recent {
    texts: VecDeque<String>,
    bytes: usize,
}

impl Recent {
    fn push(&mut self, text: &str) {
        self.bytes += text.len();
        while self.texts.len() == MESSAGES || self.bytes > BYTES && !self.texts.is_empty() {
            self.forget_until(0);
        }
        self.texts.push_back(text.to_owned());
    }

    fn find(&self, words: &str) -> Option<usize> {
        self.texts.iter().position(|text| text.contains(words))
    }

    /// Forgets message number `at` and all before it.
    fn forget_until(&mut self, at: usize) {
        self.bytes -= self.texts.drain(..=at).map(|text| text.len()).sum::<usize>();
    }
}

impl Console {
    /// Takes note of a message; one that is expected is found at once, however many follow it.
    pub(super) fn remember(&mut self, text: &str) {
        let is_expected = self.expecting.as_ref().is_some_and(|(expectation, _)| text.contains(&expectation.words));
        if is_expected {
            self.forget_recent();
        }
        self.recent.push(text);
        if is_expected {
            self.check_expectation();
        }
    }

    /// What is expected was heard, or its time is over.
    pub(in crate::repl) fn check_expectation(&mut self) {
        let Some((expectation, deadline)) = self.expecting.take() else { return };
        let found = self.recent.find(&expectation.words);
        let (words, over) = (&expectation.words, self.now() >= deadline);
        match (found, expectation.absent) {
            (Some(at), false) => self.recent.forget_until(at),
            (Some(_), true) => self.fail(format!("{words:?} was heard, and it should not have been")),
            (None, true) if over => {}
            (None, false) if over => self
                .fail(format!("{words:?} was not heard within {}", crate::units::print_duration(expectation.within))),
            (None, _) => self.expecting = Some((expectation, deadline)),
        }
    }

    /// From now on only what comes later is looked at.
    pub(in crate::repl) fn forget_recent(&mut self) {
        self.recent = Recent::default();
    }

    fn fail(&mut self, words: String) {
        if self.manner == Manner::Person {
            let bad = self.palette.bad;
            self.paper.remark(&format!("{bad}expected{}: {}", bad.render_reset(), crate::ui::printable(&words)));
        }
        self.trouble(Ending::Expectation(words));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_are_forgotten_when_there_are_too_many_or_too_much() {
        let mut recent = Recent::default();
        (0..=MESSAGES).for_each(|n| recent.push(&format!("number {n}.")));
        assert_eq!((recent.texts.len(), recent.find("number 0."), recent.find("number 1.")), (MESSAGES, None, Some(0)));
        recent.push(&"x".repeat(BYTES));
        assert_eq!((recent.texts.len(), recent.bytes), (1, BYTES));
        recent.forget_until(0);
        assert_eq!((recent.find(""), recent.bytes), (None, 0));
    }
}
