//! The fault proxy in a run: between clients and any server, of ours or not, plain or in TLS; what it does is what its own
//! log says, and what the report says of it.

use std::collections::BTreeMap;
use std::time::Duration;

use rustix::process::Signal;
use wsbench::time::nap;

use crate::support::process::{children, command_line, signal};
use crate::support::proxy_log::{self, Connection};
use crate::support::{Finished, PATIENCE, Report, Running, put, scratch, wait_for, wsbench};

const SECRET: &str = "the secret of a server that is not ours";

/// A room server that is not ours as far as the run knows, and where it listens.
fn serve(further: &[&str]) -> (Running, String) {
    let mut server = wsbench(["serve", "--broker", "memory", "--jwt-secret", SECRET, "--ping-interval", "300ms"])
        .args(["--ping-timeout", "500ms"])
        .args(further.iter().copied())
        .start();
    let ready = server.lines(1).remove(0);
    let url = ready.split(' ').find_map(|word| word.strip_prefix("url=")).unwrap().to_owned();
    (server, url)
}

/// Twenty people, of whom four talk, and further tables.
fn scenario(url: &str, further: &str) -> String {
    format!(
        r#"name = "proxied"
[run]
warm_up  = "0s"
duration = "3s"
drain    = "2s"
[target]
urls = ["{url}"]
[users.mint]
secret = "{SECRET}"
[[clients]]
name  = "people"
count = 16
rooms = {{ count = 2, name = "room-{{n}}" }}
reconnect = {{ policy = "full-jitter", base = "100ms", cap = "1s", resume = true }}
[[clients]]
name  = "talkers"
count = 4
rooms = {{ same_as = "people" }}
[[publish]]
name = "talk"
from = "talkers"
rate = "50/s"
size = "128B"
{further}
"#
    )
}

struct Ran {
    finished: Finished,
    report: Report,
    log: BTreeMap<u64, Connection>,
}

impl Ran {
    fn cuts(&self) -> Vec<&str> {
        self.log.values().filter_map(|one| one.cut.as_ref()).map(|(how, _)| how.as_str()).collect()
    }

    /// Everything arrived, sooner or later.
    #[track_caller]
    fn complete(&self) -> &Self {
        self.finished.expect(0);
        let [due, delivered, lost, excluded] = self.report.identity();
        assert!(due > 0 && delivered == due, "{due} due, {lost} lost, {excluded} excluded");
        self
    }
}

fn run(scenario: &str, flags: &[&str]) -> Ran {
    let directory = scratch();
    let path = put(&directory, "proxied.toml", scenario);
    let [json, log] = ["r.json", "proxy.ndjson"].map(|name| directory.path().join(name));
    let outs = [format!("json={}", json.display()), format!("proxy={}", log.display())];
    let finished = wsbench(["run", &path, "--out", &outs[0], "--out", &outs[1]]).args(flags.iter().copied()).run();
    Ran { report: Report::read(json), log: proxy_log::read(&log), finished }
}

#[test]
fn a_proxy_that_does_nothing_changes_nothing() {
    let (_server, url) = serve(&[]);
    let ran = run(&scenario(&url, "[proxy]"), &[]);
    ran.complete();
    let port = url.rsplit(':').next().unwrap().trim_end_matches("/ws");
    assert!(ran.log.values().all(|one| one.to.ends_with(&format!(":{port}")) && one.closed && !one.impaired));
    let mut clients: Vec<u64> = ran.log.values().map(|one| one.client).collect();
    clients.sort_unstable();
    clients.dedup();
    assert_eq!(clients, (0..20).collect::<Vec<_>>(), "everybody goes through it");
    let bytes: u64 = ran.log.values().filter_map(|one| one.down.last()).map(|(until, ..)| until).sum();
    assert!(bytes >= ran.report.count("bytes.received"), "all that was heard went through it");
    assert_eq!(ran.report.count("reconnect.lost_connections"), 0);
}

#[test]
fn what_is_delayed_and_sliced_arrives_all_the_same() {
    let (_server, url) = serve(&[]);
    let table = "[proxy]\nclients = \"people\"\nshare = 50\ndelay = \"30ms\"\njitter = \"10ms\"\nslice = \"1B..20B\"\n\
                 bandwidth = \"1MiB/s\"\ndirection = \"down\"";
    let ran = run(&scenario(&url, table), &[]);
    ran.complete();
    let impaired: Vec<&Connection> = ran.log.values().filter(|one| one.impaired).collect();
    let mut clients: Vec<u64> = impaired.iter().map(|one| one.client).collect();
    clients.dedup();
    assert_eq!(clients.len(), 8, "half of sixteen");
    for one in impaired {
        assert!(one.down.iter().all(|(_, read, written)| written - read >= 20_000_000), "{one:?}");
        let sizes = one.down.windows(2).map(|two| two[1].0 - two[0].0);
        assert!(sizes.max() <= Some(20));
    }
}

