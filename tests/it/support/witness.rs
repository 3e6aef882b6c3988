//! A witness beside the room servers: it hears all that the private Redis of a run passes on, and nobody told it anything else.

use std::collections::HashSet;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use wsbench::time::nap;

use super::process::{children, command_line};
use super::raw_log::Message;
use super::{PATIENCE, wait_for};

/// What a marker starts with, and how many bytes of base64 follow.
const MARKER: (&[u8], usize) = (b"wsb1", 36);

/// A subscriber of every room, on a thread of its own; it comes back when Redis does.
pub(crate) struct Witness {
    heard: Arc<Mutex<HashSet<Message>>>,
    over: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Witness {
    /// Listens to the Redis that the run `wsbench` has started, and gives its process too.
    pub(crate) fn beside(wsbench: u32) -> (Self, u32) {
        let (process, port) = wait_for("the run's Redis", PATIENCE, || {
            let process = children(wsbench).into_iter().find(|id| is_redis(&command_line(*id)))?;
            let line = command_line(process);
            // The process writes its title anew: `redis-server 127.0.0.1:PORT`.
            let port =
                line.split_once("--port ").map(|(_, rest)| rest).or(line.split_once(':').map(|(_, rest)| rest))?;
            Some((process, port.split_whitespace().next()?.parse().ok()?))
        });
        let heard = Arc::new(Mutex::new(HashSet::new()));
        let (over, subscribed) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
        let thread = std::thread::spawn({
            let (heard, over, subscribed) = (Arc::clone(&heard), Arc::clone(&over), Arc::clone(&subscribed));
            move || {
                while !over.load(Ordering::Relaxed) {
                    // Redis is gone for a while, or for good: what matters is to be there before the servers are.
                    listen(port, &heard, &over, &subscribed).unwrap_or_default();
                    nap(Duration::from_millis(1));
                }
            }
        });
        wait_for("the witness", PATIENCE, || subscribed.load(Ordering::Relaxed).then_some(()));
        (Self { heard, over, thread: Some(thread) }, process)
    }

    /// Every publication that Redis has passed on.
    pub(crate) fn testimony(mut self) -> HashSet<Message> {
        self.over.store(true, Ordering::Relaxed);
        self.thread.take().unwrap().join().unwrap();
        std::mem::take(&mut *self.heard.lock().unwrap())
    }
}

fn is_redis(line: &str) -> bool {
    line.split(' ')
        .next()
        .is_some_and(|program| program.ends_with("redis-server") || program.ends_with("valkey-server"))
}

fn listen(
    port: u16,
    heard: &Mutex<HashSet<Message>>,
    over: &AtomicBool,
    subscribed: &AtomicBool,
) -> std::io::Result<()> {
    let mut stream = TcpStream::connect(("127.0.0.1", port))?;
    stream.set_read_timeout(Some(Duration::from_millis(200)))?;
    stream.write_all(b"PSUBSCRIBE room:*\r\n")?;
    let mut unread = Vec::new();
    let mut chunk = [0; 65_536];
    while !over.load(Ordering::Relaxed) {
        match stream.read(&mut chunk) {
            Ok(0) => return Ok(()),
            Ok(size) => unread.extend_from_slice(&chunk[..size]),
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => continue,
            Err(error) => return Err(error),
        }
        subscribed.store(true, Ordering::Relaxed);
        let mut heard = heard.lock().unwrap();
        let mut rest = &unread[..];
        while let Some(at) = memchr::memmem::find(rest, MARKER.0) {
            let Some(text) = rest.get(at + MARKER.0.len()..at + MARKER.0.len() + MARKER.1) else { break };
            heard.extend(message(text));
            rest = &rest[at + MARKER.0.len()..];
        }
        // A marker may be cut between two reads.
        let kept = rest.len().min(MARKER.0.len() + MARKER.1 - 1);
        unread = rest[rest.len() - kept..].to_vec();
    }
    Ok(())
}

/// Whom a marker names: three bytes of the run, three of the room, four of its place there.
pub(crate) fn message(text: &[u8]) -> Option<Message> {
    let raw = URL_SAFE_NO_PAD.decode(text).ok()?;
    let number = |bytes: &[u8]| bytes.iter().rev().fold(0, |sum, byte| sum << 8 | u64::from(*byte));
    Some((number(&raw[3..6]), number(&raw[6..10])))
}
