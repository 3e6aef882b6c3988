//! The end of waiting: it took too long, nobody wants it any more, or the connection is lost.

use crate::repl::client::Client;
use crate::repl::console::Console;
use crate::repl::drive::Ending;
use crate::repl::world::Manner;
use crate::units::print_duration;

impl Console {
    /// What is still waited for has taken too long.
    pub(in crate::repl) fn give_up_waiting(&mut self) {
        self.pings = 0;
        let words = match &self.lost {
            Some(lost) => format!("the connection was lost and is not back: {}", lost.words),
            None => self.unanswered(),
        };
        self.clients.iter_mut().for_each(Client::wait_no_longer);
        if self.manner == Manner::Person {
            self.remark(&format!("{words}; going on without it"));
        }
        self.trouble(Ending::Setup(words));
    }

    /// A person at a terminal wants nothing of what is under way; gives whether anything was.
    pub(in crate::repl) fn break_off(&mut self) -> bool {
        if self.manner == Manner::Script {
            return false;
        }
        // Whoever writes in an editor breaks something off there.
        if self.is_writing() {
            return true;
        }
        let waited = self.expecting.take().is_some() || !self.script.is_empty() || !self.is_settled();
        self.script.clear();
        self.pings = 0;
        self.clients.iter_mut().for_each(Client::wait_no_longer);
        if waited {
            self.remark("broken off");
        }
        waited
    }

    /// What was asked for and has not been answered, in words.
    fn unanswered(&self) -> String {
        let what = match self.manner {
            Manner::Person => self.clients[self.current].unanswered(),
            Manner::Script => self.clients.iter().find_map(Client::unanswered),
        };
        let what = what.unwrap_or_else(|| "what was said".to_owned());
        let within = print_duration(self.manner.patience());
        let (dialect, remedy) = (self.dialer.dialect.name(), "(--dialect and /dialect say what it speaks)");
        let doubt = format!(": does the target speak {dialect}? {remedy}");
        let doubt = if what.starts_with("joining") { &doubt } else { "" };
        format!("no answer to {what} within {within}{doubt}")
    }

    /// How a script ends that has done everything.
    pub(in crate::repl) fn verdict(&mut self) -> Ending {
        match self.lost.take() {
            Some(lost) if self.manner == Manner::Script => lost.ending(),
            _ => Ending::Done,
        }
    }

    /// A script needs the connection that was lost.
    pub(super) fn end_for_loss(&mut self) {
        if let Some(lost) = self.lost.take() {
            self.trouble(lost.ending());
        }
    }
}
