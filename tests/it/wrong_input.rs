//! What people get wrong: every case ends with its exit code and a message that names the place and the remedy.

use std::time::Duration;

use crate::support::server::closed_port;
use crate::support::{Finished, Report, Server, put, scratch, wsbench};

/// A scenario in which everything is right.
const RIGHT: &str = r#"name = "right"

[run]
warm_up  = "0s"
duration = "1s"
drain    = "300ms"

[server]
instances = 1
broker    = "memory"

[[clients]]
name  = "people"
count = 8
rooms = { count = 2, name = "room-{n}" }

[[clients]]
name  = "talkers"
count = 2
rooms = { same_as = "people" }

[[publish]]
name = "talk"
from = "talkers"
rate = "100/s"
size = "128B"

[thresholds]
"deliveries.lost" = "== 0"
"#;

/// A target that speaks JSON and needs neither auth nor joins.
const TARGET: &str = r#"[target]
urls    = ["URL"]
dialect = "json"
[target.with]
publish = '{"room":"{{room}}","text":"{{text}}"}'
"#;

/// The right scenario against a server that is not ours.
fn foreign(url: &str) -> String {
    let server = "[server]\ninstances = 1\nbroker    = \"memory\"\n";
    assert!(RIGHT.contains(server));
    RIGHT.replace(server, &TARGET.replace("URL", url)).replace("\nrooms = ", "\nauth = \"none\"\nrooms = ")
}

/// Runs a scenario from a file called `wrong.toml`.
fn run(scenario: &str, args: &[&str]) -> Finished {
    let directory = scratch();
    let path = put(&directory, "wrong.toml", scenario);
    wsbench(["run", path.as_str()]).args(args.iter().copied()).run()
}

/// Fails unless replacing `from` by `to` in the right scenario is refused with exit code 2, for `run` and for `check`,
/// at a line of the file (`at` stands there in it), with all of `words`.
#[track_caller]
fn refused(from: &str, to: &str, at: &str, words: &[&str]) {
    assert!(RIGHT.contains(from), "{from:?} is not in the scenario");
    let scenario = RIGHT.replacen(from, to, 1);
    let line = 1 + scenario.lines().position(|line| line.contains(at)).unwrap();
    println!("{from:?} -> {to:?}");
    let directory = scratch();
    let path = put(&directory, "wrong.toml", &scenario);
    for command in ["run", "check"] {
        let finished = wsbench([command, path.as_str()]).run();
        finished.expect(2).says(&[&format!("wrong.toml:{line}:"), "^"]).says(words);
        assert_eq!(finished.stdout, "");
    }
}

#[test]
fn the_scenario_in_which_everything_is_right_passes() {
    run(RIGHT, &[]).expect(0);
}

#[test]
fn a_file_that_is_not_there_is_usage() {
    wsbench(["run", "nowhere/missing.toml"]).run().expect(2).says(&["nowhere/missing.toml"]);
    wsbench(["run", "@quickstrat"]).run().expect(2).says(&["quickstart"]);
    wsbench(["run", "/"]).run().expect(2).says(&["/"]);
}

#[test]
fn a_scenario_that_is_not_valid_names_line_caret_and_remedy() {
    refused("count = 8", "count = ", "count = ", &["not valid TOML"]);
    refused("count = 8", "cuont = 8", "cuont", &["unknown key `cuont`", "did you mean `count`?"]);
    refused("duration = \"1s\"", "duration = \"1 parsec\"", "parsec", &["parsec", "known: d, h, m, s, ms, us, ns"]);
    refused("duration = \"1s\"", "duration = 1", "duration", &["no unit", "\"1s\""]);
    refused("rate = \"100/s\"", "rate = \"100\"", "rate", &["no unit", "\"100/s\""]);
    refused("count = 8", "count = -8", "count", &["-8"]);
    refused("count = 8", "count = 0", "count", &["0"]);
    refused("instances = 1", "instances = 0", "instances", &["0"]);
    refused("{ count = 2,", "{ count = 0,", "rooms", &["0"]);
    refused("rate = \"100/s\"", "rate = \"0/s\"", "rate", &["0"]);
    refused("duration = \"1s\"", "duration = \"0s\"", "duration", &["0"]);
    refused("{ count = 2,", "{ count = 4,", "rooms", &["no talker", "fewer rooms"]);
    refused("from = \"talkers\"", "from = \"tlakers\"", "from", &["tlakers", "did you mean `talkers`?"]);
    refused("\"deliveries.lost\"", "\"deliveries.lots\"", "lots", &["deliveries.lost"]);
    refused("\"== 0\"", "\"about 0\"", "about", &["about 0"]);
    refused("size = \"128B\"", "size = \"39B\"", "size", &["40"]);
}

