//! What the facts mean for a load test: a verdict for each, the command that mends it, and what can be carried in all.
//! Pure.

use serde::Serialize;

use super::facts::Facts;
use crate::scenario::{CLIENT_BYTES, Limits, MOST_PROCESSES, SERVER_CLIENT_BYTES};
use crate::units::human::{bytes, duration, grouped};

/// CPU time of a delivery, as measured in `docs/performance.md`: of wsbench, and of the bundled server.
const DELIVERY_CPU: f64 = 7.8e-6;
const SERVER_DELIVERY_CPU: f64 = 8.4e-6;

/// Share of the cores and of the memory that is counted on.
const USABLE: f64 = 0.75;

/// Local ports where the kernel does not say otherwise.
const USUAL_PORTS: (u64, u64) = (32_768, 60_999);

/// Whether something stands in the way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Verdict {
    Good,
    /// It bounds what can be measured.
    Look,
    /// The given scenario cannot be carried.
    Short,
}

/// One thing that was looked at.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Finding {
    pub(super) what: &'static str,
    pub(super) value: String,
    pub(super) verdict: Verdict,
    /// What it means, where something is to be said.
    pub(super) words: Option<String>,
    /// The command that mends it.
    pub(super) remedy: Option<String>,
}

fn good(what: &'static str, value: String) -> Finding {
    Finding { what, value, verdict: Verdict::Good, words: None, remedy: None }
}

impl Finding {
    /// The same with a doubt, if there is cause.
    fn doubted(self, cause: bool, words: impl Into<String>, remedy: Option<String>) -> Self {
        if cause { Self { verdict: Verdict::Look, words: Some(words.into()), remedy, ..self } } else { self }
    }
}

/// What can be carried in all.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct Capacity {
    /// Quiet clients of one wsbench process, the server elsewhere.
    pub(super) idle_clients: u64,
    /// What bounds them.
    pub(super) bounded_by: &'static str,
    /// Quiet clients with the bundled server on this machine too.
    pub(super) idle_clients_with_server: u64,
    /// Deliveries a second, the server elsewhere, and on this machine too.
    pub(super) deliveries_per_second: u64,
    pub(super) deliveries_per_second_with_server: u64,
}

impl Facts {
    /// What a scenario's needs are compared with.
    pub(super) fn limits(&self) -> Limits {
        let (first, last) = self.ports.unwrap_or(USUAL_PORTS);
        Limits { open_files: self.files.1, ports: (last + 1).saturating_sub(first) }
    }

    /// Bytes that may be used.
    fn bytes(&self) -> f64 {
        let free = self.memory.unwrap_or(u64::MAX).min(self.memory_allowed.unwrap_or(u64::MAX));
        free as f64 * USABLE
    }

    /// Cores that are paid for.
    fn paid_cores(&self) -> f64 {
        self.quota.map_or(self.cores as f64, |quota| quota.min(self.cores as f64))
    }

    /// What can be carried, from the stated costs.
    pub(super) fn capacity(&self) -> Capacity {
        let files = self.limits().clients();
        let memory = (self.bytes() / CLIENT_BYTES) as u64;
        let with_server = (self.bytes() / (CLIENT_BYTES + SERVER_CLIENT_BYTES)) as u64;
        let seconds = self.paid_cores() * USABLE;
        Capacity {
            idle_clients: files.min(memory),
            bounded_by: if files <= memory { "open files" } else { "memory" },
            idle_clients_with_server: files.min(with_server),
            deliveries_per_second: (seconds / DELIVERY_CPU) as u64,
            deliveries_per_second_with_server: (seconds / (DELIVERY_CPU + SERVER_DELIVERY_CPU)) as u64,
        }
    }

