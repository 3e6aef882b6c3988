//! Commands that faults run: each a process group of its own, heard only through its exit status and its last words, and
//! gone when the run is.

use std::process::Command;

use super::child::{End, Process};
use crate::engine::Aftermath;

/// Bytes of its last words that are told.
const TOLD: usize = 600;

/// A command and what is known of it.
struct Errand {
    fault: u16,
    program: String,
    process: Process,
    /// It was seen to have ended: what it said last is read until it is looked at again.
    ended: bool,
    told: bool,
}

/// The commands of a run. Dropping them ends them.
#[derive(Default)]
pub(super) struct Errands {
    errands: Vec<Errand>,
    news: Vec<Aftermath>,
}

impl Errands {
    /// Starts the command of the fault numbered `fault`. Call it from the main thread.
    pub(super) fn start(&mut self, fault: u16, argv: &[String]) -> Result<(), String> {
        let program = argv.first().ok_or("there is no command")?.clone();
        let mut command = Command::new(&program);
        command.args(&argv[1..]);
        let process = Process::start_unheard(&format!("command-{fault}"), command)
            .map_err(|error| format!("failed to start {program}: {error}; is it on PATH?"))?;
        self.errands.push(Errand { fault, program, process, ended: false, told: false });
        Ok(())
    }

    /// Kills what is left of the command of this fault, if it still runs: its time is over.
    pub(super) fn end(&mut self, fault: u16) {
        let untold = self.errands.iter_mut().find(|errand| errand.fault == fault && !errand.told);
        let Some(errand) = untold else { return };
        let end = errand.process.end();
        if end.is_none() {
            errand.process.kill_group();
        }
        self.news.push(errand.tell(end));
    }

    /// The commands that have ended since it was asked last.
    pub(super) fn aftermath(&mut self) -> Vec<Aftermath> {
        for errand in self.errands.iter_mut().filter(|errand| !errand.told) {
            let Some(end) = errand.process.end() else { continue };
            if errand.ended {
                self.news.push(errand.tell(Some(end)));
            }
            errand.ended = true;
        }
        std::mem::take(&mut self.news)
    }
}

impl Errand {
    /// How it ended; `None`: it did not.
    fn tell(&mut self, end: Option<End>) -> Aftermath {
        self.told = true;
        let failed = |what: String| {
            let words = self.process.words_so_far().replace('\n', "; ");
            let from = words.ceil_char_boundary(words.len().saturating_sub(TOLD));
            let words = words[from..].trim();
            Some(if words.is_empty() { what } else { format!("{what}: {words}") })
        };
        let program = &self.program;
        let (status, failure) = match end {
            Some(End::Status(0)) => (Some(0), None),
            Some(End::Status(status)) => (Some(status), failed(format!("{program} ended with exit status {status}"))),
            Some(End::Signal(signal)) => (None, failed(format!("{program} was ended by signal {signal}"))),
            None => (None, failed(format!("{program} still ran when its time, or the run, was over, and was killed"))),
        };
        Aftermath::CommandEnded { fault: self.fault, status, failure }
    }
}

impl Drop for Errands {
    fn drop(&mut self) {
        // A command may be over and what it started not.
        self.errands.iter().for_each(|errand| errand.process.kill_group());
    }
}
