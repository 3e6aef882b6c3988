//! Child processes of a bench: started, asked what they use, and ended with it.

#![allow(dead_code)] // each bench uses its part

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

/// A child that does not outlive the bench, and its standard streams.
pub(crate) struct Process {
    child: Child,
    lines: BufReader<ChildStdout>,
    stdin: Option<ChildStdin>,
}

impl Process {
    /// Starts `command` with its output in our hands.
    pub(crate) fn start(mut command: Command) -> Self {
        let command = command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap_or_else(|error| panic!("{:?}: {error}", command.get_program()));
        // Both were asked for just above.
        let lines = BufReader::new(child.stdout.take().expect("stdout is piped"));
        let stdin = child.stdin.take();
        Self { child, lines, stdin }
    }

    /// The next line it says; empty when it has ended.
    pub(crate) fn line(&mut self) -> String {
        let mut line = String::new();
        self.lines.read_line(&mut line).expect("the child's output is text");
        line.trim_end().to_owned()
    }

    /// Says a line to it and hears one back.
    pub(crate) fn ask(&mut self) -> String {
        use std::io::Write as _;
        let stdin = self.stdin.as_mut().expect("stdin is piped");
        writeln!(stdin).expect("the child listens");
        self.line()
    }

    /// Waits for its end; everything it still had to say.
    pub(crate) fn finish(mut self) -> String {
        let mut rest = String::new();
        std::io::Read::read_to_string(&mut self.lines, &mut rest).expect("the child's output is text");
        let status = self.child.wait().expect("the child can be waited for");
        assert!(status.success(), "a child of the bench failed: {status}\n{rest}");
        rest
    }

    /// Its number.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Process {
    /// Asks it to end, so that it takes its own children with it, and waits.
    fn drop(&mut self) {
        if matches!(self.child.try_wait(), Ok(Some(_))) {
            return;
        }
        if let Some(pid) = rustix::process::Pid::from_raw(self.child.id() as i32) {
            // It may have ended in this moment.
            let _gone = rustix::process::kill_process(pid, rustix::process::Signal::TERM);
        }
        drop(self.child.wait());
    }
}

/// A process and everything it started.
pub(crate) fn family(pid: u32) -> Vec<u32> {
    let mut family = vec![pid];
    let mut at = 0;
    while let Some(&parent) = family.get(at) {
        let tasks = fs::read_dir(format!("/proc/{parent}/task")).into_iter().flatten().flatten();
        for task in tasks {
            let children = fs::read_to_string(task.path().join("children")).unwrap_or_default();
            family.extend(children.split_whitespace().filter_map(|child| child.parse::<u32>().ok()));
        }
        at += 1;
    }
    family
}

/// CPU time of a process's living threads, in nanoseconds.
pub(crate) fn cpu_nanos(pid: u32) -> u64 {
    let tasks = fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten();
    let of = |task: fs::DirEntry| fs::read_to_string(task.path().join("schedstat")).ok();
    tasks.filter_map(of).filter_map(|text| text.split(' ').next()?.parse::<u64>().ok()).sum()
}

/// Resident memory of a process, in KiB.
pub(crate) fn resident_kib(pid: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|line| line.split_whitespace().next()?.parse().ok()).unwrap_or(0)
}
