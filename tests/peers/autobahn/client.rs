//! The client under test of `wstest -m fuzzingserver`: wsbench's WebSocket transport, nothing above it. Asks how many cases
//! there are, echoes every message of each, and has the report written. Started by `tests/peers/autobahn.sh`:
//!
//! ```text
//! cargo run --example autobahn_client -- ws://127.0.0.1:9001 wsbench
//! ```

use std::error::Error;
use std::future::poll_fn;
use std::task::{Context, Poll};

use url::Url;
use wsbench::observe::TransportKind;
use wsbench::time::Clock;
use wsbench::transport::{self, Connection, NetworkConfig};
use wsbench::wire::{CloseReason, Opening};

/// The suite's largest messages are 16 MiB; what waits has to hold one of them and its head.
const QUEUED: usize = 32 << 20;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let [_, server, agent] = <[String; 3]>::try_from(std::env::args().collect::<Vec<_>>())
        .map_err(|_| "usage: autobahn_client URL AGENT")?;
    let cases = count(open(&format!("{server}/getCaseCount")).await?).await?;
    for case in 1..=cases {
        let mut connection = open(&format!("{server}/runCase?case={case}&agent={agent}")).await?;
        // How it ends is the case's own matter, and the suite's to judge.
        let _ended = poll_fn(|cx| echo(&mut connection, cx)).await;
    }
    let mut connection = open(&format!("{server}/updateReports?agent={agent}")).await?;
    match poll_fn(|cx| echo(&mut connection, cx)).await {
        CloseReason::Code(..) => Ok(()),
        ended => Err(format!("the report was not written: {ended:?}").into()),
    }
}

async fn open(url: &str) -> Result<Connection, Box<dyn Error>> {
    let config = NetworkConfig { max_queued: QUEUED, ..NetworkConfig::default() };
    let transport = transport::of(TransportKind::WebSocket, vec![Url::parse(url)?], config)?;
    Ok(transport.connect(0, &Opening::default(), &Clock::real()).await?.connection)
}

/// The number the suite says, once it has closed the connection as well.
async fn count(mut connection: Connection) -> Result<u32, Box<dyn Error>> {
    let said = poll_fn(|cx| connection.poll_receive(cx)).await.map_err(|ended| format!("no count: {ended:?}"))?;
    let count = std::str::from_utf8(said.frame.bytes())?.parse()?;
    while poll_fn(|cx| connection.poll_receive(cx)).await.is_ok() {}
    Ok(count)
}

/// Sends back what comes until the connection ends; why it did. Nothing is read that could not be sent back at once.
fn echo(connection: &mut Connection, cx: &mut Context<'_>) -> Poll<CloseReason> {
    loop {
        match connection.poll_flush(cx) {
            Poll::Ready(Ok(())) => {}
            Poll::Ready(Err(ended)) => return Poll::Ready(ended),
            Poll::Pending => return Poll::Pending,
        }
        let frame = match connection.poll_receive(cx) {
            Poll::Ready(Ok(received)) => received.frame,
            Poll::Ready(Err(ended)) => return Poll::Ready(ended),
            Poll::Pending => return Poll::Pending,
        };
        if let Err(ended) = connection.start_send(frame) {
            return Poll::Ready(ended);
        }
    }
}
