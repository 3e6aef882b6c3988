//! `run --processes`: the clients of one run in several processes. The accounts are those of one process; a process that dies
//! is told, and no process outlives the run.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::process::Command;
use std::time::Duration;

use rustix::process::Signal;

use crate::support::process::{children, command_line, lives, signal};
use crate::support::raw_log::compare;
use crate::support::{Finished, PATIENCE, Report, Running, put, scratch, wait_for, wsbench};

const SECRET: &str = "the secret of a server that is not ours";

/// Rooms whose members are spread over every process, everybody talking.
fn talk(target: &str, seconds: u32) -> String {
    format!(
        r#"name = "talk"
[run]
warm_up  = "0s"
duration = "{seconds}s"
drain    = "2s"
{target}
[[clients]]
name  = "people"
count = 60
ramp  = "300ms"
rooms = {{ count = 12, name = "room-{{n}}" }}
[[publish]]
name = "talk"
from = "people"
rate = "300/s"
size = "64B"
"#
    )
}

const OURS: &str = "[server]\ninstances = 2\nbroker = \"memory\"";

/// A server that is not ours as far as the run knows: where it listens, and where its faults are asked for.
struct Foreign {
    _server: Running,
    urls: Vec<String>,
    admins: Vec<String>,
}

impl Foreign {
    fn start() -> Self {
        let mut server = wsbench(["serve", "--broker", "memory", "--instances", "2", "--jwt-secret", SECRET])
            .args(["--faults", "--frames-per-second", "100000"])
            .start();
        let ready = server.lines(2);
        let word = |line: &String, key: &str| {
            let found = line.split(' ').find_map(|word| word.strip_prefix(key));
            found.unwrap_or_else(|| panic!("no {key} in {line}")).to_owned()
        };
        let urls = ready.iter().map(|line| word(line, "url=")).collect();
        let admins = ready.iter().map(|line| word(line, "admin=http://")).collect();
        Self { _server: server, urls, admins }
    }

    fn target(&self) -> String {
        format!("[target]\nurls = {:?}\n[users]\nmint = {{ secret = \"{SECRET}\" }}", self.urls)
    }

    /// Has every instance misbehave so.
    fn misbehave(&self, plan: &str) {
        self.admins.iter().for_each(|admin| drop(ask(admin, "POST", "/admin/faults", plan)));
    }