#[test]
fn tls_passes_like_anything_else() {
    let directory = scratch();
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned(), "127.0.0.1".to_owned()]).unwrap();
    let cert = put(&directory, "cert.pem", &made.cert.pem());
    let key = put(&directory, "key.pem", &made.signing_key.serialize_pem());
    let (_server, url) = serve(&["--tls-cert", &cert, "--tls-key", &key]);
    let url = url.replace("ws://", "wss://");
    run(&scenario(&url, "[proxy]\nslice = \"1B..700B\""), &["-k"]).complete();
}

#[test]
fn connections_to_a_server_that_is_not_ours_are_cut_by_the_proxy() {
    let (_server, url) = serve(&[]);
    for (how, name, cause) in [("rst", "reset", "reset"), ("fin", "fin", "eof"), ("blackhole", "half-open", "silent")] {
        let fault = format!(
            "[[fault]]\nname = \"cut\"\nat = \"500ms\"\n\
             disconnect = {{ clients = \"people\", percent = 25, how = \"{how}\" }}"
        );
        let ran = run(&scenario(&url, &fault), &[]);
        ran.complete();
        assert_eq!(ran.cuts(), [name; 4], "a quarter of sixteen");
        let fault = ran.report.entries("faults").next().unwrap();
        assert!(fault["failure"].is_null(), "{fault}");
        let reconnect = &fault["reconnect"];
        assert_eq!((&reconnect["lost"], &reconnect["recovered"]), (&4.into(), &4.into()), "{how}: {reconnect}");
        assert_eq!(reconnect["causes"], serde_json::json!([{ "kind": cause, "count": 4 }]), "{how}");
        assert_eq!(reconnect["detect"]["count"], 4, "the instant of each cut is known: {reconnect}");
    }
}

#[test]
fn a_reset_in_the_middle_a_stall_and_a_turned_bit() {
    let (_server, url) = serve(&[]);
    let fault = |name: &str, at: &str, rest: &str| {
        format!(
            "[[fault]]\nname = \"{name}\"\nat = \"{at}\"\n\
             proxy = {{ clients = \"people\", percent = 25, {rest} }}\n"
        )
    };
    let faults = fault("reset", "200ms", "action = \"reset\", after = \"700B\"")
        + &fault("stall", "1s", "action = \"stall\", duration = \"400ms\"")
        + &fault("turned", "2s", "action = \"corrupt\"");
    let ran = run(&scenario(&url, &faults), &[]);
    ran.finished.expect(0);
    ran.report.identity();
    assert_eq!(ran.cuts(), ["reset"; 4]);
    assert_eq!(ran.log.values().map(|one| one.corrupted).sum::<u64>(), 4);
    let held = |one: &Connection| one.down.iter().map(|(_, read, written)| written - read).max();
    let stalled = ran.log.values().filter(|one| held(one) >= Some(300_000_000)).count();
    assert_eq!(stalled, 4, "what came while nothing passed was held");
    let names: Vec<&str> = ran.report.entries("faults").filter_map(|fault| fault["name"].as_str()).take(3).collect();
    assert_eq!(names, ["reset", "stall", "turned"]);
    let reset = ran.report.entries("faults").next().unwrap();
    assert_eq!(
        (&reset["reconnect"]["lost"], &reset["reconnect"]["detect"]["count"]),
        (&4.into(), &4.into()),
        "{reset}"
    );
}

#[test]
fn nobody_behind_the_proxy_is_told_as_without_one() {
    let port = crate::support::server::closed_port();
    let directory = scratch();
    let path = put(&directory, "proxied.toml", &scenario(&format!("ws://127.0.0.1:{port}/ws"), "[proxy]"));
    let finished = wsbench(["run", &path]).run();
    finished.expect(3).says(&["connection refused", &format!("127.0.0.1:{port}")]);
}

#[test]
fn a_run_whose_proxy_is_gone_is_no_run() {
    let (_server, url) = serve(&[]);
    let directory = scratch();
    let path = put(&directory, "proxied.toml", &scenario(&url, "[proxy]"));
    let json = directory.path().join("r.json");
    let running = wsbench(["run", &path, "--out", &format!("json={}", json.display())]).start();
    let proxies = || children(running.pid()).into_iter().filter(|id| command_line(*id).ends_with(" proxy "));
    let id = wait_for("the proxy", PATIENCE, || proxies().next());
    let files = || std::fs::read_dir(format!("/proc/{id}/fd")).map_or(0, Iterator::count);
    wait_for("both sides of twenty connections", PATIENCE, || (files() > 40).then_some(()));
    // A second later all have joined, and the run has begun.
    nap(Duration::from_secs(1));
    signal(id, Signal::KILL);
    running.finish().expect(3).says(&["the fault proxy of this run ended before its time"]);
    assert_eq!(Report::read(json).0["exit_code"], 3, "also in the file");
}

#[test]
fn a_log_that_cannot_be_written_is_told_at_the_end() {
    let (_server, url) = serve(&[]);
    let directory = scratch();
    let path = put(&directory, "proxied.toml", &scenario(&url, "[proxy]").replace("\"3s\"", "\"500ms\""));
    let finished = wsbench(["run", &path, "--out", "proxy=/nowhere/at/all.ndjson"]).run();
    finished.expect(1).says(&["/nowhere/at/all.ndjson", "No such file"]);
    assert!(finished.stdout.contains("Did it arrive"), "after everything else: {}", finished.stdout);
}
