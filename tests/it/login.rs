//! `[users].login`: everybody asks a real HTTP server for a token or a cookie, and is let in with it.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::sync::{Arc, Mutex};

use tokio_tungstenite::tungstenite;

use crate::support::{Report, Running, Server, put, scratch, wsbench};

/// What signs the tokens.
const SECRET: &str = "what-the-room-and-the-desk-share";

/// What everybody says to get one.
const PASSWORD: &str = "0pen-sesame-please";

/// Where people log in: says what it is asked, in order.
struct Desk {
    server: Server,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Desk {
    /// `answer` gives status and headers, and the body, for a request's head and body, and how many came before.
    fn new(answer: impl Fn(&str, &str, usize) -> (String, String) + Send + Sync + 'static) -> Self {
        let asked = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&asked);
        let server = Server::new(move |mut stream| {
            let Some((head, body)) = request(&mut stream) else { return };
            let before = {
                let mut kept = kept.lock().unwrap();
                kept.push(format!("{head}{body}"));
                kept.len() - 1
            };
            let (head, body) = answer(&head, &body, before);
            let answer = format!("HTTP/1.1 {head}\r\ncontent-length: {}\r\n\r\n{body}", body.len());
            stream.write_all(answer.as_bytes()).ok();
            stream.read_to_end(&mut Vec::new()).ok();
        });
        Self { server, asked }
    }

    /// Gives everybody in `tokens` who knows the password a token.
    fn giving(tokens: BTreeMap<String, String>) -> Self {
        Self::new(move |_, body, _| {
            let said: serde_json::Value = serde_json::from_str(body).unwrap_or_default();
            match tokens.get(said["user"].as_str().unwrap_or_default()).filter(|_| said["password"] == PASSWORD) {
                Some(token) => ("200 OK".to_owned(), format!("{{\"data\":{{\"access_token\":\"{token}\"}}}}")),
                None => ("401 Unauthorized".to_owned(), format!("wrong: {PASSWORD}x\nand more")),
            }
        })
    }

    fn url(&self) -> String {
        format!("http://127.0.0.1:{}/login", self.server.port())
    }

    fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

/// Head and body of a request.
fn request(stream: &mut impl Read) -> Option<(String, String)> {
    let (mut all, mut chunk) = (Vec::new(), [0; 1024]);
    loop {
        let read = stream.read(&mut chunk).ok().filter(|read| *read > 0)?;
        all.extend_from_slice(&chunk[..read]);
        let text = String::from_utf8_lossy(&all).into_owned();
        let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
        let head = format!("{}\n", head.to_lowercase().replace('\r', ""));
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
        if body.len() >= length.map_or(0, |length| length.parse().unwrap()) {
            return Some((head, body.to_owned()));
        }
    }
}

/// A room server that takes tokens signed with the secret, and where it listens.
fn rooms() -> (Running, String) {
    let served = wsbench(["serve", "--broker", "memory", "--faults"]).env("WSBENCH_JWT_SECRET", SECRET);
    let mut server = served.start();
    let ready = server.lines(1).remove(0);
    let url = ready.split(' ').find_map(|word| word.strip_prefix("url=")).unwrap().to_owned();
    (server, url)
}

/// A token for each user.
fn tokens() -> BTreeMap<String, String> {
    let token = |user: &str| {
        let minted = wsbench(["token", "--sub", user]).env("WSBENCH_JWT_SECRET", SECRET).run();
        minted.expect(0).stdout.trim().to_owned()
    };
    ["u0", "u1", "u2", "u3"].into_iter().map(|user| (user.to_owned(), token(user))).collect()
}

/// Four people in a room of the server at `url` who log in as `login` says.
fn scenario(url: &str, login: &str) -> String {
    format!(
        r#"name = "logged-in"
[run]
warm_up = "0s"
duration = "1s"
drain = "2s"
[target]
urls = ["{url}"]
[users]
login = {{ {login} }}
[[clients]]
name = "people"
count = 4
auth = "first-message"
reconnect = {{ policy = "fixed", base = "100ms" }}
rooms = {{ count = 1, name = "room" }}
[[publish]]
name = "talk"
from = "people"
rate = "50/s"
size = "64B"
"#
    )
}

/// How they log in at `desk`.
fn by_password(desk: &Desk, more: &str) -> String {
    let body = "'{\"user\":\"{{user.name}}\",\"password\":\"${PASSWORD}\"}'";
    format!("url = \"{}\", body = {body}, token = \"/data/access_token\"{more}", desk.url())
}

#[test]
fn everybody_logs_in_with_their_own_words_and_is_let_in_with_what_they_get() {
    let (_server, url) = rooms();
    // A room's WebSocket takes no token in a header, its stream of events does.
    for auth in ["\"first-message\"", "\"query-token\"", "\"header\"\ntransport = \"sse\""] {
        let (desk, directory) = (Desk::giving(tokens()), scratch());
        let text = scenario(&url, &by_password(&desk, "")).replace("\"first-message\"", auth);
        let path = put(&directory, "s.toml", &text);
        let json = directory.path().join("result.json").display().to_string();
        let finished = wsbench(["run", &path, "--out", &format!("json={json}")]).env("PASSWORD", PASSWORD).run();
        finished.expect(0);
        let report = Report::read(&json);
        assert_eq!((report.count("clients.connected"), report.identity()[2]), (4, 0));
        let timed = report.entries("histograms").find(|entry| entry["labels"]["stage"] == "login").unwrap();
        assert_eq!((timed["name"].as_str(), timed["count"].as_u64()), (Some("connect"), Some(4)));
        let asked = desk.asked();
        assert_eq!(asked.len(), 5, "one to see whether it can be done, and four: {asked:?}");
        for user in ["u0", "u1", "u2", "u3"] {
            let own = format!("{{\"user\":\"{user}\",\"password\":\"{PASSWORD}\"}}");
            let one = asked.iter().find(|asked| asked.ends_with(&own)).unwrap_or_else(|| panic!("no {own}: {asked:?}"));
            assert!(one.starts_with("post /login http/1.1\n") && one.contains("\ncontent-type: application/json\n"));
        }
    }
}

#[test]
fn who_cannot_log_in_is_told_so_once_and_without_a_secret() {
    let (desk, directory) = (Desk::giving(tokens()), scratch());
    let path = put(&directory, "s.toml", &scenario("ws://127.0.0.1:1", &by_password(&desk, "")));
    let json = directory.path().join("result.json").display().to_string();
    let wrong = format!("{PASSWORD}x");
    let finished = wsbench(["run", &path, "--out", &format!("json={json}"), "-e", &format!("PASSWORD={wrong}")]).run();
    let place = desk.url();
    finished.expect(3).says(&[&format!("u0 cannot log in: {place}: answered 401 Unauthorized: \"wrong: ***\"")]);
    assert!(!finished.stderr.contains("and more") && !finished.stderr.contains(PASSWORD), "{}", finished.stderr);
    assert_eq!(desk.asked().len(), 1, "a third time would lock the door: {:?}", desk.asked());
}

#[test]
fn a_login_that_fails_later_is_counted_by_its_kind() {
    let (_server, url) = rooms();
    let tokens = tokens();
    let desk = Desk::new(move |_, body, before| match before {
        0 | 1 => {
            let user = body.split('"').nth(3).unwrap();
            ("200 OK".to_owned(), format!("{{\"data\":{{\"access_token\":\"{}\"}}}}", tokens[user]))
        }
        _ => ("503 Service Unavailable".to_owned(), "too busy".to_owned()),
    });
    let directory = scratch();
    let text = scenario(&url, &by_password(&desk, "")).replace("\"fixed\", base = \"100ms\"", "\"none\"");
    let path = put(&directory, "s.toml", &text);
    let json = directory.path().join("result.json").display().to_string();
    let finished = wsbench(["run", &path, "--out", &format!("json={json}")]).env("PASSWORD", PASSWORD).run();
    let screen = &finished.expect(99).stdout;
    ["login", "503", "too busy"].iter().for_each(|words| assert!(screen.contains(words), "no {words} in {screen}"));
    let report = Report::read(&json);
    assert_eq!(report.count("clients.connected"), 1);
    assert_eq!(report.counted("errors", &[("stage", "login")]), 3, "{finished:?}");
    assert_eq!(report.counted("errors", &[("kind", "http_503")]), 3, "{finished:?}");
}

#[test]
fn who_is_cut_off_logs_in_again_only_if_told_to() {
    let cut = "[[fault]]\nname = \"cut\"\nat = \"300ms\"\ndisconnect = { clients = \"people\", percent = 100, how = \"rst\" }\n";
    for (more, logins) in [("", 5), (", again = true", 9)] {
        let (_server, url) = rooms();
        let (desk, directory) = (Desk::giving(tokens()), scratch());
        let path = put(&directory, "s.toml", &format!("{}{cut}", scenario(&url, &by_password(&desk, more))));
        let json = directory.path().join("result.json").display().to_string();
        let finished = wsbench(["run", &path, "--out", &format!("json={json}")]).env("PASSWORD", PASSWORD).run();
        finished.expect(0);
        assert_eq!(Report::read(&json).count("reconnect.recovered"), 4);
        assert_eq!(desk.asked().len(), logins, "{more}");
    }
}

#[test]
fn everybody_logs_in_once_whichever_process_carries_them() {
    let (_server, url) = rooms();
    let tokens = tokens();
    let (desk, directory) = (Desk::giving(tokens.clone()), scratch());
    let path = put(&directory, "s.toml", &scenario(&url, &by_password(&desk, ", at_once = 3, rate = \"50/s\"")));
    let json = directory.path().join("result.json").display().to_string();
    let run = |processes: &str| {
        let command = wsbench(["run", &path, "--processes", processes, "--out", &format!("json={json}")]);
        command.env("PASSWORD", PASSWORD).env("GITHUB_ACTIONS", "true").run()
    };
    let finished = run("3");
    finished.expect(0);
    let report = Report::read(&json);
    assert_eq!((report.count("clients.connected"), report.identity()[2]), (4, 0));
    assert_eq!(report.0["generator"]["processes"], 4);
    let timed = report.entries("histograms").find(|entry| entry["labels"]["stage"] == "login").unwrap();
    assert_eq!((timed["name"].as_str(), timed["count"].as_u64()), (Some("connect"), Some(4)));
    let mut asked = desk.asked();
    assert_eq!(asked.len(), 5, "one to see whether it can be done, and four: {asked:?}");
    asked.remove(0);
    for user in tokens.keys() {
        let own = format!("{{\"user\":\"{user}\",\"password\":\"{PASSWORD}\"}}");
        assert_eq!(asked.iter().filter(|asked| asked.ends_with(&own)).count(), 1, "{user}: {asked:?}");
    }
    let masks: Vec<&str> = finished.stderr.lines().filter_map(|line| line.strip_prefix("::add-mask::")).collect();
    assert_eq!(masks.len(), 4, "each token once, in whichever process it was given: {masks:?}");
    assert!(tokens.values().all(|token| masks.contains(&token.as_str())), "{masks:?}");
    run("4").expect(2).says(&["--processes 4", "`at_once = 3`", "--processes 3 at most"]);
}

/// A server that lets in whoever shows a cookie that begins like this, repeats the cookie and every message.
fn by_cookie(known: &'static str) -> Server {
    Server::new(move |stream| {
        let mut shown = None;
        #[allow(clippy::result_large_err)] // the answer's type is the library's
        let look = |request: &tungstenite::handshake::server::Request, answer| {
            shown = request.headers().get("cookie").and_then(|cookie| cookie.to_str().ok()).map(str::to_owned);
            Ok(answer)
        };
        let Ok(mut socket) = tungstenite::accept_hdr(stream, look) else { return };
        let Some(shown) = shown.filter(|shown| shown.starts_with(known)) else { return };
        socket.send(tungstenite::Message::text(format!("{{\"you\":\"{shown}\"}}"))).ok();
        while let Ok(message) = socket.read() {
            if message.is_text() && socket.send(message).is_err() {
                return;
            }
        }
    })
}

#[test]
fn a_cookie_of_a_login_opens_the_door_and_is_in_no_result() {
    const COOKIE: &str = "sid=c00kie-of-nobodys-business";
    let server = by_cookie(COOKIE);
    let desk =
        Desk::new(|_, _, _| (format!("302 Found\r\nlocation: /home\r\nset-cookie: {COOKIE}; HttpOnly"), String::new()));
    let directory = scratch();
    let json = "dialect = \"json\"\n[target.with]\npublish = '{\"text\":\"{{text}}\"}'";
    let form = "headers = { Content-Type = \"application/x-www-form-urlencoded\" }, body = \"user={{user.name}}\"";
    let text = scenario(&server.url(), &format!("url = \"{}\", {form}", desk.url()))
        .replace("[users]", &format!("{json}\n[users]"))
        .replace("auth = \"first-message\"\n", "auth = \"none\"\n")
        .replace("count = 1, name = \"room\"", "count = 4, name = \"room-{n}\"");
    let path = put(&directory, "s.toml", &text);
    let kinds = ["json", "raw", "text", "html", "markdown", "ndjson", "github"];
    let outs = kinds.map(|kind| format!("{kind}={}", directory.path().join(kind).display()));
    let outs = outs.iter().flat_map(|out| ["--out", out.as_str()]);
    let finished = wsbench(["run", &path]).args(outs).env("GITHUB_ACTIONS", "true").run();
    finished.expect(0);
    let secret = COOKIE.split_once('=').unwrap().1;
    let (told, rest): (Vec<&str>, Vec<&str>) =
        finished.stderr.lines().partition(|line| line.starts_with("::add-mask::"));
    assert_eq!(told, [format!("::add-mask::{secret}")], "once, however many were given it");
    assert!(!rest.concat().contains(secret) && !finished.stdout.contains(secret), "{finished:?}");
    for kind in kinds {
        let text = std::fs::read_to_string(directory.path().join(kind)).unwrap();
        assert!(!text.contains(secret), "in the {kind} file");
    }
    assert!(
        std::fs::read_to_string(directory.path().join("json")).unwrap().contains("sid=***"),
        "the server repeats it"
    );
    assert!(desk.asked()[0].ends_with("user=u0"), "{:?}", desk.asked());
}

#[test]
fn what_is_given_in_other_processes_is_in_no_result_either() {
    const COOKIES: &str = "sid=c00kie-of-";
    let server = by_cookie(COOKIES);
    let desk = Desk::new(|_, body, _| {
        let user = body.strip_prefix("user=").unwrap();
        (format!("200 OK\r\nset-cookie: {COOKIES}{user}-alone"), String::new())
    });
    let directory = scratch();
    let json = "dialect = \"json\"\n[target.with]\npublish = '{\"text\":\"{{text}}\"}'";
    let form = "headers = { Content-Type = \"application/x-www-form-urlencoded\" }, body = \"user={{user.name}}\"";
    let text = scenario(&server.url(), &format!("url = \"{}\", {form}", desk.url()))
        .replace("[users]", &format!("{json}\n[users]"))
        .replace("auth = \"first-message\"\n", "auth = \"none\"\n")
        .replace("count = 1, name = \"room\"", "count = 4, name = \"room-{n}\"");
    let path = put(&directory, "s.toml", &text);
    let kinds = ["json", "raw", "text"];
    let outs = kinds.map(|kind| format!("{kind}={}", directory.path().join(kind).display()));
    let outs = outs.iter().flat_map(|out| ["--out", out.as_str()]);
    let finished = wsbench(["run", &path, "--processes", "2"]).args(outs).run();
    finished.expect(0);
    let written = |kind: &str| std::fs::read_to_string(directory.path().join(kind)).unwrap();
    for kind in kinds {
        assert!(!written(kind).contains("c00kie"), "in the {kind} file");
    }
    assert!(!finished.stdout.contains("c00kie") && !finished.stderr.contains("c00kie"), "{finished:?}");
    assert!(written("json").contains("sid=***"), "the server repeats it");
}

#[test]
fn what_a_login_gives_is_in_nothing_a_gate_says() {
    const TOKEN: &str = "t0ken-of-nobodys-business";
    let words = format!("who is {TOKEN}?");
    let refusing = Server::answering(&format!("HTTP/1.1 403 no\r\ncontent-length: {}\r\n\r\n{words}", words.len()));
    let desk = Desk::new(|_, _, _| ("200 OK".to_owned(), format!("{{\"data\":{{\"access_token\":\"{TOKEN}\"}}}}")));
    let directory = scratch();
    let path = put(&directory, "s.toml", &scenario(&refusing.url(), &by_password(&desk, "")));
    let kinds = ["json", "junit", "text"];
    let outs = kinds.map(|kind| format!("{kind}={}", directory.path().join(kind).display()));
    let told = wsbench(["gate", &path, "--base", &refusing.url(), "--new", &refusing.url(), "--max-time=12s"])
        .args(outs.iter().flat_map(|out| ["--out", out.as_str()]))
        .env("PASSWORD", PASSWORD)
        .env("GITHUB_ACTIONS", "true")
        .run();
    told.expect(3).says(&["403", "who is ***?"]);
    let (masks, rest): (Vec<&str>, Vec<&str>) = told.stderr.lines().partition(|line| line.starts_with("::add-mask::"));
    assert_eq!(masks, [format!("::add-mask::{TOKEN}")], "once, whichever side it was given to");
    assert!(!rest.concat().contains(TOKEN) && !told.stdout.contains(TOKEN), "{told:?}");
    for kind in kinds {
        let text = std::fs::read_to_string(directory.path().join(kind)).unwrap();
        assert!(text.contains("***") && !text.contains(TOKEN), "in the {kind} file: {text}");
    }
}

#[test]
fn what_an_answer_lacks_is_named_and_its_content_is_not() {
    let answers = [
        (
            "{\"token\":\"s3cr3t-t0ken\",\"expires\":3600}",
            "answered 200, but /data/access_token leads nowhere; there are: expires, token",
        ),
        ("<html>s3cr3t-t0ken</html>", "answered 200, with no JSON in which /data/access_token could lead to a token"),
        (
            "{\"data\":{\"access_token\":{\"s3cr3t-t0ken\":1}}}",
            "answered 200, but what stands at /data/access_token is no text",
        ),
    ];
    for (body, expected) in answers {
        let (desk, directory) = (Desk::new(move |_, _, _| ("200 OK".to_owned(), body.to_owned())), scratch());
        let path = put(&directory, "s.toml", &scenario("ws://127.0.0.1:1", &by_password(&desk, "")));
        let finished = wsbench(["run", &path]).env("PASSWORD", PASSWORD).run();
        finished.expect(3).says(&[expected]);
        assert!(!finished.stderr.contains("s3cr3t"), "{}", finished.stderr);
    }
}

#[test]
fn a_probe_and_the_console_log_in_too() {
    let (_server, url) = rooms();
    let (desk, directory) = (Desk::giving(tokens()), scratch());
    let path = put(&directory, "s.toml", &scenario(&url, &by_password(&desk, "")));
    let probed = wsbench(["probe", &path, "--trace"]).env("PASSWORD", PASSWORD).run();
    let screen = &probed.expect(0).stdout;
    assert!(screen.contains("(login ") && screen.contains("The target does as room says."), "{screen}");
    assert!(screen.contains("\"token\":\"***\"") && !screen.contains("eyJ"), "{screen}");
    let ended = wsbench(["repl", &path, "--send", "hello", "-w", "300ms"]).env("PASSWORD", PASSWORD).run();
    assert!(ended.expect(0).stdout.contains("hello") && ended.stderr.contains("acknowledged"), "{ended:?}");
    assert_eq!(desk.asked().len(), 3);
    let checked = wsbench(["check", &path]).env("PASSWORD", PASSWORD).run();
    let prose = checked.expect(0).stdout.split_whitespace().collect::<Vec<_>>().join(" ");
    let told = format!("before its first connection each client logs in at {}", desk.url());
    assert!(prose.contains(&told) && !prose.contains(PASSWORD), "{prose}");
    assert_eq!(desk.asked().len(), 3, "a check without --live asks nobody");
}

/// Where people log in over TLS, with a certificate of its own, which is given in PEM form.
fn secure(answer: String) -> (Server, String) {
    let made = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
    let key = rustls::pki_types::PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
    let config = rustls::ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key)
        .unwrap();
    let config = Arc::new(config);
    let server = Server::new(move |mut stream| {
        let mut session = rustls::ServerConnection::new(Arc::clone(&config)).unwrap();
        let mut secure = rustls::Stream::new(&mut session, &mut stream);
        if request(&mut secure).is_some() {
            secure.write_all(answer.as_bytes()).ok();
            secure.read_to_end(&mut Vec::new()).ok();
        }
    });
    (server, made.cert.pem())
}

#[test]
fn a_login_over_tls_trusts_whom_the_target_trusts() {
    let (_rooms, url) = rooms();
    let body = format!("{{\"t\":\"{}\"}}", tokens()["u0"]);
    let (desk, certificate) = secure(format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{body}", body.len()));
    let directory = scratch();
    put(&directory, "ca.pem", &certificate);
    let login = format!("url = \"https://127.0.0.1:{}/\", token = \"/t\"", desk.port());
    let stranger = put(&directory, "stranger.toml", &scenario(&url, &login));
    wsbench(["run", &stranger]).run().expect(3).says(&["cannot log in", "certificate", "--cacert"]);
    let trusting = scenario(&url, &login).replace("[users]", "tls = { ca = \"ca.pem\" }\n[users]");
    wsbench(["run", &put(&directory, "trusting.toml", &trusting)]).run().expect(0);
}
