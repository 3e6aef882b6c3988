//! One connection through the proxy: where it wants to go, both its lanes, and its end.

use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use futures_util::FutureExt as _;
use socket2::SockRef;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, Interest};
use tokio::net::{TcpSocket, TcpStream};

use super::impairment::Way;
use super::lane::{Lane, Stop};
use super::link::{Cut, FAREWELL, Link};
use super::{Notice, Proxy};
use crate::detour::{Detour, LONGEST, answer};

/// How long a client may take to say where it wants to go.
const PATIENCE: Duration = Duration::from_secs(5);

/// How long a target may take to accept.
const CONNECTING: Duration = Duration::from_secs(10);

/// How often the two ends of a connection that passes nothing are looked at.
const GLANCE: Duration = Duration::from_millis(500);

/// Serves one client to its end.
pub(super) async fn serve(proxy: Rc<Proxy>, mut client: TcpStream) {
    let asked = tokio::time::timeout(PATIENCE, ask(&mut client)).await;
    // Whoever does not know what to say is not one of ours.
    let Some(detour) = asked.ok().and_then(Result::ok).flatten() else { return };
    let connected = tokio::time::timeout(CONNECTING, connect(&detour)).await;
    let connected = connected.unwrap_or_else(|_| Err(rustix::io::Errno::TIMEDOUT.into()));
    let error = connected
        .as_ref()
        .err()
        .map_or(0, |error| error.raw_os_error().unwrap_or(rustix::io::Errno::HOSTUNREACH.raw_os_error()));
    let told = client.write_all(&answer(error)).await;
    let (Ok(target), Ok(())) = (connected, told) else { return };
    let link = proxy.admit(detour.client);
    if let Some(log) = &proxy.log {
        log.opened(&link, detour.to, proxy.clock.now());
    }
    relay(&proxy, &link, client, target).await;
    if let Some(log) = &proxy.log {
        log.closed(link.number, proxy.clock.now());
    }
    proxy.dismiss(&link);
}

/// What the client wants. It waits for the answer, so that nothing of the target's is read here.
async fn ask(client: &mut TcpStream) -> io::Result<Option<Detour>> {
    client.set_nodelay(true)?;
    let mut line = Vec::with_capacity(LONGEST);
    loop {
        match client.read_u8().await? {
            b'\n' => return Ok(std::str::from_utf8(&line).ok().and_then(Detour::parse)),
            _ if line.len() == LONGEST => return Ok(None),
            byte => line.push(byte),
        }
    }
}

async fn connect(detour: &Detour) -> io::Result<TcpStream> {
    let socket = if detour.to.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    socket.set_nodelay(true)?;
    if let Some(from) = detour.from {
        socket.bind(SocketAddr::new(from, 0))?;
    }
    socket.connect(detour.to).await
}

/// Carries bytes both ways until the connection is over or cut.
async fn relay(proxy: &Proxy, link: &Link, client: TcpStream, target: TcpStream) {
    let carried = {
        let [up, down] = Way::BOTH.map(|way| Lane::new(proxy, link, way, &client, &target).carry());
        tokio::select! {
            biased;
            cut = link.cut() => Err(Some(cut)),
            carried = async { tokio::try_join!(up, down) } => match carried {
                Ok(_) => Ok(()),
                Err(Stop::Broken) => Err(None),
                Err(Stop::Burnt) => Err(Some(Cut::Reset)),
            },
        }
    };
    match carried {
        Ok(()) => {}
        Err(None) => reset(client, target),
        Err(Some(cut)) => {
            let at = proxy.clock.now();
            if let Some(log) = &proxy.log {
                log.cut(link.number, cut.name(), at);
            }
            proxy.tell(Notice::Cut { client: link.client, at: at.nanos() });
            match cut {
                Cut::Reset => reset(client, target),
                Cut::Fin => say_farewell(client, target).await,
                Cut::HalfOpen => say_nothing(proxy, client, target).await,
            }
        }
    }
}

fn reset(client: TcpStream, target: TcpStream) {
    for side in [&client, &target] {
        // A socket that is gone cannot be told how to go.
        SockRef::from(side).set_linger(Some(Duration::ZERO)).ok();
    }
}

/// Ends both streams, and waits for the other ends: closing with bytes unread would be a reset.
async fn say_farewell(mut client: TcpStream, mut target: TcpStream) {
    let farewell = async {
        let mut nowhere = tokio::io::sink();
        // Whoever is gone needs no farewell.
        drop(tokio::join!(client.shutdown(), target.shutdown()));
        drop(tokio::io::copy(&mut client, &mut nowhere).await);
        drop(tokio::io::copy(&mut target, &mut nowhere).await);
    };
    drop(tokio::time::timeout(FAREWELL, farewell).await);
}

/// Keeps both sockets, reads nothing, says nothing, until both peers have given up.
async fn say_nothing(proxy: &Proxy, client: TcpStream, target: TcpStream) {
    let closed = |side: &TcpStream| {
        let ready = side.ready(Interest::READABLE).now_or_never();
        ready.is_some_and(|ready| ready.is_ok_and(|ready| ready.is_read_closed()))
    };
    while !(closed(&client) && closed(&target)) {
        proxy.clock.sleep_until(proxy.clock.now() + GLANCE).await;
    }
}
