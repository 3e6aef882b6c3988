//! The bundled room server under a bench.

#![allow(dead_code)] // each bench uses its part

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::process::{Command, Stdio};

use crate::process::{Process, cpu_nanos, family, resident_kib};

/// What tokens are signed with.
pub(crate) const SECRET: &str = "a secret of the benches";

/// Running instances of the room server.
pub(crate) struct Server {
    process: Process,
    urls: Vec<String>,
    admins: Vec<SocketAddr>,
}

impl Server {
    /// Starts `instances`, joined by `broker` (memory: one process).
    pub(crate) fn start(instances: usize, broker: &str) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_wsbench"));
        command.args(["serve", "--broker", broker, "--jwt-secret", SECRET, "--frames-per-second", "100000"]);
        command.args(["--instances", &instances.to_string()]).stderr(Stdio::null());
        let mut process = Process::start(command);
        let (mut urls, mut admins) = (Vec::new(), Vec::new());
        for _ in 0..instances {
            let line = process.line();
            let field = |key: &str| line.split(' ').find_map(|word| word.strip_prefix(key)).map(str::to_owned);
            let (url, admin) = (field("url="), field("admin=http://"));
            urls.push(url.unwrap_or_else(|| panic!("the server said {line:?}")));
            admins.push(admin.and_then(|address| address.parse().ok()).expect("the server names its admin listener"));
        }
        Self { process, urls, admins }
    }

    /// Where clients connect.
    pub(crate) fn urls(&self) -> &[String] {
        &self.urls
    }

    /// Its processes without Redis and the one that looks after them.
    fn instances(&self) -> impl Iterator<Item = u32> {
        let is_instance = |pid: &u32| {
            let command = std::fs::read_to_string(format!("/proc/{pid}/cmdline")).unwrap_or_default();
            command.split('\0').nth(1) == Some("instance")
        };
        family(self.process.id()).into_iter().filter(is_instance)
    }

    /// CPU time used so far, in nanoseconds, without Redis.
    pub(crate) fn cpu_nanos(&self) -> u64 {
        self.instances().map(cpu_nanos).sum()
    }

    /// Resident memory, in KiB, without Redis.
    pub(crate) fn resident_kib(&self) -> u64 {
        self.instances().map(resident_kib).sum()
    }

    /// The sum over all instances of a counter or gauge of their metrics.
    pub(crate) fn counter(&self, name: &str) -> f64 {
        let value = |page: String| {
            let line = page.lines().find(|line| line.strip_prefix(name).is_some_and(|rest| rest.starts_with('{')));
            line.and_then(|line| line.rsplit(' ').next()?.parse::<f64>().ok()).unwrap_or(f64::NAN)
        };
        self.admins.iter().map(|admin| value(get(*admin, "/metrics"))).sum()
    }
}

fn get(address: SocketAddr, path: &str) -> String {
    let mut stream = TcpStream::connect(address).expect("the admin listener is there");
    write!(stream, "GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n").expect("it takes requests");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("it answers in text");
    answer
}
