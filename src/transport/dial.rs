//! Addresses and sockets: from a host and a port to a connected TCP stream.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};

use super::ConnectError;
use super::failure::{failure, io_failure};
use super::resolve::{Cell, Resolver};
use super::source::{Lease, Source, Sources};
use super::stages::Progress;
use crate::detour::{ANSWER, Detour, read_answer};
use crate::observe::Word;

/// How long one address of a name may take when there are others to try.
const PATIENCE: Duration = Duration::from_secs(2);

/// Opens TCP connections for one run.
#[derive(Debug)]
pub(super) struct Dialer {
    resolver: Resolver,
    sources: Sources,
    each: bool,
    detour: Option<SocketAddr>,
}

impl Dialer {
    /// Connects from `sources`; with `each`, every address of a name is a target in turn. With a `detour`, a proxy of
    /// this run connects in our place: names, addresses and failures stay what they are.
    pub(super) fn new(sources: Sources, each: bool, detour: Option<SocketAddr>) -> Self {
        Self { resolver: Resolver::default(), sources, each, detour }
    }

    /// A connection of `client` to `host`: stage dns, if the name has to be asked for, and stage tcp, which the caller ends.
    pub(super) async fn connect(
        &self,
        host: &str,
        port: u16,
        client: u32,
        progress: &mut Progress,
    ) -> Result<(TcpStream, Option<Lease>), ConnectError> {
        let (cell, candidates) = self.candidates(host, port, progress).await?;
        progress.enter(Word::TCP);
        let mut refusal = None;
        for (index, &address) in candidates.iter().enumerate() {
            let attempt = self.connect_to(address, client);
            let connected = if index + 1 < candidates.len() {
                let unanswered = |_| failure(Word::TCP, Word::TIMEOUT, format!("{address}: nobody answered"));
                tokio::time::timeout(PATIENCE, attempt).await.map_err(unanswered).flatten()
            } else {
                attempt.await
            };
            match connected {
                Ok(connected) => {
                    if let Some(addresses) = cell.get().filter(|_| !self.each) {
                        addresses.prefer(address);
                    }
                    return Ok(connected);
                }
                Err(error) => refusal = Some(error),
            }
        }
        Err(refusal.unwrap_or_else(|| failure(Word::DNS, Word::NO_ADDRESS, format!("{host}: no address"))))
    }

    /// The addresses to try for `host`, for who connects by other means.
    pub(super) async fn addresses(
        &self,
        host: &str,
        port: u16,
        progress: &mut Progress,
    ) -> Result<Vec<SocketAddr>, ConnectError> {
        Ok(self.candidates(host, port, progress).await?.1)
    }

    /// The local address for a connection to `target`, for who connects by other means.
    pub(super) fn source(&self, target: IpAddr) -> Source {
        self.sources.next(target)
    }

    async fn candidates(
        &self,
        host: &str,
        port: u16,
        progress: &mut Progress,
    ) -> Result<(Cell, Vec<SocketAddr>), ConnectError> {
        let cell = self.resolver.resolve(host, port, progress).await?;
        let Some(addresses) = cell.get() else {
            return Err(failure(Word::DNS, Word::NO_ADDRESS, format!("{host}: the name has no address")));
        };
        let candidates = if self.each { addresses.in_turn() } else { addresses.preferred_first() };
        Ok((cell, candidates))
    }

    async fn connect_to(&self, address: SocketAddr, client: u32) -> Result<(TcpStream, Option<Lease>), ConnectError> {
        let Source { address: local, lease } = self.sources.next(address.ip());
        let stream = match self.detour {
            None => open(address, local).await?,
            Some(proxy) => {
                let mut stream = open(proxy, local.filter(IpAddr::is_loopback)).await?;
                lead(&mut stream, &Detour { to: address, from: local, client }).await?;
                stream
            }
        };
        Ok((stream, lease))
    }
}

async fn open(address: SocketAddr, local: Option<IpAddr>) -> Result<TcpStream, ConnectError> {
    let what = address.to_string();
    let failed = |error: io::Error| io_failure(Word::TCP, &what, &error);
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }.map_err(failed)?;
    socket.set_nodelay(true).map_err(failed)?;
    if let Some(local) = local {
        socket.bind(SocketAddr::new(local, 0)).map_err(|error| bind_failure(local, &error))?;
    }
    socket.connect(address).await.map_err(failed)
}

/// Lets the proxy at the other end of `stream` connect it on. What it met with is told as if it had been met here.
async fn lead(stream: &mut TcpStream, detour: &Detour) -> Result<(), ConnectError> {
    let lost = |error: io::Error| failure(Word::TCP, Word::PROXY, format!("the fault proxy of this run: {error}"));
    stream.write_all(detour.line().as_bytes()).await.map_err(lost)?;
    let mut answer = [0; ANSWER];
    stream.read_exact(&mut answer).await.map_err(lost)?;
    read_answer(answer).map_err(|error| match (io::Error::from_raw_os_error(error), detour.from) {
        (error, Some(local)) if error.kind() == io::ErrorKind::AddrNotAvailable => bind_failure(local, &error),
        (error, _) => io_failure(Word::TCP, &detour.to.to_string(), &error),
    })
}

fn bind_failure(local: IpAddr, error: &io::Error) -> ConnectError {
    if error.kind() == io::ErrorKind::AddrNotAvailable {
        let detail = format!("source_ips: {local} is not an address of this machine");
        return failure(Word::TCP, Word::IO, detail);
    }
    io_failure(Word::TCP, &format!("binding to {local}"), error)
}
