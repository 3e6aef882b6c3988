//! An instance as a process of its own, whose memory and descriptors can be looked at.

use std::{
    io::{BufRead, BufReader, Read},
    net::SocketAddr,
    process::{ChildStderr, Command, Stdio},
};

use rustix::process::{Pid, Signal, kill_process};

use super::{
    Redis,
    server::{Answer, SECRET, get},
    until,
};

/// See the module. Killed when dropped.
pub(crate) struct Child {
    process: std::process::Child,
    pub(crate) address: SocketAddr,
    pub(crate) admin: SocketAddr,
}

impl Child {
    /// Starts one with these arguments, joined to no others.
    pub(crate) fn start(arguments: &[&str]) -> Self {
        Self::run(Command::new(env!("CARGO_BIN_EXE_reference-server")).args(["--broker", "memory"]).args(arguments))
    }

    /// Starts one that is joined to others by a Redis.
    pub(crate) fn joined(redis: &Redis, arguments: &[&str]) -> Self {
        Self::run(Command::new(env!("CARGO_BIN_EXE_reference-server")).args(["--redis", &redis.url()]).args(arguments))
    }

    /// Starts one that may have so many descriptors.
    pub(crate) fn with_descriptors(count: u32, arguments: &[&str]) -> Self {
        let script = format!("ulimit -n {count} && exec \"$0\" \"$@\"");
        let binary = env!("CARGO_BIN_EXE_reference-server");
        Self::run(Command::new("sh").args(["-c", &script, binary, "--broker", "memory"]).args(arguments))
    }

    fn run(command: &mut Command) -> Self {
        let command = command.env("WSBENCH_JWT_SECRET", SECRET);
        let mut process = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut ready = String::new();
        BufReader::new(process.stdout.take().unwrap()).read_line(&mut ready).unwrap();
        let field = |name: &str| ready.trim().split(' ').find_map(|part| part.strip_prefix(name)).unwrap();
        let address = field("url=").split_once("://").unwrap().1.parse().unwrap();
        Self { address, admin: field("admin=http://").parse().unwrap(), process }
    }

    pub(crate) fn id(&self) -> u32 {
        self.process.id()
    }

    pub(crate) async fn admin(&self, path: &str) -> Answer {
        get(self.admin, path, "").await
    }

    /// A metric of the instance.
    pub(crate) async fn metric(&self, name: &str) -> f64 {
        self.admin("/metrics").await.metric(name)
    }

    /// Waits until everybody has gone and says so.
    pub(crate) async fn empty(&self) {
        for gauge in ["connections", "members", "rooms"] {
            until(&format!("{gauge} returns to 0"), async || self.metric(gauge).await == 0.0).await;
        }
    }

    /// Open descriptors.
    pub(crate) fn descriptors(&self) -> usize {
        std::fs::read_dir(format!("/proc/{}/fd", self.id())).unwrap().count()
    }

    /// Resident memory in KiB.
    pub(crate) fn resident(&self) -> usize {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        line.trim().trim_end_matches(" kB").parse().unwrap()
    }

    /// kill -9.
    pub(crate) fn kill(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }

    /// Has it drain; what it said on stderr.
    pub(crate) fn finish(mut self) -> String {
        kill_process(Pid::from_child(&self.process), Signal::TERM).unwrap();
        assert_eq!(self.process.wait().unwrap().code(), Some(0));
        let mut said = String::new();
        let mut stderr: ChildStderr = self.process.stderr.take().unwrap();
        stderr.read_to_string(&mut said).unwrap();
        said
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        let _gone_already = self.process.kill();
        let _reaped = self.process.wait();
    }
}