#[test]
fn what_is_not_built_yet_says_so() {
    let scenario = RIGHT.replace("size = \"128B\"", "size = \"128B\"\nvia = \"http\"");
    let line = 1 + scenario.lines().position(|line| line.starts_with("via")).unwrap();
    run(&scenario, &[]).expect(2).says(&[&format!("wrong.toml:{line}:"), "not built yet"]);
    run(&foreign("ws://127.0.0.1:1").replace("\"json\"", "\"jsno\""), &[]).expect(2).says(&["jsno", "json"]);
}

#[test]
fn a_fault_that_cannot_happen_is_usage() {
    let with = |fault: &str| format!("{RIGHT}\n[[fault]]\nname = \"storm\"\n{fault}\n");
    let disconnect = "disconnect = { clients = \"people\", percent = 30, how = \"rst\" }";
    run(&with(&format!("at = \"5s\"\n{disconnect}")), &[])
        .expect(2)
        .says(&["wrong.toml:33:", "measured phase is over"]);
    run(&with("at = \"500ms\""), &[]).expect(2).says(&["wrong.toml:31:", "what `storm` does is not said"]);
    run(&with("at = \"500ms\"\ndisconnect = { clients = \"nobody\", percent = 30, how = \"rst\" }"), &[])
        .expect(2)
        .says(&["nobody"]);
    run(&with("at = \"500ms\"\ncommand = [\"true\"]"), &[]).expect(2).says(&["wrong.toml:34:", "--allow-commands"]);
    let proxy = "proxy = { clients = \"people\", percent = 30, action = \"stall\" }";
    run(&with(&format!("at = \"500ms\"\n{proxy}")), &[]).expect(2).says(&["wrong.toml:34:", "`duration`"]);
}

#[test]
fn flags_that_mean_nothing_are_usage() {
    wsbench(["run", "@quickstart", "--out", "jsno=x"]).run().expect(2).says(&["jsno", "json", "raw"]);
    wsbench(["run", "@quickstart", "--out", "proxy=x"]).run().expect(2).says(&["no fault proxy", "[proxy]"]);
    wsbench(["run", "@quickstart", "--out", "x.json"]).run().expect(2).says(&["KIND=FILE"]);
    wsbench(["run", "@quickstart", "--no-such-flag"]).run().expect(2).says(&["--no-such-flag"]);
    wsbench(["run", "@quickstart", "-c", "0"]).run().expect(2).says(&["0"]);
    wsbench(["run", "@quickstart", "-c", "-5"]).run().expect(2);
    wsbench(["run", "@quickstart", "-d", "5"]).run().expect(2).says(&["5s"]);
    wsbench(["run", "@quickstart", "-r", "fast"]).run().expect(2).says(&["fast"]);
    wsbench(["run", "@quickstart", "-e", "LISTENERS"]).run().expect(2).says(&["KEY=VALUE"]);
    wsbench(["run", "@quickstart", "-e", "LISTENERS=many"]).run().expect(2).says(&["many"]);
    wsbench(["run", "@quickstart", "-e", "LISTENRES=5"]).run().expect(2).says(&["LISTENERS"]);
    wsbench(["run"]).run().expect(2);
    wsbench(["runn"]).run().expect(2).says(&["run"]);
    wsbench(["serve", "--instances", "0"]).run().expect(2);
    wsbench(["serve", "--port", "65535", "--instances", "2"])
        .run()
        .expect(2)
        .says(&["--port 65535", "65535 is the last"]);
    wsbench(["serve", "--ping-interval", "1ms"]).run().expect(2).says(&["ping_interval"]);
    wsbench(["serve", "--jwt-secret", ""]).run().expect(2).says(&["secret is empty"]);
    wsbench(["token", "--sub", "ada"]).run().expect(2).says(&["WSBENCH_JWT_SECRET", "--jwt-secret-file"]);
}

#[test]
fn a_url_that_is_none_is_usage() {
    for url in ["example.com", "ftp://example.com/", "ws://", "ws://[::1"] {
        wsbench(["run", "--url", url, "-d", "1s"]).run().expect(2).says(&["error: --url: "]);
    }
}

/// The right scenario against `url` ends with exit code 3 and all of `words`, before anything was measured.
#[track_caller]
fn unreachable(url: &str, words: &[&str]) {
    run(&foreign(url), &[]).expect(3).says(words);
}

