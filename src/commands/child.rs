//! A process that wsbench starts: it dies with wsbench, and Ctrl-C at the terminal reaches only wsbench.

use std::fs::File;
use std::io;
use std::os::unix::process::CommandExt as _;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, WaitId, WaitIdOptions};

use crate::time::{Clock, nap};

mod said;

pub(super) use said::Heard;
use said::{Said, Stdout};

/// How often a child that is expected to end is looked at.
const GLANCE: Duration = Duration::from_millis(5);

/// How a child ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// By itself, with this status.
    Status(i32),
    /// By this signal.
    Signal(i32),
}

/// A running child. Dropping it kills it.
#[derive(Debug)]
pub(super) struct Process {
    name: String,
    child: Child,
    said: Said,
}

impl Process {
    /// Starts `command`, its stdout and stderr read by threads of ours. Call it from the main thread: the kernel ties
    /// the child's life to the thread that made it.
    pub(super) fn start(name: &str, mut command: Command) -> io::Result<Self> {
        command.stdin(Stdio::null());
        Self::spawn(name, command, Stdout::Lines)
    }

    /// As [`Self::start`], and it can be spoken to.
    pub(super) fn start_talking(name: &str, mut command: Command) -> io::Result<Self> {
        command.stdin(Stdio::piped());
        Self::spawn(name, command, Stdout::Lines)
    }

    /// As [`Self::start`], but of its stdout, too, only the last words are kept.
    pub(super) fn start_unheard(name: &str, mut command: Command) -> io::Result<Self> {
        command.stdin(Stdio::null());
        Self::spawn(name, command, Stdout::LastWords)
    }

    /// As [`Self::start`], but all it says goes into `file`.
    pub(super) fn start_logging(name: &str, mut command: Command, file: File) -> io::Result<Self> {
        command.stdin(Stdio::null());
        Self::spawn(name, command, Stdout::File(file))
    }

    /// As [`Self::start`], its stdin being `stdin`, and each line of its stdout handed to `each`.
    pub(super) fn start_joined(
        name: &str,
        mut command: Command,
        stdin: impl Into<Stdio>,
        each: impl FnMut(String) + Send + 'static,
    ) -> io::Result<Self> {
        command.stdin(stdin);
        Self::spawn(name, command, Stdout::Each(Box::new(each)))
    }

    fn spawn(name: &str, mut command: Command, heard: Stdout) -> io::Result<Self> {
        command.process_group(0);
        match &heard {
            Stdout::File(file) => command.stdout(file.try_clone()?).stderr(file.try_clone()?),
            Stdout::Lines | Stdout::LastWords | Stdout::Each(_) => {
                command.stdout(Stdio::piped()).stderr(Stdio::piped())
            }
        };
        die_with_parent(&mut command);
        let mut child = command.spawn()?;
        let said = Said::of(name, &mut child, heard)?;
        Ok(Self { name: name.to_owned(), child, said })
    }

    /// What is said to it, of a child that can be spoken to; once.
    pub(super) fn take_stdin(&mut self) -> Option<ChildStdin> {
        self.child.stdin.take()
    }

    /// The next line of its stdout, waiting at most `patience`; `None` when none came.
    pub(super) fn line(&self, patience: Duration) -> Option<String> {
        match self.hear(patience) {
            Heard::Line(line) => Some(line),
            Heard::Silence | Heard::End => None,
        }
    }

    /// What comes next of its stdout, waiting at most `patience`. That it has ended does not mean that it was heard out.
    pub(super) fn hear(&self, patience: Duration) -> Heard {
        self.said.hear(patience)
    }

    /// Stops listening to its stdout.
    pub(super) fn stop_listening(&mut self) {
        self.said.stop_listening();
    }

    /// What it said last on stderr, if anything.
    pub(super) fn last_words(&mut self) -> String {
        if self.has_ended() {
            self.said.hear_out();
        }
        self.words_so_far()
    }

    /// What has been read of its last words.
    pub(super) fn words_so_far(&self) -> String {
        self.said.last_words()
    }

    /// How it ended, if it has. It is not reaped: its number, and that of its group, remain its own.
    pub(super) fn end(&self) -> Option<End> {
        let options = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
        let status = rustix::process::waitid(WaitId::Pid(self.pid()?), options).ok()??;
        let by_itself = status.exit_status().map(End::Status);
        by_itself.or_else(|| status.terminating_signal().map(End::Signal))
    }

    /// Kills it and whatever it has started, unless that has gone its own way.
    pub(super) fn kill_group(&self) {
        if let Some(pid) = self.pid() {
            // There may be nobody left.
            rustix::process::kill_process_group(pid, Signal::KILL).ok();
        }
    }

    fn pid(&self) -> Option<Pid> {
        i32::try_from(self.child.id()).ok().and_then(Pid::from_raw)
    }

    /// Whether it has ended.
    pub(super) fn has_ended(&mut self) -> bool {
        !matches!(self.child.try_wait(), Ok(None))
    }

    /// Its name.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// Asks it to end.
    pub(super) fn terminate(&self) {
        self.signal(Signal::TERM);
    }

    /// Asks it, and whatever it has started, to end.
    pub(super) fn terminate_group(&self) {
        if let Some(pid) = self.pid() {
            // There may be nobody left.
            rustix::process::kill_process_group(pid, Signal::TERM).ok();
        }
    }

    /// Waits for its end at most `patience`, then kills it.
    pub(super) fn wait_or_kill(&mut self, clock: &Clock, patience: Duration) {
        let deadline = clock.now() + patience;
        while !self.has_ended() {
            if clock.now() >= deadline {
                self.signal(Signal::KILL);
            }
            nap(GLANCE);
        }
    }

    /// Sends it a signal.
    pub(super) fn signal(&self, signal: Signal) {
        if let Some(pid) = self.pid() {
            // It may have ended by itself, which is as good.
            rustix::process::kill_process(pid, signal).ok();
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if !self.has_ended() {
            self.signal(Signal::KILL);
            // Reaps it; a failure means it is already reaped.
            drop(self.child.wait());
        }
    }
}

#[cfg(target_os = "linux")]
fn die_with_parent(command: &mut Command) {
    let parent = rustix::process::getpid();
    let arrange = move || -> io::Result<()> {
        rustix::process::set_parent_process_death_signal(Some(Signal::KILL))?;
        // The parent may have died before the line above: then nobody would ever send the signal.
        if rustix::process::getppid() == Some(parent) { Ok(()) } else { Err(io::ErrorKind::NotConnected.into()) }
    };
    // SAFETY: between fork and exec only system calls are made; nothing is allocated and no lock is taken.
    #[allow(unsafe_code)]
    unsafe {
        command.pre_exec(arrange);
    }
}

#[cfg(not(target_os = "linux"))]
fn die_with_parent(_command: &mut Command) {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_child_that_has_ended_is_heard_out() {
        let mut command = Command::new("sh");
        command.args(["-c", "read wait; echo last; exit 3"]);
        let mut child = Process::start_talking("talker", command).unwrap();
        let stdin = child.take_stdin();
        assert_eq!(child.hear(Duration::ZERO), Heard::Silence);
        drop(stdin);
        while child.end().is_none() {
            nap(GLANCE);
        }
        assert_eq!(child.hear(Duration::from_secs(10)), Heard::Line("last".to_owned()));
        assert_eq!(child.hear(Duration::from_secs(10)), Heard::End);
    }
}
