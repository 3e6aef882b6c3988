//! What a careful engineer writes by hand: tokio-tungstenite with 4 KiB buffers on one thread, a task per client that
//! counts the frames it receives, and nothing else.

use std::cell::Cell;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use futures_util::{SinkExt as _, StreamExt as _};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::sync::Notify;
use tokio::task::{LocalSet, spawn_local};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;

use crate::load::{self, BUFFER, Counts, Load, Mark};

/// Connects to `address`, publishes and reads.
pub(crate) fn run(address: &str) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(LocalSet::new().run_until(drive(address.to_owned())));
}

async fn drive(address: String) {
    let load = Load::asked();
    let (counts, start) = (Rc::new(Cell::new(Counts::default())), Rc::new(Notify::new()));
    for client in 0..load.clients {
        let stream = connect(&address, &load, client, Rc::clone(&counts)).await;
        // One member of each room talks.
        let _runs_until_the_end = if client < load.rooms {
            spawn_local(talk(stream, load, client, Rc::clone(&start), Rc::clone(&counts)))
        } else {
            spawn_local(listen(stream, Rc::clone(&counts)))
        };
    }
    let (warm_up, duration) = load::phases();
    tokio::task::yield_now().await;
    start.notify_waiters();
    tokio::time::sleep(warm_up).await;
    load::announce();
    let from = Mark::now(counts.get());
    tokio::time::sleep(duration).await;
    load::report(from, Mark::now(counts.get()));
}

type Socket = WebSocketStream<Counting>;

async fn connect(address: &str, load: &Load, client: usize, counts: Rc<Cell<Counts>>) -> Socket {
    let stream = TcpStream::connect(address).await.expect("the server takes connections");
    stream.set_nodelay(true).expect("a socket takes options");
    let config = WebSocketConfig::default().read_buffer_size(BUFFER).write_buffer_size(BUFFER);
    let url = format!("ws://{address}{}", load.path(client));
    let stream = Counting { stream, counts };
    let opened = tokio_tungstenite::client_async_with_config(url, stream, Some(config)).await;
    let (mut stream, _) = opened.expect("the server upgrades");
    loop {
        match stream.next().await.expect("the server stays").expect("the server keeps to the protocol") {
            Message::Text(text) if text.contains(r#""type":"joined""#) => return stream,
            _ => {}
        }
    }
}

async fn listen(mut stream: Socket, counts: Rc<Cell<Counts>>) {
    while let Some(Ok(message)) = stream.next().await {
        count(&message, &counts);
    }
    panic!("the server closed a connection");
}

async fn talk(mut stream: Socket, load: Load, room: usize, start: Rc<Notify>, counts: Rc<Cell<Counts>>) {
    start.notified().await;
    let mut ticks = tokio::time::interval(load.period() * load.rooms as u32);
    // The rooms take turns.
    ticks.reset_after(load.period() * room as u32);
    let publication = load.publication();
    loop {
        tokio::select! {
            message = stream.next() => count(&message.expect("the server stays").expect("the server is sound"), &counts),
            _ = ticks.tick() => {
                stream.send(Message::text(publication.clone())).await.expect("the server takes publications");
            }
        }
    }
}

fn count(message: &Message, counts: &Cell<Counts>) {
    if let Message::Text(text) = message
        && load::is_delivery(text)
    {
        let seen = counts.get();
        counts.set(Counts { deliveries: seen.deliveries + 1, ..seen });
    }
}

/// Counts what passes.
struct Counting {
    stream: TcpStream,
    counts: Rc<Cell<Counts>>,
}

impl AsyncRead for Counting {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let polled = Pin::new(&mut self.stream).poll_read(cx, buf);
        if polled.is_ready() {
            let seen = self.counts.get();
            self.counts.set(Counts { reads: seen.reads + 1, ..seen });
        }
        polled
    }
}

impl AsyncWrite for Counting {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.stream).poll_write(cx, bytes);
        if polled.is_ready() {
            let seen = self.counts.get();
            self.counts.set(Counts { writes: seen.writes + 1, ..seen });
        }
        polled
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