#[test]
fn a_target_that_refuses_is_a_set_up() {
    let port = closed_port();
    unreachable(&format!("ws://127.0.0.1:{port}"), &["refused", &port.to_string()]);
}

#[test]
fn a_name_that_does_not_resolve_is_a_set_up() {
    unreachable("ws://no-such-host.invalid/chat", &["no-such-host.invalid"]);
}

#[test]
fn an_upgrade_answered_otherwise_names_the_status() {
    for status in ["401 Unauthorized", "403 Forbidden", "404 Not Found", "503 Service Unavailable", "200 OK"] {
        let server = Server::status(status);
        unreachable(&server.url(), &[&status[..3]]);
    }
}

#[test]
fn a_handshake_with_the_wrong_key_is_refused() {
    let server = Server::answering(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Accept: AAAAAAAAAAAAAAAAAAAAAAAAAAA=\r\n\r\n",
    );
    unreachable(&server.url(), &["Sec-WebSocket-Accept"]);
}

#[test]
fn something_that_is_not_http_is_refused() {
    let server = Server::answering("SSH-2.0-OpenSSH_9.6\r\n\r\n");
    unreachable(&server.url(), &[]);
    let silent = Server::new(drop);
    unreachable(&silent.url(), &[]);
}

#[test]
fn a_certificate_nobody_vouches_for_is_refused_unless_told() {
    let server = Server::self_signed();
    unreachable(&format!("wss://localhost:{}", server.port()), &["certificate"]);
}

#[test]
fn tls_towards_a_server_without_it_is_refused() {
    let server = Server::status("400 Bad Request");
    unreachable(&format!("wss://127.0.0.1:{}", server.port()), &["TLS"]);
}

#[test]
fn too_few_file_descriptors_are_told_before_anything_starts() {
    let limited = |limit: &str| {
        let script = format!("ulimit -n {limit} && exec \"$0\" \"$@\"");
        crate::support::cli::Cli::new("/bin/sh", ["-c", &script, env!("CARGO_BIN_EXE_wsbench"), "run", "@quickstart"])
            .run()
    };
    let finished = limited("200");
    finished.expect(3).says(&["open files", "200", "ulimit", "-c"]);
    assert!(!finished.stderr.contains("server:"), "something was started: {}", finished.stderr);
}

#[test]
fn a_dead_redis_is_a_set_up() {
    let url = format!("redis://127.0.0.1:{}", closed_port());
    let quick = "LISTENERS=9 TALKERS=1 ROOMS=1 WARM_UP=0s DURATION=1s DRAIN=500ms";
    wsbench(["run", "@quickstart", "--redis", &url]).vars(quick).run().expect(3).says(&["Redis"]);
    wsbench(["run", "@quickstart"]).vars(quick).env("REDIS_URL", &url).run().expect(3).says(&["Redis"]);
    wsbench(["serve", "--redis", &url]).run().expect(3).says(&["Redis"]);
    wsbench(["run", "@quickstart", "--redis", "localhost:6379"]).run().expect(2).says(&["redis://HOST:PORT"]);
    let nowhere = RIGHT.replace("\"memory\"", "\"redis\"");
    let directory = scratch();
    let path = put(&directory, "s.toml", &nowhere);
    wsbench(["run", path.as_str()]).env("PATH", "/nonexistent").run().expect(3).says(&["redis-server", "memory"]);
}

#[test]
fn an_empty_redis_url_is_none() {
    let directory = scratch();
    let path =
        put(&directory, "s.toml", &RIGHT.replace("\"memory\"", "\"auto\"").replace("instances = 1", "instances = 2"));
    let json = directory.path().join("r.json");
    let run = || wsbench(["run", &path, "--out", &format!("json={}", json.display())]).env("REDIS_URL", "");
    run().run().expect(0).says(&["private redis-server"]);
    assert_eq!(Report::read(&json).0["environment"]["broker"], "redis");
    run().env("PATH", "/nonexistent").run().expect(0).says(&["memory"]);
    assert_eq!(Report::read(&json).0["environment"]["broker"], "memory");
}

#[test]
fn a_port_that_is_taken_is_a_set_up() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let finished = wsbench(["serve", "--port", &port, "--broker", "memory"]).run();
    finished.expect(3).says(&[&port]);
    assert_eq!(finished.stdout, "");
    wsbench(["serve", "--admin-port", &port, "--broker", "memory"]).run().expect(3).says(&[&port]);
}

