//! What a careful engineer writes by hand: tokio-tungstenite on one thread, a task and a queue per connection, one
//! shared frame per message, one flush per message and socket.

use std::cell::RefCell;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};

use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::json;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc::{self, UnboundedReceiver, UnboundedSender};
use tokio::task::{LocalSet, spawn_local};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::handshake::server::{Request, Response};
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{Message, Utf8Bytes};

use crate::load::{self, BUFFER, Load};

/// Serves clients for ever, answering every publication by a message of `frame` bytes to each member of its room.
pub(crate) fn run(frame: usize) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let writes = Arc::new(AtomicU64::new(0));
    let counted = Arc::clone(&writes);
    load::answer_with(move || counted.load(Ordering::Relaxed));
    runtime.block_on(LocalSet::new().run_until(serve(frame, writes)));
}

/// The members of every room.
type Rooms = Rc<RefCell<Vec<Vec<UnboundedSender<Message>>>>>;

async fn serve(frame: usize, writes: Arc<AtomicU64>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    load::say(&json!(listener.local_addr().expect("a bound listener has an address").to_string()));
    let rooms: Rooms = Rc::new(RefCell::new(vec![Vec::new(); Load::asked().rooms]));
    loop {
        let (stream, _) = listener.accept().await.expect("clients come");
        stream.set_nodelay(true).expect("a socket takes options");
        let _runs_until_the_end = spawn_local(connection(stream, frame, Rc::clone(&rooms), Arc::clone(&writes)));
    }
}

async fn connection(stream: TcpStream, frame: usize, rooms: Rooms, writes: Arc<AtomicU64>) {
    let mut room = 0;
    // The size of the error is the library's choice.
    #[allow(clippy::result_large_err)]
    let look = |request: &Request, response: Response| {
        let named = request.uri().path().rsplit('-').next().and_then(|number| number.parse::<usize>().ok());
        room = named.expect("clients name a room") - 1;
        Ok(response)
    };
    let config = WebSocketConfig::default().read_buffer_size(BUFFER).write_buffer_size(BUFFER);
    let stream = Counting { stream, writes };
    let accepted = tokio_tungstenite::accept_hdr_async_with_config(stream, look, Some(config)).await;
    let mut stream = accepted.expect("clients upgrade");
    let (queue, queued) = mpsc::unbounded_channel();
    rooms.borrow_mut()[room].push(queue);
    stream.send(Message::text(r#"{"type":"joined"}"#)).await.expect("the client reads");
    // The clients leave without a word: measuring is over.
    let _gone = converse(stream, queued, frame, &rooms, room).await;
}

async fn converse(
    mut stream: WebSocketStream<Counting>,
    mut queued: UnboundedReceiver<Message>,
    frame: usize,
    rooms: &Rooms,
    room: usize,
) -> Option<()> {
    loop {
        tokio::select! {
            message = stream.next() => {
                let Message::Text(_) = message?.ok()? else { continue };
                stream.send(Message::text(r#"{"type":"ack","ref":1}"#)).await.ok()?;
                let message = Message::Text(wrapped(frame));
                for member in &rooms.borrow()[room] {
                    // A client that has gone hears nothing any more.
                    drop(member.send(message.clone()));
                }
            }
            message = queued.recv() => stream.send(message?).await.ok()?,
        }
    }
}

/// A message of exactly `frame` bytes, as one shared buffer.
fn wrapped(frame: usize) -> Utf8Bytes {
    let empty = json!({"type": "message", "content": ""}).to_string();
    json!({"type": "message", "content": "x".repeat(frame.saturating_sub(empty.len()))}).to_string().into()
}

/// Counts writes.
struct Counting {
    stream: TcpStream,
    writes: Arc<AtomicU64>,
}

impl AsyncRead for Counting {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl AsyncWrite for Counting {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.writes.fetch_add(u64::from(polled.is_ready()), Ordering::Relaxed);
        polled
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
