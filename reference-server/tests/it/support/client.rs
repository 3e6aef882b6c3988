//! A WebSocket client that waits for what has to come and fails loudly when it does not.

use std::net::SocketAddr;

use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};
use serde_json::Value;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
};
use tokio_tungstenite::{
    WebSocketStream, client_async,
    tungstenite::{Error, Message, protocol::CloseFrame},
};

use super::{Server, server::token, soon};

/// See the module.
pub(crate) struct Client<S = TcpStream> {
    pub(crate) socket: WebSocketStream<S>,
    pub(crate) instance: String,
    /// Whether it wants to know who comes and goes; such frames are passed over otherwise.
    pub(crate) announcements: bool,
}

impl Client {
    /// Opens `path` (with its query).
    pub(crate) async fn open(server: &Server, path: &str) -> Self {
        let stream = TcpStream::connect(server.address).await.unwrap();
        Self::over(stream, path).await
    }

    /// A user in a room, past `joined`.
    pub(crate) async fn in_room(server: &Server, room: &str, user: &str) -> Self {
        Self::in_room_at(server.address, room, user).await
    }

    pub(crate) async fn in_room_at(address: SocketAddr, room: &str, user: &str) -> Self {
        let stream = TcpStream::connect(address).await.unwrap();
        let mut client = Self::over(stream, &format!("/ws/rooms/{room}?token={}", token(user))).await;
        client.expect("joined").await;
        client
    }

    /// A user in no room, past `welcome`.
    pub(crate) async fn multi(server: &Server, user: &str) -> Self {
        let mut client = Self::open(server, &format!("/ws?token={}", token(user))).await;
        client.expect("welcome").await;
        client
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Client<S> {
    pub(crate) async fn over(stream: S, path: &str) -> Self {
        Self::try_over(stream, path).await.unwrap()
    }

    /// The same with a server that may be going away.
    pub(crate) async fn try_over(stream: S, path: &str) -> Result<Self, Error> {
        let handshake = client_async(format!("ws://test{path}"), stream);
        let (socket, answer) = soon("the upgrade", handshake).await?;
        let instance = answer.headers()["x-wsbench-instance"].to_str().unwrap().to_owned();
        Ok(Self { socket, instance, announcements: false })
    }

    /// The next text frame; `None` when the connection has ended, however.
    pub(crate) async fn try_frame(&mut self) -> Option<Value> {
        soon("a frame", async {
            loop {
                match self.socket.next().await? {
                    Ok(Message::Text(text)) => return Some(serde_json::from_str(&text).unwrap()),
                    Ok(_) => {}
                    Err(_) => return None,
                }
            }
        })
        .await
    }

    pub(crate) async fn send(&mut self, frame: &str) {
        self.socket.send(Message::text(frame)).await.unwrap();
    }

    /// Writes without waiting for the network.
    pub(crate) async fn feed(&mut self, frame: &str) {
        self.socket.feed(Message::text(frame)).await.unwrap();
    }

    pub(crate) async fn send_binary(&mut self, bytes: &'static [u8]) {
        self.socket.send(Message::Binary(Bytes::from_static(bytes))).await.unwrap();
    }

    /// The next text frame as it is.
    pub(crate) async fn text(&mut self) -> String {
        // Pings go on coming whatever does not.
        soon("a frame", async {
            loop {
                match self.socket.next().await {
                    Some(Ok(Message::Text(text))) if !self.announcements && text.starts_with(r#"{"type":"user."#) => {}
                    Some(Ok(Message::Text(text))) => return text.as_str().to_owned(),
                    Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                    other => panic!("instead of a text frame: {other:?}"),
                }
            }
        })
        .await
    }

    /// The next text frame.
    pub(crate) async fn frame(&mut self) -> Value {
        let text = self.text().await;
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error} in {text}"))
    }

    /// The next frame of this type; skips others.
    pub(crate) async fn expect(&mut self, kind: &str) -> Value {
        loop {
            let frame = self.frame().await;
            if frame["type"] == kind {
                return frame;
            }
        }
    }

    /// The next frame, which has to be of this type.
    pub(crate) async fn next(&mut self, kind: &str) -> Value {
        let frame = self.frame().await;
        assert_eq!(frame["type"], kind, "{frame}");
        frame
    }

    /// Joins a room and returns the answer.
    pub(crate) async fn join(&mut self, room: &str) -> Value {
        self.send(&format!(r#"{{"type":"join","room":"{room}"}}"#)).await;
        self.expect("joined").await
    }

    /// Says something in the room of the path.
    pub(crate) async fn say(&mut self, content: &str) {
        self.send(&format!(r#"{{"type":"message","content":{content}}}"#)).await;
    }

    /// Proves that nothing is on its way: the next frame is the answer to a ping.
    pub(crate) async fn quiet(&mut self) {
        self.send(r#"{"type":"ping","ref":"quiet"}"#).await;
        self.next("pong").await;
    }

    /// Reads `count` frames of this type, in between others.
    pub(crate) async fn quiet_after(&mut self, count: usize, kind: &str) {
        self.send(r#"{"type":"ping"}"#).await;
        let mut seen = 0;
        while seen < count {
            seen += usize::from(self.frame().await["type"] == kind);
        }
    }

    /// Reads to the close: its code and reason.
    pub(crate) async fn closed(&mut self) -> (u16, String) {
        soon("a close", async {
            loop {
                match self.socket.next().await {
                    Some(Ok(Message::Close(Some(CloseFrame { code, reason })))) => {
                        return (code.into(), reason.as_str().to_owned());
                    }
                    Some(Ok(_)) => {}
                    other => panic!("instead of a close: {other:?}"),
                }
            }
        })
        .await
    }

    /// Says goodbye and waits for the end.
    pub(crate) async fn leave(mut self) {
        self.socket.close(None).await.unwrap();
        while let Some(Ok(_)) = soon("the end", self.socket.next()).await {}
    }
}
