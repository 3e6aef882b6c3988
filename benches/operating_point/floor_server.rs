//! The floor of a server: one thread, epoll, and one write of the same bytes to each member of the room.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use rustix::event::epoll;
use serde_json::json;

use crate::floor_client::JOINED;
use crate::load::{self, BUFFER, Load};

/// Serves as many clients as are asked for, answering every publication by `frame` bytes to each member of its room.
pub(crate) fn run(frame: usize) {
    let load = Load::asked();
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    load::say(&json!(listener.local_addr().expect("a bound listener has an address").to_string()));
    let writes = Arc::new(AtomicU64::new(0));
    let counted = Arc::clone(&writes);
    load::answer_with(move || counted.load(Ordering::Relaxed));
    let mut rooms: Vec<Vec<usize>> = vec![Vec::new(); load.rooms];
    let mut sockets: Vec<(usize, TcpStream)> = Vec::new();
    while sockets.len() < load.clients {
        let (stream, room) = accept(&listener);
        rooms[room].push(sockets.len());
        sockets.push((room, stream));
    }
    let poll = epoll::create(epoll::CreateFlags::CLOEXEC).expect("epoll");
    for (at, (_, socket)) in sockets.iter().enumerate() {
        let flags = epoll::EventFlags::IN | epoll::EventFlags::ET;
        epoll::add(&poll, socket, epoll::EventData::new_u64(at as u64), flags).expect("epoll takes sockets");
    }
    let (message, acknowledgement) = (vec![b'x'; frame], [b'y'; 24]);
    let mut buffer = vec![0; BUFFER];
    let mut events = Vec::with_capacity(1_024);
    loop {
        events.clear();
        let (ready, _) = epoll::wait(&poll, events.spare_capacity_mut(), None).expect("epoll waits");
        for event in ready.iter() {
            let (room, socket) = &mut sockets[event.data.u64() as usize];
            match socket.read(&mut buffer) {
                Ok(0) => return,
                Ok(_) => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => continue,
                // The clients are gone: measuring is over.
                Err(_) => return,
            }
            let room = *room;
            if socket.write_all(&acknowledgement).is_err() {
                return;
            }
            for member in &rooms[room] {
                if sockets[*member].1.write_all(&message).is_err() {
                    return;
                }
            }
            writes.fetch_add(rooms[room].len() as u64 + 1, Ordering::Relaxed);
        }
    }
}

fn accept(listener: &TcpListener) -> (TcpStream, usize) {
    let (mut stream, _) = listener.accept().expect("clients come");
    let mut room = [0; 4];
    stream.read_exact(&mut room).expect("clients name a room");
    let room = String::from_utf8_lossy(&room).trim().parse().expect("rooms are numbers");
    stream.set_nodelay(true).expect("a socket takes options");
    stream.write_all(JOINED).expect("the client reads");
    stream.set_nonblocking(true).expect("a socket can be non-blocking");
    (stream, room)
}
