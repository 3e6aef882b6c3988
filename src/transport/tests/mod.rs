//! The WebSocket transport against real sockets: good servers, and every way to be refused.

mod carrying;
mod refusals;
pub(super) mod secure;
mod tunnel;

use std::future::{Future, poll_fn};
use std::net::SocketAddr;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::net::{TcpListener, TcpStream};
use url::Url;

use super::connect::websocket;
use super::{ConnectError, Connected, Connection, NetworkConfig};
use crate::time::Clock;
use crate::wire::{CloseReason, Frame, Opening, Received};

/// Serves one connection with `serve` on a free port.
pub(super) async fn server<F: Future<Output = ()> + Send + 'static>(
    serve: impl FnOnce(TcpStream) -> F + Send + 'static,
) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        serve(stream).await;
    });
    address
}

/// The request head a peer got.
pub(super) async fn request(stream: &mut (impl AsyncRead + Unpin)) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.unwrap());
    }
    String::from_utf8(head).unwrap()
}

/// Waits for the peer to go, whichever way it does.
pub(super) async fn until_gone(stream: &mut (impl AsyncRead + Unpin)) {
    while matches!(stream.read(&mut [0; 64]).await, Ok(more) if more > 0) {}
}

fn url(address: SocketAddr) -> Url {
    Url::parse(&format!("ws://{address}/ws")).unwrap()
}

async fn connect_with(url: Url, config: NetworkConfig, opening: Opening) -> Result<Connected, ConnectError> {
    websocket(vec![url], config).unwrap().connect(0, &opening, &Clock::real()).await
}

async fn connect(address: SocketAddr) -> Connection {
    connect_with(url(address), NetworkConfig::default(), Opening::default()).await.unwrap().connection
}

pub(super) async fn receive(connection: &mut Connection) -> Result<Received, CloseReason> {
    let next = poll_fn(|cx| connection.poll_receive(cx));
    tokio::time::timeout(Duration::from_secs(10), next).await.unwrap()
}

pub(super) async fn receive_text(connection: &mut Connection) -> String {
    let received = receive(connection).await.unwrap();
    String::from_utf8(received.frame.bytes().to_vec()).unwrap()
}

pub(super) async fn flush(connection: &mut Connection) -> Result<(), CloseReason> {
    poll_fn(|cx| connection.poll_flush(cx)).await
}

async fn send(connection: &mut Connection, text: &str) {
    assert_eq!(connection.start_send(Frame::text(text.to_owned())), Ok(true));
    flush(connection).await.unwrap();
}
