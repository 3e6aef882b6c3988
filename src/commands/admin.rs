//! Asking an instance of the bundled server for a fault: one small HTTP request to its admin listener.

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
    let answer = post(admin, "/admin/disconnect", &body).map_err(|error| format!("{admin} did not answer: {error}"))?;
    let (head, body) = answer.split_once("\r\n\r\n").ok_or_else(|| format!("{admin} gave no answer"))?;
    if head.split(' ').nth(1) != Some("200") {
        return Err(format!("{admin} refused: {}", body.trim()));
    }
    let answer: Answer = serde_json::from_str(body).map_err(|error| format!("{admin} answered {error}"))?;
    let cut = |done: Done| (done.user, Timestamp::from_nanos(done.at_us * 1_000));
    Ok(answer.cut.into_iter().map(cut).collect())
}

fn post(to: SocketAddr, path: &str, body: &str) -> std::io::Result<String> {
    let mut stream = TcpStream::connect_timeout(&to, PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    // HTTP/1.0: the answer comes whole, not in chunks, and ends with the connection.
    write!(
        stream,
        "POST {path} HTTP/1.0\r\nhost: {to}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )?;
    let mut answer = String::new();
    stream.take(LARGEST).read_to_string(&mut answer)?;
    Ok(answer)
}
