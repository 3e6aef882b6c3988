//! A secret goes in by the environment, a file, a URL or a header, and never comes out again.

use std::path::Path;

use crate::support::process::{children, command_line};
use crate::support::redis::Redis;
use crate::support::{Finished, Running, Server, put, scratch, wsbench};

/// Found nowhere by accident.
const CANARY: &str = "k4n4ry-0f-th3-m1n3";

/// What a run can write.
const KINDS: &[&str] = &[
    "json",
    "raw",
    "text",
    "html",
    "markdown",
    "junit",
    "github",
    "csv",
    "ndjson",
    "hgrm",
    "openmetrics",
    "bencher",
    "benchmark",
];

/// Everything a run can write.
struct Places {
    directory: tempfile::TempDir,
}

impl Places {
    fn new() -> Self {
        Self { directory: scratch() }
    }

    fn outs(&self) -> Vec<String> {
        let out = |kind: &str| ["--out".to_owned(), format!("{kind}={}", self.directory.path().join(kind).display())];
        KINDS.iter().flat_map(|kind| out(kind)).collect()
    }

    /// Fails if the canary is in what was said or written; gives whether a result was written.
    #[track_caller]
    fn hold_no_secret(&self, finished: &Finished) -> bool {
        assert!(!finished.stdout.contains(CANARY), "on stdout:\n{}", finished.stdout);
        assert!(!finished.stderr.contains(CANARY), "on stderr:\n{}", finished.stderr);
        for kind in KINDS {
            assert!(!holds(&self.directory.path().join(kind)), "in the {kind} file");
        }
        self.directory.path().join("json").exists()
    }
}

fn holds(file: &Path) -> bool {
    std::fs::read_to_string(file).is_ok_and(|text| text.contains(CANARY))
}

/// The scenario of a server that shares a secret, and of one that wants it in the opening.
fn scenario(url: &str) -> String {
    format!(
        r#"name = "secretive"
[run]
warm_up = "0s"
duration = "600ms"
drain = "300ms"
[target]
urls = ["{url}"]
dialect = "room"
headers = {{ x-key = "${{KEY}}" }}
[users]
mint = {{ secret = "${{KEY}}", claims = {{ sub = "u{{{{n}}}}" }} }}
[[clients]]
name = "people"
count = 4
auth = "AUTH"
rooms = {{ count = 1, name = "room" }}
[[publish]]
name = "talk"
from = "people"
rate = "50/s"
size = "64B"
"#
    )
}

/// A room server whose secret is the canary, and where it listens.
fn server() -> (Running, String) {
    let directory = scratch();
    let file = put(&directory, "secret", CANARY);
    let mut server = wsbench(["serve", "--broker", "memory", "--jwt-secret-file", &file]).start();
    let ready = server.lines(1).remove(0);
    let url = ready.split(' ').find_map(|word| word.strip_prefix("url=")).unwrap().to_owned();
    (server, url)
}

#[test]
fn a_secret_from_the_environment_signs_tokens_and_stays_inside() {
    let (server, url) = server();
    for auth in ["first-message", "query-token"] {
        let places = Places::new();
        let path = put(&places.directory, "s.toml", &scenario(&url).replace("AUTH", auth));
        let outs = places.outs();
        let finished = wsbench(["run", &path]).args(outs.iter().map(String::as_str)).env("KEY", CANARY).run();
        finished.expect(0);
        assert!(places.hold_no_secret(&finished), "a result was written");
        let said = wsbench(["check", &path]).env("KEY", CANARY).run();
        said.expect(0);
        places.hold_no_secret(&said);
    }
    let words: Vec<String> = children(server.pid()).into_iter().map(command_line).collect();
    assert!(!words.is_empty() && !words.iter().any(|words| words.contains(CANARY)), "{words:?}");
    server.signal(rustix::process::Signal::TERM);
    let finished = server.finish();
    finished.expect(0);
    assert!(!finished.stdout.contains(CANARY) && !finished.stderr.contains(CANARY), "{finished:?}");
}

#[test]
fn a_secret_value_that_is_wrong_is_not_quoted() {
    let directory = scratch();
    let wrong = scenario("ws://127.0.0.1:1").replace("duration = \"600ms\"", "duration = \"${KEY}\"");
    let path = put(&directory, "s.toml", &wrong.replace("AUTH", "none"));
    let finished = wsbench(["run", &path]).env("KEY", CANARY).run();
    finished.expect(2).says(&["s.toml:4"]);
    assert!(!finished.stderr.contains(CANARY), "{}", finished.stderr);
}

#[test]
fn what_is_given_to_the_target_is_not_told_when_it_refuses() {
    let servers = [Server::status("401 Unauthorized"), Server::status("403 Forbidden")];
    for server in servers {
        let places = Places::new();
        let url = format!("ws://user:{CANARY}@127.0.0.1:{}/chat?token={CANARY}", server.port());
        let (header, cookie) = (format!("authorization: Bearer {CANARY}"), format!("sid={CANARY}"));
        let outs = places.outs();
        let finished = wsbench(["run", "--url", &url, "-d", "1s", "-c", "2"])
            .args(["-H", header.as_str(), "-b", cookie.as_str()])
            .args(outs.iter().map(String::as_str))
            .run();
        finished.expect(3);
        places.hold_no_secret(&finished);
    }
}

