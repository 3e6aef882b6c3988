//! What real clients asked of servers by requests and streams (`tests/data/transcripts`), asked by the built-in dialects.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Value, json};
use url::{Url, form_urlencoded};

use super::golden::{TEXT, ann, join, meaning, messages, publish, transcript};
use crate::dialect::{AuthStyle, Dialect, Identity, find};
use crate::wire::{Answer, Call, Frame, Opening, Response};

/// A request of a recording.
struct Asked {
    url: Url,
    /// Names in lower case.
    headers: BTreeMap<String, String>,
    body: String,
    status: u16,
}

/// The requests of `file` that were asked by `method`.
fn asked(file: &str, method: &str) -> Vec<Asked> {
    let text = transcript(file);
    let sections = text.split("\n== ").skip(1).filter_map(|section| section.strip_prefix(method)?.strip_prefix(' '));
    let request = |section: &str| {
        let (target, rest) = section.split_once('\n').unwrap();
        let lines = || rest.lines();
        let own = lines().take_while(|line| !line.starts_with("= "));
        let headers = own.filter_map(|line| line.strip_prefix("# ")?.split_once(": "));
        let headers = headers.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        let body = lines().filter_map(|line| line.strip_prefix("> ")).collect();
        let status = lines().find_map(|line| line.strip_prefix("= ")).map_or(101, |status| status.parse().unwrap());
        Asked { url: Url::parse(&format!("http://x{target}")).unwrap(), headers, body, status }
    };
    sections.map(request).collect()
}

/// Path and query of a request, as a server takes them apart.
fn place(path: &str, query: &[(String, String)]) -> (String, BTreeMap<String, String>) {
    (path.to_owned(), query.iter().cloned().collect())
}

fn asks(opening: &Opening, recorded: &Asked) {
    let pairs: Vec<(String, String)> = recorded.url.query_pairs().into_owned().collect();
    assert_eq!(place(&opening.path, &opening.query), place(recorded.url.path(), &pairs));
    for (name, value) in &opening.headers {
        let name = name.to_lowercase();
        let recorded = recorded.headers.get(&name).unwrap_or_else(|| panic!("{name} was not sent"));
        assert_eq!(recorded.split(';').next().unwrap(), value, "{name}");
    }
}

fn dialect(name: &str, with: Value) -> Arc<dyn Dialect> {
    find(name, with.as_object().unwrap()).unwrap()
}

fn answered(dialect: &Arc<dyn Dialect>, status: u16, body: &str) -> Vec<String> {
    let response = Response { status, body: body.as_bytes().to_vec().into(), retry_after: None };
    let mut events = Vec::new();
    let frame = Frame::Answer(Box::new(Answer { reference: 7, outcome: Ok(response) }));
    dialect.decode(&frame, &mut |event| events.push(meaning(&event)));
    events
}

fn heard(dialect: &Arc<dyn Dialect>, frames: &[Frame]) -> Vec<String> {
    let mut events = Vec::new();
    frames.iter().for_each(|frame| dialect.decode(frame, &mut |event| events.push(meaning(&event))));
    events
}

fn call(dialect: &Arc<dyn Dialect>, identity: &Identity, now: u64) -> Call {
    dialect.call(identity, &publish(7), now).unwrap()
}

#[test]
fn pusher_is_heard_said_and_signed() {
    let with = |channel: &str| json!({"app": "1", "key": "a-key", "secret": "a-secret", "channel": channel});
    let (pusher, private) = (dialect("pusher-v7", with("")), dialect("pusher-v7", with("private-")));
    let saved = "Saved { place: 0, value: \"1.1\" }";
    let expected = [saved, "welcome -", "joined None", "joined None", "delivery"];
    assert_eq!(heard(&pusher, &messages("pusher-v7", 0, '<')), expected);
    assert_eq!(heard(&pusher, &messages("pusher-v7", 3, '<')), ["unauthorized: App key is not known"]);
    for (connection, socket) in [(0, "1.1"), (1, "1.2")] {
        let knowing = private.keeping(0, socket).unwrap();
        let said: Value = serde_json::from_slice(knowing.encode(&join(1)).unwrap().bytes()).unwrap();
        let mut recorded = messages("pusher-v7", connection, '>').into_iter();
        assert!(recorded.any(|frame| serde_json::from_slice::<Value>(frame.bytes()).unwrap() == said), "{said}");
    }
    let ping = pusher.encode(&crate::dialect::Intent::Heartbeat { reference: 1 }).unwrap();
    assert!(messages("pusher-v7", 0, '>').contains(&ping));
    let nobody = Identity { token: None, auth: AuthStyle::None, ..ann("") };
    assert_eq!(asked("pusher-v7", "GET")[0].url.path(), pusher.opening(&nobody).path);
    let recorded = &asked("pusher-v7", "POST")[0];
    let stamp = recorded.url.query_pairs().find(|(name, _)| name == "auth_timestamp").unwrap().1.parse().unwrap();
    let call = call(&pusher, &nobody, stamp);
    // The signature is over time, path and body: it is the same only if all of them are.
    asks(&call.opening, recorded);
    assert_eq!(String::from_utf8_lossy(call.body.as_deref().unwrap()), recorded.body);
    assert_eq!(answered(&pusher, recorded.status, "{}"), ["acked 7"]);
    assert_eq!(answered(&pusher, 401, "Invalid signature"), ["refused Some(7) status 401"]);
}