    /// Everything that was looked at.
    pub(super) fn findings(&self) -> Vec<Finding> {
        let mut found = self.network();
        found.extend(self.hardware());
        found.extend(self.time());
        let redis = self.redis.map_or_else(|| "none on PATH".to_owned(), |name| format!("{name} on PATH"));
        found.push(good("Redis", redis).doubted(
            self.redis.is_none(),
            "without it the instances of the bundled server are one process, and no figure holds a Redis hop",
            Some("apt-get install redis-server".to_owned()),
        ));
        found
    }

    fn network(&self) -> Vec<Finding> {
        let (soft, hard) = self.files;
        let (first, last) = self.ports.unwrap_or(USUAL_PORTS);
        let ports = self.limits().ports;
        let mut found = vec![
            good("open files", format!("{} (may raise to {})", grouped(soft), grouped(hard))).doubted(
                hard < 65_536,
                format!(
                    "at most {} clients in a process; more are shared among several (run --processes)",
                    grouped(self.limits().clients())
                ),
                Some("ulimit -Hn 1048576  # as root, before wsbench; of a service: LimitNOFILE=1048576".to_owned()),
            ),
            good("local ports", format!("{first} to {last}, {} per address", grouped(ports))).doubted(
                ports < 50_000,
                format!(
                    "so many connections to one URL of another machine, times {} for the addresses of this one; to this \
                     machine there is no bound",
                    self.addresses.max(1)
                ),
                Some("sysctl -w net.ipv4.ip_local_port_range=\"1024 65535\"".to_owned()),
            ),
        ];
        found.extend(self.somaxconn.map(|waiting| {
            good("listen backlog", grouped(waiting)).doubted(
                waiting < 4_096,
                "connects of a herd are dropped, and come again a second later",
                Some("sysctl -w net.core.somaxconn=4096".to_owned()),
            )
        }));
        found.extend(self.tracked.map(|tracked| {
            let remedy = Some(format!("sysctl -w net.netfilter.nf_conntrack_max={}", 4 * hard.max(65_536)));
            let words = "the firewall drops packets of connections beyond that";
            good("tracked connections", grouped(tracked)).doubted(tracked < 2 * hard, words, remedy)
        }));
        found
    }

    fn hardware(&self) -> Vec<Finding> {
        let free = self.memory.map_or_else(|| "unknown".to_owned(), bytes);
        let allowed = self.memory_allowed.filter(|allowed| self.memory.is_some_and(|free| *allowed < free));
        let bounded = allowed.map(|allowed| format!(", {} by the control group", bytes(allowed))).unwrap_or_default();
        let quota = self.quota.filter(|quota| *quota < self.cores as f64);
        let paid = quota.map(|quota| format!(", {quota:.1} of them paid for")).unwrap_or_default();
        vec![
            good("memory", format!("{free} free{bounded}")).doubted(
                self.bytes() < 512.0 * 1_048_576.0,
                "little: a large population will not fit",
                allowed.map(|_| {
                    "systemctl set-property --runtime UNIT MemoryMax=4G  # or docker update --memory 4g".to_owned()
                }),
            ),
            good("cores", format!("{}{paid}", self.cores)).doubted(
                quota.is_some() || self.cores < 2,
                match quota {
                    Some(_) => "the control group stops every thread when its share of a tenth of a second is used up",
                    None => "wsbench and whatever else runs here wait for each other",
                },
                quota
                    .map(|_| "systemctl set-property --runtime UNIT CPUQuota=  # or docker update --cpus 0".to_owned()),
            ),
        ]
    }

