//! A line that breaks: what it was given is not known to be written, and what had come by then is heard.

use std::net::TcpListener;
use std::time::Duration;

use tokio_tungstenite::tungstenite::{self, Message};

use super::{TransportKind, dialed, place, until};
use crate::session::Ended;
use crate::wire::CloseReason;

#[tokio::test]
async fn a_write_that_fails_is_no_sending_and_costs_nothing_of_what_came_before() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("ws://{}", listener.local_addr().unwrap());
    let (go, wait) = std::sync::mpsc::channel();
    let server = std::thread::spawn(move || {
        let mut peer = tungstenite::accept(listener.accept().unwrap().0).unwrap();
        wait.recv().unwrap();
        for words in ["one", "two", "three"] {
            peer.send(Message::text(words)).unwrap();
        }
        socket2::SockRef::from(peer.get_ref()).set_linger(Some(Duration::ZERO)).unwrap();
    });
    let mut session = dialed((TransportKind::WebSocket, "raw"), &url, vec![place("r", None)]).await;
    let (heard, _) = until(&mut session, |_| true).await;
    assert!(!heard.iter().any(|heard| heard.starts_with("copy")), "{heard:?}");
    go.send(()).unwrap();
    // The thread is held up meanwhile, as by others on a machine that is short of cores: what comes in is in the socket
    // before the runtime looks at it again.
    server.join().unwrap();
    session.publish(0, "into the void", 7).unwrap();
    let (heard, ended) = until(&mut session, |_| false).await;
    assert_eq!(ended, Some(Ended::Closed(CloseReason::Reset)));
    assert!(!heard.iter().any(|heard| heard.starts_with("Written")), "{heard:?}");
    assert_eq!(session.unwritten().map(|(token, _)| token).collect::<Vec<_>>(), [7]);
    let copies: Vec<&str> = heard.iter().filter_map(|heard| heard.strip_prefix("copy of ")).collect();
    assert_eq!(copies, ["one", "two", "three"]);
}
