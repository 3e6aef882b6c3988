//! A recording is reached as its session was: headers, certificates, and no secret.

use std::sync::{Arc, Mutex};

use tokio_tungstenite::tungstenite;
use tokio_tungstenite::tungstenite::handshake::server::{Request, Response};

use crate::support::{Server, put, scratch, wsbench};

/// What each opening had of these headers.
type Seen = Arc<Mutex<Vec<[String; 3]>>>;

const LOOKED_AT: [&str; 3] = ["authorization", "cookie", "x-tenant"];

/// Behind a certificate that `ca.pem` in the directory vouches for, a server that repeats what it hears.
fn guarded(directory: &tempfile::TempDir) -> (Server, Seen) {
    let made = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
    put(directory, "ca.pem", &made.cert.pem());
    let key = rustls::pki_types::PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
    let config = rustls::ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key)
        .unwrap();
    let (config, seen) = (Arc::new(config), Seen::default());
    let noted = Arc::clone(&seen);
    let server = Server::new(move |stream| {
        let session = rustls::ServerConnection::new(Arc::clone(&config)).unwrap();
        #[allow(clippy::result_large_err)] // the answer's type is the library's
        let look = |request: &Request, response: Response| {
            let of = |name: &str| request.headers().get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
            noted.lock().unwrap().push(LOOKED_AT.map(|name| of(name).to_owned()));
            Ok(response)
        };
        let stream = rustls::StreamOwned::new(session, stream);
        let Ok(mut socket) = tungstenite::accept_hdr(stream, look) else { return };
        while let Ok(message) = socket.read() {
            if message.is_text() && socket.send(message).is_err() {
                return;
            }
        }
    });
    (server, seen)
}

/// Says a word with these arguments and in this environment, records it, and gives the recording's path and text.
fn recorded(directory: &tempfile::TempDir, args: &[&str], token: &str) -> (String, String) {
    let path = directory.path().join("said.toml").display().to_string();
    let mut console = wsbench(["repl"]).args(args.iter().copied()).env("TOKEN", token).with_input().start();
    ["hello", "/expect hello", &format!("/record {path}")].iter().for_each(|line| console.type_line(line));
    console.end_input();
    console.finish().expect(0);
    let text = std::fs::read_to_string(&path).unwrap();
    (path, text)
}

#[test]
fn a_recording_has_the_flags_of_its_session_and_names_its_secrets() {
    let directory = scratch();
    let (server, seen) = guarded(&directory);
    let url = server.url().replace("ws://", "wss://");
    let ca = directory.path().join("ca.pem").display().to_string();
    let (bearer, cookie) = ("Bearer hush-4711", "sid=hush-4712");
    let header = format!("Authorization: {bearer}");
    let args = [url.as_str(), "--cacert", &ca, "-H", "X-Tenant: ${7}", "-H", &header, "-b", cookie];
    let (path, text) = recorded(&directory, &args, "");
    assert!(!text.contains("hush"), "{text}");
    for line in ["#   AUTHORIZATION  the header Authorization", "#   COOKIE         the header cookie"] {
        assert!(text.lines().any(|found| found == line), "no {line:?} in\n{text}");
    }
    wsbench(["run", &path]).run().expect(2).says(&["is not defined"]);
    let ran = wsbench(["run", &path]).env("AUTHORIZATION", bearer).env("COOKIE", cookie).run();
    assert!(ran.expect(0).stdout.contains("due 1 = delivered 1"), "{}\n{text}", ran.stdout);
    let seen = seen.lock().unwrap();
    assert!(seen.len() > 1 && seen.iter().all(|seen| *seen == [bearer, cookie, "${7}"]), "{seen:?}");
}

#[test]
fn a_recording_has_the_words_of_its_scenario_wherever_it_is_written() {
    let (directory, elsewhere) = (scratch(), scratch());
    let (server, seen) = guarded(&directory);
    let scenario = format!(
        "name = \"own\"\n[vars]\nTENANT = \"blue\"\nSECRET = \"hush-4713\"\n[run]\nduration = \"1s\"\n\
         [target]\nurls = [\"{}\"]\ndialect = \"raw\"\ntls = {{ ca = \"ca.pem\" }}\n[target.headers]\n\
         Authorization = \"Bearer ${{TOKEN}}\"\nX-Tenant = \"${{TENANT}}\"\nCookie = \"sid=${{SECRET}}\"\n\
         [[clients]]\nname = \"c\"\ncount = 1\nauth = \"none\"\nrooms = {{ count = 1, name = \"a\" }}\n\
         [[publish]]\nname = \"p\"\nfrom = \"c\"\nrate = \"1/s\"\n",
        server.url().replace("ws://", "wss://")
    );
    let scenario = put(&directory, "own.toml", &scenario);
    let (path, text) = recorded(&elsewhere, &[&scenario], "hush-4711");
    assert!(!text.contains("hush") && text.contains("Bearer ${TOKEN}") && text.contains("TENANT = \"blue\""), "{text}");
    assert!(text.contains("#   SECRET  the header Cookie\n#   TOKEN   the header Authorization\n"), "{text}");
    let ran = wsbench(["run", &path]).env("TOKEN", "hush-4711").env("SECRET", "hush-4713").run();
    assert!(ran.expect(0).stdout.contains("due 1 = delivered 1"), "{}\n{text}", ran.stdout);
    let seen = seen.lock().unwrap();
    assert!(seen.iter().all(|seen| *seen == ["Bearer hush-4711", "sid=hush-4713", "blue"]), "{seen:?}");
}

#[test]
fn a_flag_that_no_scenario_can_hold_is_named() {
    let directory = scratch();
    let (server, _) = guarded(&directory);
    let url = format!("wss://chat.example:{}", server.port());
    let detour = format!("chat.example:{0}:127.0.0.1:{0}", server.port());
    let (_, text) = recorded(&directory, &[&url, "-k", "--connect-to", &detour], "");
    assert!(
        text.contains(&format!("# Recorded with -k --connect-to {detour}: give that to a run as well.\n")),
        "{text}"
    );
}