    fn time(&self) -> Vec<Finding> {
        let (median, slowest) = self.timer;
        let mut found =
            vec![good("timers", format!("met {} late, p99 {}", duration(median), duration(slowest))).doubted(
                median > 200_000 || slowest > 5_000_000,
                "sends leave so late whatever wsbench does, and latency counts from when they were due",
                Some("ps -eo pcpu,comm --sort=-pcpu | head  # who else is running".to_owned()),
            )];
        found.extend(self.clock_source.as_deref().map(|source| {
            let quick = ["tsc", "kvm-clock", "arch_sys_counter", "hyperv_clocksource_tsc_page"];
            good("clock", source.to_owned()).doubted(
                !quick.contains(&source),
                "every stamp is a call into the kernel",
                Some("echo tsc > /sys/devices/system/clocksource/clocksource0/current_clocksource".to_owned()),
            )
        }));
        found.extend(self.stolen.map(|stolen| {
            let words = "another machine on the same host takes its share, and with it the tail of every figure";
            good("stolen", format!("{:.1} % in a second", stolen * 100.0)).doubted(stolen > 0.05, words, None)
        }));
        found.extend(self.running.map(|running| {
            good("others running", format!("{} threads on {} cores", grouped(running), self.cores)).doubted(
                running >= self.cores,
                "they will be waited for",
                Some("ps -eo pcpu,comm --sort=-pcpu | head  # who they are".to_owned()),
            )
        }));
        found
    }

    /// That the clients are too many for one process and not for several, if it is so.
    fn shared(&self, needs: &super::Asked) -> Option<Finding> {
        let limits = self.limits();
        let one = needs.files <= limits.open_files || needs.others_files > limits.open_files;
        let processes = needs.clients.div_ceil(limits.clients().max(1));
        if one || processes > u64::from(MOST_PROCESSES) {
            return None;
        }
        let value = format!("needs {} of {}", grouped(needs.files), grouped(limits.open_files));
        let words = format!("too many for one process: share the clients among {processes}, or raise the limit");
        let remedy = Some(format!("wsbench run FILE --processes {processes}"));
        Some(good("its open files", value).doubted(true, words, remedy))
    }

    /// Whether `clients` at once and so many deliveries a second can be carried: `needs` says open files and ports.
    pub(super) fn carries(&self, needs: &super::Asked) -> Vec<Finding> {
        let limits = self.limits();
        let short = |what, value: String, enough: bool, words: String, remedy: Option<String>| {
            let found = good(what, value).doubted(!enough, words, remedy);
            if enough { found } else { Finding { verdict: Verdict::Short, ..found } }
        };
        let of = |needed: u64, there: u64| format!("needs {} of {}", grouped(needed), grouped(there));
        let here = |wsbench: f64, server: f64| if needs.server_here { wsbench + server } else { wsbench };
        let memory = (needs.clients as f64 * here(CLIENT_BYTES, SERVER_CLIENT_BYTES)) as u64;
        let share = needs.deliveries * here(DELIVERY_CPU, SERVER_DELIVERY_CPU);
        let usable = self.paid_cores() * USABLE;
        let mut found = vec![
            self.shared(needs).unwrap_or_else(|| {
                short(
                    "its open files",
                    of(needs.files, limits.open_files),
                    needs.files <= limits.open_files,
                    "ask for fewer clients (-c), or raise the limit".to_owned(),
                    Some(format!("ulimit -Hn {}  # as root, before wsbench", needs.files)),
                )
            }),
            short(
                "its memory",
                format!("needs {} of {}", bytes(memory), bytes(self.bytes() as u64)),
                memory as f64 <= self.bytes(),
                "ask for fewer clients (-c)".to_owned(),
                None,
            ),
            short(
                "its CPU time",
                format!("needs {share:.2} of {usable:.2} cores"),
                share <= usable,
                "ask for a lower rate (-r), or give it more cores".to_owned(),
                None,
            ),
        ];
        if let Some(ports) = needs.ports {
            let words = "name several `source_ips`, or widen the range".to_owned();
            let remedy = Some("sysctl -w net.ipv4.ip_local_port_range=\"1024 65535\"".to_owned());
            found.push(short("its local ports", of(ports, limits.ports), ports <= limits.ports, words, remedy));
        }
        found
    }
}

#[cfg(test)]
#[path = "findings_tests.rs"]
mod tests;
