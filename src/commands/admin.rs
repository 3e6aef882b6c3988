//! Asking an instance of the bundled server for faults, and for what it did and counted: small HTTP requests to its admin
//! listener.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use serde::Deserialize;

use crate::scenario::Cut;
use crate::time::Timestamp;

/// How long an instance may take to answer.
const PATIENCE: Duration = Duration::from_secs(2);

/// The largest answer that is read: a line per cut of a full instance.
const LARGEST: u64 = 16 * 1024 * 1024;

/// What an instance answers.
#[derive(Debug, Deserialize)]
struct Answer {
    cut: Vec<Done>,
}

/// A connection it cut.
#[derive(Debug, Deserialize)]
struct Done {
    user: String,
    /// Microseconds of the machine's monotonic clock.
    at_us: u64,
}

/// Cuts the connections that `users` have on the instance with this admin listener.
pub(super) fn disconnect(admin: SocketAddr, users: &[&str], how: Cut) -> Result<Vec<(String, Timestamp)>, String> {
    let how = match how {
        Cut::Fin => "fin".to_owned(),
        Cut::Rst => "rst".to_owned(),
        Cut::Blackhole => "blackhole".to_owned(),
        Cut::Close(code) => format!("close:{code}"),
    };
    let body = serde_json::json!({ "users": users, "how": how }).to_string();
    let answer: Answer = serde_json::from_str(&ask(admin, "POST", "/admin/disconnect", &body)?)
        .map_err(|error| format!("{admin} answered {error}"))?;
    let cut = |done: Done| (done.user, Timestamp::from_nanos(done.at_us * 1_000));
    Ok(answer.cut.into_iter().map(cut).collect())
}

/// Has the instance misbehave by this plan from now on; an empty one ends it.
pub(super) fn misbehave(admin: SocketAddr, plan: &serde_json::Value) -> Result<(), String> {
    ask(admin, "POST", "/admin/faults", &plan.to_string()).map(drop)
}

/// What the instance did wrong after deed number `after`, a JSON object per line.
pub(super) fn truth(admin: SocketAddr, after: u64) -> Result<String, String> {
    ask(admin, "GET", &format!("/admin/truth?after={after}"), "")
}

/// The sum of a counter of the instance; 0 if there is none.
pub(super) fn metric(admin: SocketAddr, name: &str) -> Result<u64, String> {
    let page = ask(admin, "GET", "/metrics", "")?;
    let samples = page.lines().filter(|line| line.strip_prefix(name).is_some_and(|rest| rest.starts_with(['{', ' '])));
    Ok(samples.filter_map(|line| line.rsplit_once(' ')?.1.parse::<f64>().ok()).sum::<f64>() as u64)
}

/// The body of a good answer; what went wrong in words otherwise.
fn ask(admin: SocketAddr, method: &str, path: &str, body: &str) -> Result<String, String> {
    let answer = request(admin, method, path, body).map_err(|error| format!("{admin} did not answer: {error}"))?;
    let (head, body) = answer.split_once("\r\n\r\n").ok_or_else(|| format!("{admin} gave no answer"))?;
    if head.split(' ').nth(1) != Some("200") {
        return Err(format!("{admin} refused: {}", body.trim()));
    }
    Ok(body.to_owned())
}

fn request(to: SocketAddr, method: &str, path: &str, body: &str) -> std::io::Result<String> {
    let mut stream = TcpStream::connect_timeout(&to, PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    // HTTP/1.0: the answer comes whole, not in chunks, and ends with the connection.
    write!(
        stream,
        "{method} {path} HTTP/1.0\r\nhost: {to}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )?;
    let mut answer = String::new();
    stream.take(LARGEST).read_to_string(&mut answer)?;
    Ok(answer)
}
