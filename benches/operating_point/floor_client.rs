//! The floor of a client: one thread, epoll, one read of the bytes that are there. It speaks no protocol: it writes
//! frames made beforehand and looks at nothing it reads.

use std::io::{ErrorKind, Read, Write as _};
use std::mem::MaybeUninit;
use std::net::TcpStream;
use std::time::Duration;

use rustix::event::epoll;
use rustix::time::{Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec};
use wsbench::time::Clock;

use crate::load::{self, BUFFER, Counts, Load, Mark};

/// What the timer is called among the sockets.
const TIMER: u64 = u64::MAX;

/// Connects to `address`, by an upgrade if `upgrades`, then publishes and reads.
pub(crate) fn run(address: &str, upgrades: bool) {
    let load = Load::asked();
    let mut sockets: Vec<TcpStream> = (0..load.clients).map(|n| connect(address, &load, n, upgrades)).collect();
    let poll = epoll::create(epoll::CreateFlags::CLOEXEC).expect("epoll");
    for (at, socket) in sockets.iter().enumerate() {
        socket.set_nonblocking(true).expect("a socket can be non-blocking");
        let flags = epoll::EventFlags::IN | epoll::EventFlags::ET;
        epoll::add(&poll, socket, epoll::EventData::new_u64(at as u64), flags).expect("epoll takes sockets");
    }
    let timer = ticking(load.period());
    epoll::add(&poll, &timer, epoll::EventData::new_u64(TIMER), epoll::EventFlags::IN).expect("epoll takes timers");
    let frame = if upgrades { masked(&load.publication()) } else { load.publication().into_bytes() };
    let (warm_up, duration) = load::phases();
    let clock = Clock::real();
    let (begin, mut from) = (clock.now() + warm_up, None);
    let (mut counts, mut published) = (Counts::default(), 0);
    let mut buffer = vec![0; BUFFER];
    let mut events = Vec::with_capacity(1_024);
    loop {
        events.clear();
        let room: &mut [MaybeUninit<epoll::Event>] = events.spare_capacity_mut();
        let (ready, _) = epoll::wait(&poll, room, None).expect("epoll waits");
        for event in ready.iter() {
            match event.data.u64() {
                TIMER => {
                    let mut times = [0; 8];
                    rustix::io::read(&timer, &mut times).expect("a timer that rang can be read");
                    for _ in 0..u64::from_ne_bytes(times) {
                        // The n-th publication goes to the n-th room by the next of its members.
                        let talker = published % load.clients;
                        sockets[talker].write_all(&frame).expect("the server takes publications");
                        published += 1;
                        counts.writes += 1;
                        counts.deliveries += load.members() as u64;
                    }
                }
                at => drain(&mut sockets[at as usize], &mut buffer, &mut counts),
            }
        }
        let now = clock.now();
        match from {
            None if now >= begin => {
                load::announce();
                from = Some(Mark::now(counts));
            }
            Some(from) if now >= begin + duration => return load::report(from, Mark::now(counts)),
            _ => {}
        }
    }
}

/// Reads what is there; a read that does not fill the buffer was the last.
fn drain(socket: &mut TcpStream, buffer: &mut [u8], counts: &mut Counts) {
    loop {
        match socket.read(buffer) {
            Ok(0) => panic!("the server closed a connection"),
            Ok(read) => {
                counts.reads += 1;
                if read < buffer.len() {
                    return;
                }
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => return,
            Err(error) => panic!("reading: {error}"),
        }
    }
}

/// A timer that rings for every publication.
fn ticking(period: Duration) -> rustix::fd::OwnedFd {
    let flags = TimerfdFlags::NONBLOCK | TimerfdFlags::CLOEXEC;
    let timer = rustix::time::timerfd_create(TimerfdClockId::Monotonic, flags).expect("a timer");
    let period = Timespec { tv_sec: period.as_secs() as _, tv_nsec: period.subsec_nanos() as _ };
    let setting = Itimerspec { it_interval: period, it_value: period };
    rustix::time::timerfd_settime(&timer, TimerfdTimerFlags::empty(), &setting).expect("the timer can be set");
    timer
}

/// Connects and joins.
fn connect(address: &str, load: &Load, client: usize, upgrades: bool) -> TcpStream {
    let mut stream = TcpStream::connect(address).expect("the server takes connections");
    stream.set_nodelay(true).expect("a socket takes options");
    let opening = if upgrades {
        let path = load.path(client);
        format!(
            "GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        )
    } else {
        format!("{:>4}", load.room_of(client))
    };
    stream.write_all(opening.as_bytes()).expect("the server reads");
    let (mut heard, mut buffer) = (Vec::new(), [0; BUFFER]);
    while !heard.windows(JOINED.len()).any(|window| window == JOINED) {
        let read = stream.read(&mut buffer).expect("the server answers");
        assert!(read > 0, "the server refused: {}", String::from_utf8_lossy(&heard));
        heard.extend_from_slice(&buffer[..read]);
    }
    stream
}

/// What tells that a client is in its room.
pub(crate) const JOINED: &[u8] = br#""type":"joined""#;

/// `text` as a client's frame, masked with zeros.
fn masked(text: &str) -> Vec<u8> {
    let mut frame = vec![0x81];
    match text.len() {
        few @ ..126 => frame.push(0x80 | few as u8),
        many => {
            frame.push(0x80 | 126);
            frame.extend_from_slice(&(many as u16).to_be_bytes());
        }
    }
    frame.extend_from_slice(&[0; 4]);
    frame.extend_from_slice(text.as_bytes());
    frame
}
