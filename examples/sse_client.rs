//! A room as a stream of server-sent events, as a page's `useSSE` has it: the last event, and a reconnection that is built in
//! - after what the server's `retry:` says, with `Last-Event-ID`, so that nothing said meanwhile is missed.
//!
//! ```text
//! wsbench serve --jwt-secret s &
//! cargo run --example sse_client -- http://127.0.0.1:PORT lobby "$(wsbench token --jwt-secret s --sub ada)"
//! ```
//! Prints `open`, `event …` (`replayed …` for what was missed) and `lost …`.

use std::error::Error;
use std::future::poll_fn;
use std::sync::Arc;
use std::time::Duration;

use wsbench::dialect::{self, AuthStyle, Identity, Parameters};
use wsbench::observe::{ClientId, TransportKind};
use wsbench::session::{Dialer, Happening, Hint, Pass, Place};
use wsbench::time::Clock;
use wsbench::transport::{self, NetworkConfig};

/// What is waited before the stream is opened again, unless the server said otherwise.
const RETRY: Duration = Duration::from_secs(3);

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let [_, url, room, token] = <[String; 4]>::try_from(std::env::args().collect::<Vec<_>>())
        .map_err(|_| "usage: sse_client URL ROOM TOKEN")?;
    let identity =
        Arc::new(Identity { client: ClientId(0), user: String::new(), token: Some(token), auth: AuthStyle::Header });
    let dialer = Dialer {
        transports: vec![transport::of(TransportKind::Sse, vec![url.parse()?], NetworkConfig::default())?],
        dialect: dialect::find("room", &Parameters::new())?,
        clock: Clock::real(),
        machine: None,
        instances: Vec::new(),
        instance_rules: Arc::default(),
        join_timeout: Duration::from_secs(10),
        login: None,
        exchanges: None,
    };
    // Where the stream is, which is what a browser keeps as the id of the last event.
    let (mut position, mut retry) = (None, RETRY);
    loop {
        let rooms = vec![Place::new(room.as_str().into(), position.clone())];
        match dialer.dial(TransportKind::Sse, 0, &identity, rooms, &mut Pass::default()).await {
            Ok((mut session, _)) => {
                let mut tell = |happening: Happening<'_>| match happening {
                    Happening::Ready => println!("open"),
                    Happening::Delivery(event, _) => {
                        let kind = if event.replayed { "replayed" } else { "event" };
                        println!("{kind} {}", String::from_utf8_lossy(event.body));
                    }
                    _ => {}
                };
                let ended = poll_fn(|cx| session.poll(cx, usize::MAX, &mut tell)).await;
                println!("lost {ended}");
                session.catch_position();
                position = session.places().first().and_then(|place| place.position.clone());
                retry = match session.hint() {
                    Some(Hint::Base(retry)) => retry,
                    _ => retry,
                };
            }
            Err(error) => println!("lost {error}"),
        }
        dialer.clock.sleep_until(dialer.clock.now() + retry).await;
    }
}
