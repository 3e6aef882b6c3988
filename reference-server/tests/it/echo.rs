//! `/conformance/echo`: everything comes back, within the limits that were asked for. The whole of Autobahn runs against
//! it by hand: `tests/peers/autobahn.sh`.

use futures_util::{SinkExt, StreamExt};
use reference_server::Config;
use tokio_tungstenite::tungstenite::Message;

use crate::support::{Client, Server, server::get, soon};

async fn offering() -> Server {
    let mut config = Config { faults: true, ..Config::default() };
    (config.limits.frames_per_second, config.limits.frames_burst) = (1, 1);
    // A refused message has to be taken in whole, which a busy machine may need long for.
    config.drain.close_grace = std::time::Duration::from_secs(30);
    Server::alone(config).await
}

#[tokio::test]
async fn everything_comes_back_as_fast_as_it_likes() {
    let server = offering().await;
    let mut client = Client::open(&server, "/conformance/echo").await;
    for n in 0..500 {
        let message = match n % 3 {
            0 => Message::text("ä".repeat(n)),
            1 => Message::binary(vec![n as u8; n * 10]),
            _ => Message::text(""),
        };
        client.socket.send(message.clone()).await.unwrap();
        assert_eq!(soon("the echo", client.socket.next()).await.unwrap().unwrap(), message);
    }
    client.leave().await;
    server.empty().await;
}

#[tokio::test]
async fn the_limit_is_what_was_asked_for() {
    let server = offering().await;
    for (query, limit) in [("", 64 * 1024), ("?max_message=1000", 1_000), ("?max_message=1048576", 1024 * 1024)] {
        let mut client = Client::open(&server, &format!("/conformance/echo{query}")).await;
        client.socket.send(Message::binary(vec![0; limit])).await.unwrap();
        assert_eq!(soon("the echo", client.socket.next()).await.unwrap().unwrap().len(), limit);
        client.socket.send(Message::binary(vec![0; limit + 1])).await.unwrap();
        assert_eq!(client.closed().await.0, 1009, "{query}");
    }
    for bad in ["0", "x", "99999999999", "124"] {
        assert_eq!(get(server.address, &format!("/conformance/echo?max_message={bad}"), "").await.status, 400, "{bad}");
    }
    server.empty().await;
}

#[tokio::test]
async fn an_echo_goes_home_when_the_instance_does() {
    let mut config = Config { faults: true, ..Config::default() };
    config.drain.window = std::time::Duration::from_millis(100);
    let server = Server::alone(config).await;
    let mut client = Client::open(&server, "/conformance/echo").await;
    server.shut_down();
    assert_eq!(client.closed().await.0, 1012);
    server.finished().await;
}