#[test]
fn what_is_given_to_the_target_is_not_in_the_result() {
    let (_server, url) = server();
    let token = wsbench(["token", "--sub", "ada"]).env("WSBENCH_JWT_SECRET", CANARY).run();
    let token = token.expect(0).stdout.trim().to_owned();
    let places = Places::new();
    let outs = places.outs();
    let finished = wsbench(["run", "--url", &format!("{url}/?token={token}&key={CANARY}"), "-d", "500ms", "-c", "2"])
        .args(["-H", &format!("x-key: {CANARY}"), "-b", &format!("sid={CANARY}")])
        .args(outs.iter().map(String::as_str))
        .run();
    finished.expect(0);
    assert!(places.hold_no_secret(&finished), "a result was written");
    let json = std::fs::read_to_string(places.directory.path().join("json")).unwrap();
    assert!(!json.contains(&token), "the token is in the result");
    assert!(!finished.stderr.contains(&token) && !finished.stdout.contains(&token), "{finished:?}");
}

#[test]
fn the_password_of_redis_is_shown_to_nobody() {
    let redis = Redis::with_password(CANARY);
    let url = format!("redis://:{CANARY}@127.0.0.1:{}", redis.port);
    let places = Places::new();
    let outs = places.outs();
    let running = wsbench(["run", "@quickstart"])
        .vars("LISTENERS=18 TALKERS=2 ROOMS=2 WARM_UP=0s DURATION=1s DRAIN=300ms")
        .args(outs.iter().map(String::as_str))
        .env("REDIS_URL", &url)
        .start();
    running.hears("Redis at redis://127.0.0.1");
    let instances = crate::support::wait_for("the instances", crate::support::PATIENCE, || {
        let instances = crate::support::process::instances(running.pid());
        (instances.len() == 2).then_some(instances)
    });
    assert!(!instances.into_iter().any(|id| command_line(id).contains(CANARY)));
    let finished = running.finish();
    finished.expect(0);
    assert!(places.hold_no_secret(&finished), "a result was written");
    let wrong = format!("redis://:{CANARY}-but-wrong@127.0.0.1:{}", redis.port);
    for command in [["run", "@quickstart"], ["serve", "--instances=1"]] {
        let finished = wsbench(command).args(["--redis", wrong.as_str()]).run();
        finished.expect(3).says(&["Redis"]);
        places.hold_no_secret(&finished);
    }
}

#[test]
fn a_secret_written_into_a_scenario_is_masked_in_everything_made_of_it() {
    let (_server, url) = server();
    let places = Places::new();
    let literal = scenario(&format!("{url}?api_key={CANARY}&room=1"))
        .replace("x-key = \"${KEY}\"", &format!("Authorization = \"Bearer {CANARY}\", Cookie = \"sid={CANARY}\""))
        .replace("secret = \"${KEY}\"", &format!("secret = \"{CANARY}\""))
        .replace("AUTH", "first-message");
    assert_eq!(literal.matches(CANARY).count(), 4);
    let path = put(&places.directory, "s.toml", &literal);
    let outs = places.outs();
    let finished = wsbench(["run", &path]).args(outs.iter().map(String::as_str)).run();
    finished.expect(0);
    assert!(places.hold_no_secret(&finished), "a result was written");
    let json = std::fs::read_to_string(places.directory.path().join("json")).unwrap();
    assert!(json.contains("Authorization = \\\"***\\\"") && json.contains("&room=1"), "{json}");
}

#[test]
fn what_a_server_repeats_of_a_users_secret_is_masked() {
    let server = Server::status(&format!("401 {CANARY}"));
    for (column, auth) in [("token", "query-token"), ("password", "none"), ("secret", "none")] {
        let places = Places::new();
        put(
            &places.directory,
            "users.csv",
            &format!("user,{column}\na,{CANARY}\nb,{CANARY}\nc,{CANARY}\nd,{CANARY}\n"),
        );
        let users = "[users]\ncsv = \"users.csv\"\n[[clients]]";
        let text = scenario(&server.url()).replace("headers = { x-key = \"${KEY}\" }\n", "");
        let (head, tail) = (text.split("[users]").next().unwrap(), text.split("[[clients]]").nth(1).unwrap());
        let path = put(&places.directory, "s.toml", &format!("{head}{users}{tail}").replace("AUTH", auth));
        let outs = places.outs();
        let finished = wsbench(["run", &path]).args(outs.iter().map(String::as_str)).run();
        finished.expect(3);
        places.hold_no_secret(&finished);
    }
}

#[test]
fn a_token_on_the_command_line_is_warned_of_and_kept_out() {
    let places = Places::new();
    let token = format!("{CANARY}0123456789abcdef");
    let path = put(&places.directory, "s.toml", &scenario("ws://127.0.0.1:1").replace("AUTH", "none"));
    let outs = places.outs();
    let finished = wsbench(["run", &path, "-e", &format!("KEY={token}")]).args(outs.iter().map(String::as_str)).run();
    finished.expect(3).says(&["warning: the value of -e KEY looks like a token"]);
    places.hold_no_secret(&finished);
}