    /// How often the instances say they did `what`.
    fn did(&self, what: &str) -> u64 {
        let word = format!(r#""what":"{what}""#);
        let logs = self.admins.iter().map(|admin| ask(admin, "GET", "/admin/truth?after=0", ""));
        logs.map(|log| log.lines().filter(|line| line.contains(&word)).count() as u64).sum()
    }
}

fn ask(admin: &str, method: &str, path: &str, body: &str) -> String {
    let mut stream = TcpStream::connect(admin).unwrap();
    let head = format!("{method} {path} HTTP/1.0\r\nhost: {admin}\r\ncontent-type: application/json\r\n");
    write!(stream, "{head}content-length: {}\r\n\r\n{body}", body.len()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.0 200") || answer.starts_with("HTTP/1.1 200"), "{answer}");
    answer.split_once("\r\n\r\n").unwrap().1.to_owned()
}

/// Runs a scenario by so many processes.
fn run(scenario: &str, processes: &str, args: &[&str]) -> (Finished, Report) {
    let directory = scratch();
    let json = directory.path().join("run.json");
    let finished = wsbench(["run", &put(&directory, "talk.toml", scenario), "--processes", processes, "--seed", "7"])
        .args(["--out", &format!("json={}", json.display())])
        .args(args.iter().copied())
        .run();
    let report = Report::read(&json);
    (finished, report)
}

/// Worker processes of a run.
fn workers(run: u32) -> Vec<u32> {
    children(run).into_iter().filter(|id| command_line(*id).contains(" worker ")).collect()
}

#[test]
fn three_processes_owe_and_deliver_what_one_does() {
    let scenario = talk(OURS, 2);
    let [one, three] = ["1", "3"].map(|processes| {
        let (finished, report) = run(&scenario, processes, &[]);
        finished.expect(0);
        let counts = ["clients.connected", "messages.scheduled", "messages.sent", "messages.unsent"];
        (report.identity(), counts.map(|name| report.count(name)), report)
    });
    assert_eq!((one.0, one.1), (three.0, three.1), "[due, delivered, lost, excluded] and the counts beside them");
    let [due, delivered, ..] = three.0;
    assert!(due > 2_000 && due == delivered, "{due} {delivered}");
    let histogram = |report: &Report, name: &str| report.histogram(name)["count"].clone();
    for name in ["delivery", "completion", "spread", "send_lag"] {
        assert_eq!(histogram(&one.2, name), histogram(&three.2, name), "{name}: everything is merged");
    }
    let generator = |report: &Report, figure: &str| report.0["generator"][figure].as_u64().unwrap();
    // Three that carry clients, and the one that coordinates them.
    assert_eq!((generator(&one.2, "processes"), generator(&three.2, "processes")), (1, 4));
    assert_eq!(generator(&three.2, "fds_limit"), 4 * generator(&one.2, "fds_limit"));
    assert!(generator(&three.2, "rss_peak_bytes") > generator(&one.2, "rss_peak_bytes"));
}

#[test]
fn the_raw_log_of_all_processes_recomputes_the_identity() {
    let directory = scratch();
    let raw = directory.path().join("run.raw");
    let (finished, report) = run(&talk(OURS, 2), "3", &["--workers", "6", "--out", &format!("raw={}", raw.display())]);
    finished.expect(0);
    let counts = compare(&raw, &report);
    assert!(counts.due > 2_000 && counts.missing.is_empty(), "{counts:?}");
}

#[test]
fn what_a_server_does_wrong_between_processes_is_counted_exactly() {
    let server = Foreign::start();
    server.misbehave(r#"{"seed":8,"drop":0.01,"duplicate":0.01,"swap":0.01,"misroute":0.01}"#);
    let (finished, report) = run(&talk(&server.target(), 3), "3", &[]);
    assert!(matches!(finished.code, Some(0 | 99)), "{finished:?}");
    for (deed, counter) in
        [("drop", "lost"), ("duplicate", "duplicate"), ("swap", "reordered"), ("misroute", "misrouted")]
    {
        let done = server.did(deed);
        assert!(done > 0, "the server was told to {deed} copies, and did not");
        assert_eq!(report.count(&format!("deliveries.{counter}")), done, "{deed}: what the server's own log says");
    }
    report.identity();
    assert_eq!(report.count("deliveries.ghost"), 0);
}

/// A run by three processes that is publishing.
struct Long {
    _directory: tempfile::TempDir,
    json: std::path::PathBuf,
    running: Running,
}

impl Long {
    fn publishing() -> Self {
        let directory = scratch();
        let [raw, json] = ["raw", "json"].map(|name| directory.path().join(name));
        let running = wsbench(["run", &put(&directory, "long.toml", &talk(OURS, 60)), "--processes", "3"])
            .args(["--out", &format!("json={}", json.display()), "--out", &format!("raw={}", raw.display())])
            .start();
        wait_for("the first deliveries", PATIENCE, || {
            std::fs::read_to_string(&raw).ok().filter(|text| text.contains(r#""what":"arrival""#))
        });
        Self { _directory: directory, json, running }
    }
}

#[track_caller]
fn gone(ids: &[u32]) {
    wait_for(&format!("the end of {ids:?}"), Duration::from_secs(5), || {
        (!ids.iter().any(|id| lives(*id))).then_some(())
    });
}

#[test]
fn a_process_that_dies_ends_the_run_and_what_the_others_measured_is_not_the_whole() {
    let long = Long::publishing();
    let (all, workers) = (children(long.running.pid()), workers(long.running.pid()));
    assert_eq!(workers.len(), 3);
    signal(workers[1], Signal::KILL);
    let finished = long.running.finish();
    finished.expect(3).says(&["worker process", "of 3 ended before its time", "signal 9"]);
    let report = Report::read(&long.json);
    assert_eq!((&report.0["complete"], &report.0["exit_code"]), (&false.into(), &3.into()));
    let [due, delivered, ..] = report.identity();
    assert!(due > 0 && delivered > 0, "the others' accounts are there: {due} {delivered}");
    gone(&all);
}

#[test]
fn ctrl_c_reaches_the_run_alone_and_every_process_closes_its_accounts() {
    let long = Long::publishing();
    let all = children(long.running.pid());
    long.running.signal_group(Signal::INT);
    let finished = long.running.finish();
    finished.expect(130);
    assert!(!finished.stderr.contains("worker process"), "{finished:?}");
    let [due, delivered, lost, _] = Report::read(&long.json).identity();
    assert!(due > 0 && delivered > 0 && lost == 0, "{due} {delivered} {lost}");
    gone(&all);
}

#[test]
fn no_process_outlives_a_run_that_is_killed_and_none_shows_a_secret() {
    let long = Long::publishing();
    let (all, workers) = (children(long.running.pid()), workers(long.running.pid()));
    for worker in &workers {
        assert!(command_line(*worker).trim_end().ends_with("wsbench worker"), "{}", command_line(*worker));
    }
    long.running.signal(Signal::KILL);
    assert_eq!(long.running.finish().signal, Some(9));
    gone(&all);
}

#[test]
fn more_clients_than_a_process_may_have_files_are_refused_by_the_flag_that_helps() {
    let server = Foreign::start();
    let directory = scratch();
    let json = directory.path().join("run.json");
    let text = talk(&server.target(), 1).replace("count = 60", "count = 400").replace("count = 12", "count = 80");
    let scenario = put(&directory, "crowd.toml", &text);
    let narrow = |args: &str| {
        let script = format!("ulimit -Sn 300 && ulimit -Hn 300 && exec {} {args}", env!("CARGO_BIN_EXE_wsbench"));
        let output = Command::new("sh").args(["-c", &script]).output().unwrap();
        let words = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        (output.status.code(), words(output.stdout), words(output.stderr))
    };
    let (code, _, said) = narrow(&format!("run {scenario}"));
    assert_eq!(code, Some(3), "{said}");
    assert!(said.contains("needs 528 open files") && said.contains("(--processes 3)"), "{said}");
    let (code, told, said) = narrow(&format!("check {scenario}"));
    assert_eq!(code, Some(0), "{said}");
    let told = told.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(told.contains("run it with --processes 3"), "{told}");
    let (code, _, said) = narrow(&format!("run {scenario} --processes 3 --out json={}", json.display()));
    assert_eq!(code, Some(0), "{said}");
    let report = Report::read(&json);
    let [due, delivered, ..] = report.identity();
    assert_eq!((report.count("clients.connected"), due), (400, delivered));
}

#[test]
fn what_cannot_be_is_refused_by_name() {
    let directory = scratch();
    let scenario = put(&directory, "talk.toml", &talk(OURS, 1));
    let run = |args: &[&str]| wsbench(["run", &scenario]).args(args.iter().copied()).run();
    run(&["--processes", "0"]).expect(2).says(&["--processes"]);
    run(&["--processes", "2", "--find", "rate", "--keep", "deliveries.lost==0"]).expect(2).says(&["--find"]);
    wsbench(["worker"]).run().expect(2).says(&["run --processes", "starts this by itself"]);
}

#[test]
fn the_fault_proxy_stands_between_every_process_and_the_server() {
    let proxied = talk(OURS, 2) + "[proxy]\ndelay = \"40ms\"\ndirection = \"down\"\n";
    let (finished, report) = run(&proxied, "2", &[]);
    finished.expect(0);
    let [due, delivered, ..] = report.identity();
    assert!(due > 2_000 && due == delivered, "{due} {delivered}");
    assert!(report.histogram("delivery")["min"].as_u64() >= Some(40_000_000), "nobody goes past the proxy");
}
