//! One way of one connection: reading, holding, writing.

use std::collections::VecDeque;
use std::io::ErrorKind;

use bytes::{Bytes, BytesMut};
use socket2::SockRef;
use tokio::net::TcpStream;

use super::Proxy;
use super::impairment::Way;
use super::link::Link;
use super::shaper::{Piece, Shaper};
use crate::time::Timestamp;

/// Bytes held; beyond that nothing is read, and the sender feels it.
const ROOM: usize = 256 * 1024;

/// Why a connection is not to go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stop {
    /// One of its sides has reset it, or is gone.
    Broken,
    /// So many bytes have passed as were to pass.
    Burnt,
}

/// How a stream ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Fin,
    Reset,
}

/// From one socket to another.
pub(super) struct Lane<'a> {
    proxy: &'a Proxy,
    link: &'a Link,
    way: Way,
    from: &'a TcpStream,
    to: &'a TcpStream,
    shaper: Shaper,
    held: VecDeque<Piece>,
    size: usize,
    end: Option<(End, Timestamp)>,
}

impl<'a> Lane<'a> {
    /// The lane of `link` that goes `way`, between the client's socket and the target's.
    pub(super) fn new(
        proxy: &'a Proxy,
        link: &'a Link,
        way: Way,
        client: &'a TcpStream,
        target: &'a TcpStream,
    ) -> Self {
        let (from, to) = match way {
            Way::Up => (client, target),
            Way::Down => (target, client),
        };
        let seed = proxy.seed ^ (link.number << 1 | u64::from(way == Way::Down)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        Self { proxy, link, way, from, to, shaper: Shaper::new(seed), held: VecDeque::new(), size: 0, end: None }
    }

    /// Carries everything over, to the end of the stream.
    pub(super) async fn carry(mut self) -> Result<(), Stop> {
        loop {
            let due = self.due();
            if due.is_some_and(|due| due <= self.proxy.clock.now()) {
                match (self.held.pop_front(), self.end) {
                    (Some(piece), _) => self.write(&piece).await?,
                    (None, Some((End::Reset, _))) => return Err(Stop::Broken),
                    (None, _) => {
                        // Whoever is gone needs not be told that nothing more comes.
                        SockRef::from(self.to).shutdown(std::net::Shutdown::Write).ok();
                        return Ok(());
                    }
                }
                continue;
            }
            let open = self.end.is_none() && self.size < ROOM;
            tokio::select! {
                biased;
                () = self.proxy.timers.at(due.unwrap_or_default()), if due.is_some() => {}
                () = self.link.changed() => {}
                ready = self.from.readable(), if open => match ready {
                    Ok(()) => self.read(),
                    Err(_) => return Err(Stop::Broken),
                },
            }
        }
    }

    /// When the next thing is to be done.
    fn due(&self) -> Option<Timestamp> {
        let due = self.held.front().map(|piece| piece.due).or(self.end.map(|(_, due)| due));
        due.map(|due| due.max(self.link.stalled_until(self.way)))
    }

    fn read(&mut self) {
        let mut buffer = self.proxy.buffer.borrow_mut();
        let taken = self.from.try_read(&mut buffer);
        let now = self.proxy.clock.now();
        let how = self.link.impairment(self.way, now);
        match taken {
            Ok(0) => self.end = Some((End::Fin, self.shaper.end(now, &how))),
            Ok(size) => {
                let bytes = self.corrupted(&buffer[..size], now);
                self.size += size;
                self.held.extend(self.shaper.pieces(bytes, now, &how));
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            Err(_) => self.end = Some((End::Reset, self.shaper.end(now, &how))),
        }
    }

    /// The bytes as they are to go on.
    fn corrupted(&mut self, bytes: &[u8], now: Timestamp) -> Bytes {
        if !self.link.take_corruption(self.way) {
            return Bytes::copy_from_slice(bytes);
        }
        let mut bytes = BytesMut::from(bytes);
        if let (Some(place), Some(log)) = (self.shaper.corrupt(&mut bytes), &self.proxy.log) {
            log.corrupted(self.link.number, self.way, place, now);
        }
        bytes.freeze()
    }

    async fn write(&mut self, piece: &Piece) -> Result<(), Stop> {
        let size = piece.bytes.len();
        let last = if self.way == Way::Down { self.link.burn(size as u64) } else { None };
        let allowed = last.map_or(size, |last| last as usize);
        let mut rest = &piece.bytes[..allowed];
        while !rest.is_empty() {
            match self.to.try_write(rest) {
                Ok(written) => rest = &rest[written..],
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    self.to.writable().await.map_err(|_| Stop::Broken)?;
                }
                Err(_) => return Err(Stop::Broken),
            }
        }
        let written = self.proxy.clock.now();
        self.size -= size;
        if let Some(log) = &self.proxy.log {
            log.passed(self.link.number, self.way, piece, allowed, written);
        }
        if last.is_some() { Err(Stop::Burnt) } else { Ok(()) }
    }
}