#[test]
fn five_seconds_without_a_delivery_end_the_run() {
    let server = Server::deaf(r#"{"hello":"\u001b[31mworld"}"#);
    let scenario = foreign(&server.url()).replace("duration = \"1s\"", "duration = \"60s\"");
    let finished = run(&scenario, &[]);
    finished.expect(3).says(&["recognised", "hello"]);
    assert!(!finished.stderr.contains('\x1b') && !finished.stdout.contains('\x1b'), "{finished:?}");
}

#[test]
fn a_group_that_nobody_lets_in_ends_the_run() {
    let mut server = wsbench(["serve", "--broker", "memory"]).env("WSBENCH_JWT_SECRET", "right").start();
    let ready = server.lines(1);
    let url = ready[0].split(' ').find_map(|word| word.strip_prefix("url=")).unwrap().to_owned();
    let target = format!(
        "[target]\nurls = [\"{url}\"]\ndialect = \"room\"\n[users]\nmint = {{ secret = \"wrong\", claims = {{ sub = \"u{{{{n}}}}\" }} }}\n"
    );
    let scenario = RIGHT.replace("[server]\ninstances = 1\nbroker    = \"memory\"\n", &target);
    run(&scenario, &[]).expect(3).says(&["people", "token"]);
}

#[test]
fn an_output_that_cannot_be_written_is_1_after_all_others_are() {
    let directory = scratch();
    let file = |name: &str| directory.path().join(name).to_str().unwrap().to_owned();
    let (good, text) = (file("good.json"), file("good.txt"));
    for bad in ["json=/dev/full".to_owned(), "hgrm=/nonexistent/x.hgrm".to_owned(), "raw=/dev/full".to_owned()] {
        std::fs::remove_file(&good).ok();
        std::fs::remove_file(&text).ok();
        let finished = run(RIGHT, &["--out", &bad, "--out", &format!("json={good}"), "--out", &format!("text={text}")]);
        let path = bad.split_once('=').unwrap().1;
        finished.expect(1).says(&[path]);
        assert!(finished.stdout.contains("PASS") || finished.stdout.contains("UNTRUSTWORTHY"), "{finished:?}");
        assert_eq!(Report::read(&good).0["schema"], "wsbench/result/1");
        assert!(std::fs::read_to_string(&text).unwrap().contains("right"));
    }
}

#[test]
fn an_output_that_cannot_be_written_is_told_before_the_run() {
    let directory = scratch();
    let here = directory.path().to_str().unwrap();
    for (bad, why) in [
        (format!("json={here}"), "it is a directory"),
        (format!("html={here}/nowhere/x.html"), "nowhere cannot be used"),
        (format!("raw={here}/nowhere/raw"), "nowhere cannot be used"),
    ] {
        let finished = run(RIGHT, &["--out", &bad]);
        finished.expect(1).says(&["warning: ", why, "mend it before the run ends", "error: failed to write"]);
        assert!(finished.stderr.find(why) < finished.stderr.find("error: "), "{finished:?}");
    }
}

#[test]
fn what_the_bare_command_says_is_a_way_to_begin() {
    let told = wsbench(Vec::<&str>::new()).run();
    assert!(told.expect(0).stdout.contains("wsbench init mine.toml --dialect json"), "{told:?}");
    let missing = wsbench(["run", "--url", "ws://127.0.0.1:1", "--dialect", "json"]).run();
    missing.expect(2).says(&["`publish`: is missing", "wsbench init FILE.toml --dialect NAME"]);
}

#[test]
fn a_file_that_breaks_off_is_told_to_be_no_whole_result() {
    let directory = scratch();
    let half = put(&directory, "half.json", "{\"schema\":");
    wsbench(["report", &half]).run().expect(2).says(&["half.json:1:10", "a result is written by"]);
}

#[test]
fn a_full_stdout_is_1_and_a_closed_one_is_nothing() {
    let directory = scratch();
    let path = put(&directory, "s.toml", RIGHT);
    let shell = |redirect: &str| {
        let script = format!("\"$0\" run {path} {redirect}");
        crate::support::cli::Cli::new("/bin/bash", ["-o", "pipefail", "-c", &script, env!("CARGO_BIN_EXE_wsbench")])
            .run()
    };
    shell("> /dev/full").expect(1);
    shell("| head -c0").expect(0);
    shell("--format json | head -c1").expect(0);
    shell(">&-").expect(0);
    for quick in ["--help", "run --help", "check @quickstart", "schema", "run --list", "completions bash"] {
        let script = format!("\"$0\" {quick} | head -c0");
        crate::support::cli::Cli::new("/bin/bash", ["-o", "pipefail", "-c", &script, env!("CARGO_BIN_EXE_wsbench")])
            .patience(Duration::from_secs(20))
            .run()
            .expect(0);
    }
}
