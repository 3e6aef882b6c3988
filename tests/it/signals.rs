//! Ctrl-C, SIGTERM and kill -9: what is written, what it is called, and who is left.

use std::time::Duration;

use futures_util::{SinkExt as _, StreamExt as _};
use rustix::process::Signal;
use tokio_tungstenite::tungstenite::Message;

use crate::support::process::{children, instances, lives, signal};
use crate::support::{Finished, PATIENCE, Report, Running, Server, scratch, wait_for, wsbench};

/// A run that is publishing and would go on for a minute, with its files.
struct Long {
    directory: tempfile::TempDir,
    running: Running,
}

impl Long {
    /// Started, and past its first deliveries.
    fn publishing() -> Self {
        let directory = scratch();
        let out = |kind: &str| format!("{kind}={}", directory.path().join(kind).display());
        let running = wsbench(["run", "@quickstart"])
            .vars("LISTENERS=90 TALKERS=10 RATE=300/s WARM_UP=0s DURATION=60s DRAIN=5s")
            .args(
                ["json", "raw", "text", "hgrm", "html", "markdown", "junit", "github", "openmetrics"]
                    .iter()
                    .map(|kind| out(kind))
                    .collect::<Vec<_>>()
                    .iter()
                    .flat_map(|out| ["--out", out]),
            )
            .start();
        let raw = directory.path().join("raw");
        wait_for("the first deliveries", PATIENCE, || {
            std::fs::read_to_string(&raw).ok().filter(|text| text.contains(r#""what":"arrival""#))
        });
        Self { directory, running }
    }

    /// Its end; whether every output was written and says that it is not whole.
    fn finish(self, code: i32) -> Report {
        let finished = self.running.finish();
        finished.expect(code);
        let file = |kind: &str| std::fs::read_to_string(self.directory.path().join(kind)).unwrap();
        let report = Report::parse(&file("json"));
        assert_eq!((&report.0["complete"], &report.0["exit_code"]), (&false.into(), &code.into()));
        assert!(finished.stdout.starts_with("INTERRUPTED"), "{}", finished.stdout);
        assert_eq!(file("text").lines().next(), finished.stdout.lines().next());
        assert!(file("hgrm").contains("#[Mean"));
        assert!(file("html").contains("<span class=\"word\">INTERRUPTED</span>"));
        assert!(file("markdown").starts_with("## INTERRUPTED"));
        assert!(file("junit").contains("a partial result"));
        assert!(file("github").contains("a partial result"));
        assert!(file("openmetrics").ends_with("# EOF\n"));
        assert!(file("raw").ends_with("}\n"), "the raw log ends with a whole line");
        report
    }
}

/// Fails unless all of `ids` are gone soon.
#[track_caller]
fn gone(ids: &[u32]) {
    wait_for(&format!("the end of {ids:?}"), Duration::from_secs(2), || {
        (!ids.iter().any(|id| lives(*id))).then_some(())
    });
}

#[test]
fn ctrl_c_writes_everything_and_invents_no_losses() {
    let long = Long::publishing();
    let children = children(long.running.pid());
    assert_eq!(children.len(), 3, "a redis and two instances");
    long.running.signal_group(Signal::INT);
    let report = long.finish(130);
    let [due, delivered, lost, _] = report.identity();
    assert!(due > 0 && delivered > 0, "{due} {delivered}");
    assert_eq!(lost, 0, "what was cut short is not lost");
    assert_eq!(report.count("reconnect.lost_connections"), 0, "the servers outlive the clients");
    gone(&children);
}

#[test]
fn sigterm_is_143_and_otherwise_the_same() {
    let long = Long::publishing();
    let children = children(long.running.pid());
    long.running.signal(Signal::TERM);
    let report = long.finish(143);
    assert_eq!(report.identity()[2], 0);
    gone(&children);
}

#[test]
fn a_killed_run_leaves_what_it_had() {
    let directory = scratch();
    let json = directory.path().join("json");
    let running =
        wsbench(["run", "@quickstart", "--snapshot-every", "1s", "--out", &format!("json={}", json.display())])
            .vars("LISTENERS=18 TALKERS=2 ROOMS=2 RATE=50/s WARM_UP=0s DURATION=60s DRAIN=1s")
            .start();
    wait_for("a result with deliveries", PATIENCE, || {
        let text = std::fs::read_to_string(&json).ok()?;
        (Report::parse(&text).count("deliveries.delivered") > 0).then_some(())
    });
    running.signal(Signal::KILL);
    assert_eq!(running.finish().signal, Some(9));
    let report = Report::read(&json);
    assert_eq!((&report.0["complete"], &report.0["verdict"]), (&false.into(), &"untrustworthy".into()));
    let shown = wsbench(["report", json.to_str().unwrap()]).run();
    assert!(shown.expect(0).stdout.starts_with("INTERRUPTED"), "{}", shown.stdout);
    let left: Vec<_> = std::fs::read_dir(directory.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert!(left.len() <= 2, "the result, and at most one that was being written: {left:?}");
}

#[test]
fn a_second_ctrl_c_ends_it_at_once() {
    let mut long = Long::publishing();
    let children = children(long.running.pid());
    // A stopped server neither drains nor says goodbye: the first one alone would take its time.
    for instance in instances(long.running.pid()) {
        signal(instance, Signal::STOP);
    }
    long.running.signal_group(Signal::INT);
    let json = long.directory.path().join("json");
    assert!(long.running.is_running());
    wait_for("the second one to be heard", PATIENCE, || {
        if long.running.is_running() {
            long.running.signal_group(Signal::INT);
            return None;
        }
        Some(())
    });
    let finished = long.running.finish();
    assert_eq!(finished.code, Some(130), "{finished:?}");
    assert!(!json.exists(), "at once means without outputs");
    gone(&children);
}

#[test]
fn ctrl_c_ends_a_run_that_still_tries_to_reach_its_target() {
    let silent = Server::new(|stream| {
        // Takes the connection and never answers.
        std::io::Read::read_to_end(&mut &stream, &mut Vec::new()).ok();
    });
    let directory = scratch();
    let json = directory.path().join("json");
    let running = wsbench(["run", "--url", &silent.url(), "-d", "60s", "--out", &format!("json={}", json.display())])
        .patience(Duration::from_secs(5))
        .start();
    let id = running.pid();
    wait_for("it to listen for signals", PATIENCE, || catches(id, 2).then_some(()));
    running.signal_group(Signal::INT);
    running.finish().expect(130);
    let report = Report::read(json);
    assert_eq!((&report.0["complete"], report.identity()), (&false.into(), [0; 4]));
}

/// Whether a process has a handler for a signal.
fn catches(id: u32, signal: u32) -> bool {
    let status = std::fs::read_to_string(format!("/proc/{id}/status")).unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigCgt:"));
    mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).is_some_and(|mask| mask >> (signal - 1) & 1 == 1)
}

#[test]
fn kill_nine_leaves_no_child_of_a_run() {
    let long = Long::publishing();
    let children = children(long.running.pid());
    assert_eq!(children.len(), 3);
    long.running.signal(Signal::KILL);
    assert_eq!(long.running.finish().signal, Some(9));
    gone(&children);
}

#[test]
fn kill_nine_leaves_no_child_of_serve() {
    let mut server = wsbench(["serve", "--instances", "3"]).start();
    assert_eq!(server.lines(3).len(), 3);
    let children = children(server.pid());
    assert_eq!(children.len(), 4, "a redis and three instances");
    server.signal(Signal::KILL);
    assert_eq!(server.finish().signal, Some(9));
    gone(&children);
}

/// `key=value` of a ready line.
fn field(line: &str, key: &str) -> String {
    let value = line.split(' ').find_map(|word| word.strip_prefix(key)?.strip_prefix('='));
    value.unwrap_or_else(|| panic!("no {key} in {line:?}")).to_owned()
}

#[test]
fn serve_tells_where_its_instances_are_and_they_are_one_room() {
    let mut server = wsbench(["serve", "--instances", "2"]).env("WSBENCH_JWT_SECRET", "shared").start();
    let ready = server.lines(2);
    for (line, name) in ready.iter().zip(["a", "b"]) {
        assert!(line.starts_with(&format!("ready instance={name} url=ws://127.0.0.1:")), "{line}");
        assert!(field(line, "admin").starts_with("http://127.0.0.1:"), "{line}");
        assert_eq!(field(line, "broker"), "redis");
    }
    let urls: Vec<String> = ready.iter().map(|line| field(line, "url")).collect();
    block_on(cross(&urls));
    block_on(refused(&urls[0]));
    server.signal(Signal::TERM);
    let finished = server.finish();
    finished.expect(0);
    assert_eq!(finished.stdout.lines().count(), 2, "{}", finished.stdout);
}

#[test]
fn serve_listens_where_it_is_told() {
    let port = free_ports(2);
    let admin = free_ports(2);
    let mut server = wsbench(["serve", "--instances", "2", "--broker", "memory"])
        .args(["--port", &port.to_string(), "--admin-port", &admin.to_string()])
        .start();
    let ready = server.lines(2);
    for (line, k) in ready.iter().zip(0..) {
        assert_eq!(field(line, "instance"), ["a", "b"][usize::from(k)]);
        assert_eq!(field(line, "url"), format!("ws://127.0.0.1:{}", port + k));
        assert_eq!(field(line, "admin"), format!("http://127.0.0.1:{}", admin + k));
        assert_eq!(field(line, "broker"), "memory");
    }
    assert_eq!(children(server.pid()).len(), 1, "one process holds them all");
    server.signal_group(Signal::INT);
    server.finish().expect(0);
}

#[test]
fn serve_drains_clients_that_are_there_and_takes_its_secret_along() {
    let mut server = wsbench(["serve", "--broker", "memory"]).start();
    let ready = server.lines(1);
    server.hears("secret in ");
    let said = server.stderr();
    let file = said.lines().find_map(|line| line.strip_prefix("secret in ")).unwrap().split(" (").next().unwrap();
    let mode = std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(file).unwrap().permissions());
    assert_eq!(mode & 0o777, 0o600);
    let token = token(&["--jwt-secret-file", file]);
    let url = field(&ready[0], "url");
    let code = block_on(async {
        let mut member = enter(&url, &token).await;
        server.signal(Signal::TERM);
        loop {
            match tokio::time::timeout(PATIENCE, member.next()).await.expect("a close") {
                Some(Ok(Message::Close(frame))) => break frame.map(|frame| u16::from(frame.code)),
                Some(Ok(_)) => {}
                other => panic!("instead of a close: {other:?}"),
            }
        }
    });
    assert_eq!(code, Some(1012));
    server.finish().expect(0);
    assert!(!std::path::Path::new(file).exists(), "{file} is left");
}

type Socket = tokio_tungstenite::WebSocketStream<tokio::net::TcpStream>;

fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

/// `wsbench token`, which shares the server's secret.
fn token(args: &[&str]) -> String {
    let finished: Finished =
        wsbench(["token", "--sub", "ada"]).args(args.iter().copied()).env("WSBENCH_JWT_SECRET", "shared").run();
    finished.expect(0).stdout.trim().to_owned()
}

/// A member of the room `lobby`, past `joined`.
async fn enter(url: &str, token: &str) -> Socket {
    let stream = tokio::net::TcpStream::connect(url.strip_prefix("ws://").unwrap()).await.unwrap();
    let (mut socket, _) =
        tokio_tungstenite::client_async(format!("{url}/ws/rooms/lobby?token={token}"), stream).await.unwrap();
    said(&mut socket, "joined").await;
    socket
}

/// The next frame of this type.
async fn said(socket: &mut Socket, kind: &str) -> serde_json::Value {
    loop {
        let frame = tokio::time::timeout(PATIENCE, socket.next()).await.expect(kind);
        let Some(Ok(Message::Text(text))) = frame else { continue };
        let value: serde_json::Value = serde_json::from_str(&text).unwrap();
        if value["type"] == kind {
            return value;
        }
    }
}

/// What is said on one instance is heard on the other.
async fn cross(urls: &[String]) {
    let token = token(&[]);
    let (mut talker, mut listener) = (enter(&urls[0], &token).await, enter(&urls[1], &token).await);
    talker.send(Message::text(r#"{"type":"message","content":"hello over there"}"#)).await.unwrap();
    assert_eq!(said(&mut listener, "message").await["content"], "hello over there");
}

/// A token of another secret is no token.
async fn refused(url: &str) {
    let token = wsbench(["token", "--sub", "ada", "--jwt-secret", "other"]).run().stdout;
    let stream = tokio::net::TcpStream::connect(url.strip_prefix("ws://").unwrap()).await.unwrap();
    let url = format!("{url}/ws/rooms/lobby?token={}", token.trim());
    let error = tokio_tungstenite::client_async(url, stream).await.unwrap_err();
    assert!(error.to_string().contains("401"), "{error}");
}

/// The first of `count` ports in a row that nobody listens on.
fn free_ports(count: u16) -> u16 {
    wait_for("ports in a row", PATIENCE, || {
        let first = crate::support::server::closed_port();
        let free = |port| std::net::TcpListener::bind(("127.0.0.1", port)).is_ok();
        (first < 65_000 && (first..first + count).all(free)).then_some(first)
    })
}