#[test]
fn mercure_is_heard_and_said_and_goes_on_where_it_was() {
    let (mercure, text) = (dialect("mercure", json!({})), transcript("mercure"));
    let [streams, said] = ["GET", "POST"].map(|method| asked("mercure", method));
    let token = |request: &Asked| request.headers["authorization"].strip_prefix("Bearer ").unwrap().to_owned();
    let ann = ann(&token(&streams[0]));
    asks(&mercure.stream(&ann, Some("r1"), None).unwrap(), &streams[0]);
    let id = text.lines().find_map(|line| line.strip_prefix("<j \"id: ")?.split('\\').next()).unwrap();
    let position = mercure.position(id).unwrap();
    let resumed = mercure.stream(&ann, Some("r1"), Some(&position)).unwrap();
    asks(&resumed, &streams[1]);
    assert_eq!(streams[1].headers["last-event-id"], id);
    assert_eq!(mercure.position(""), None);
    let bob = super::golden::ann(&token(&said[0]));
    let call = call(&mercure, &bob, 0);
    asks(&call.opening, &said[0]);
    let fields = |body: &[u8]| form_urlencoded::parse(body).into_owned().collect::<BTreeMap<_, _>>();
    assert_eq!(fields(call.body.as_deref().unwrap()), fields(said[0].body.as_bytes()));
    assert_eq!(answered(&mercure, said[0].status, id), ["acked 7"]);
    assert_eq!(answered(&mercure, said[2].status, "Unauthorized\n"), ["refused Some(7) status 401"]);
    // Only what holds a marker is a copy; here it is one whose text would pass for JSON.
    assert_eq!(heard(&mercure, &[Frame::text(format!("wsb1 {TEXT}")), Frame::text(TEXT)]), ["delivery", "Unknown"]);
}

#[test]
fn streams_of_events_are_heard_and_said() {
    let sse = dialect("sse", json!({}));
    let nobody = Identity { token: None, auth: AuthStyle::None, ..ann("") };
    for file in ["sse", "sse-starlette"] {
        let [streams, said] = ["GET", "POST"].map(|method| asked(file, method));
        asks(&sse.stream(&nobody, Some("r1"), None).unwrap(), &streams[0]);
        let call = call(&sse, &nobody, 0);
        assert_eq!((call.opening.path.as_str(), call.method.name()), (said[0].url.path(), "POST"));
        assert_eq!(String::from_utf8_lossy(call.body.as_deref().unwrap()), said[0].body);
        assert_eq!(answered(&sse, said[0].status, ""), ["acked 7"]);
        let stream = messages(file, 0, '<');
        let data = stream.iter().find_map(|piece| {
            let piece = std::str::from_utf8(piece.bytes()).unwrap();
            piece.lines().find_map(|line| line.strip_prefix("data:")).map(str::to_owned)
        });
        let copy = data.unwrap().replace("hello", "wsb1");
        assert_eq!(heard(&sse, &[Frame::text(copy)]), ["delivery"]);
    }
    let resumed = sse.stream(&nobody, Some("r1"), sse.position("1").as_ref()).unwrap();
    asks(&resumed, &asked("sse", "GET")[1]);
}

#[test]
fn a_channel_of_nchan_is_a_stream_that_is_posted_to() {
    let sse = dialect("sse", json!({"events_path": "/rooms/{{room}}", "publish_path": "/rooms/{{room}}"}));
    let nobody = Identity { token: None, auth: AuthStyle::None, ..ann("") };
    let [streams, said] = ["GET", "POST"].map(|method| asked("nchan", method));
    asks(&sse.stream(&nobody, Some("r1"), None).unwrap(), &streams[0]);
    let call = call(&sse, &nobody, 0);
    assert_eq!((call.opening.path.as_str(), call.body.as_deref()), (said[0].url.path(), Some(said[0].body.as_bytes())));
    assert_eq!(
        [answered(&sse, said[0].status, "queued messages: 1"), answered(&sse, said[1].status, "")],
        [["acked 7"]; 2]
    );
    let id = &streams[1].headers["last-event-id"];
    asks(&sse.stream(&nobody, Some("r1"), sse.position(id).as_ref()).unwrap(), &streams[1]);
}
