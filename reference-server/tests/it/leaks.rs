//! Nothing stays of those who have gone, however they went: gauges, descriptors, memory.

use std::time::Duration;

use futures_util::{SinkExt, StreamExt, future::join_all};
use serde_json::{Value, json};
use tokio::{io::AsyncWriteExt, net::TcpStream};
use tokio_tungstenite::tungstenite::{Error, Message};

use crate::support::{
    Child, Client,
    server::{post, token},
    until,
};

/// Clients of a round; each of the ways to go gets its share.
const CLIENTS: usize = 210;
const ROUNDS: usize = 5;

async fn come(child: &Child, n: usize) -> Client {
    let stream = TcpStream::connect(child.address).await.unwrap();
    let path = format!("/ws/rooms/r{}?token={}", n % 10, token(&format!("u{n}")));
    let mut client = Client::over(stream, &path).await;
    client.expect("joined").await;
    client
}

/// Goes one of seven ways. The server may have been faster, for those who were cut or silent for too long.
async fn go(mut client: Client, n: usize) {
    let stream = client.socket.get_mut();
    let _gone_already = match n % 7 {
        0 => client.socket.close(None).await,
        1 => Ok(()),
        2 => stream.set_zero_linger().map_err(Error::Io),
        3 => client.socket.send(Message::text(r#"{"type":"leave"}"#)).await,
        4 => stream.write_all(&[0xff; 64]).await.map_err(Error::Io),
        5 => client.socket.send(Message::text(r#"{"type":"auth","token":"bad"}"#)).await,
        _ => client.socket.send(Message::text("x".repeat(50_000))).await,
    };
    if n.is_multiple_of(7) {
        // To the end of the handshake, or of what a black hole lets through.
        let answers = async { while let Some(Ok(_)) = client.socket.next().await {} };
        let _black_hole = tokio::time::timeout(Duration::from_millis(100), answers).await;
    }
}

/// Clients come, talk and go, some of them cut; others never get in.
async fn round(child: &Child) {
    // All at once: who waited for the others would not answer pings for so long.
    let mut clients = join_all((0..CLIENTS).map(|n| come(child, n))).await;
    for how in ["rst", "fin", "blackhole", "close:1012"] {
        let order = json!({"seed": how.len(), "share": 0.05, "how": how});
        let answer: Value = serde_json::from_str(&post(child.admin, "/admin/disconnect", &order).await.body).unwrap();
        assert!(answer["cut"].as_array().unwrap().len() >= 5, "{answer}");
    }
    for (n, client) in clients.iter_mut().enumerate() {
        let text = format!(r#"{{"content":"{}"}}"#, "y".repeat(n * 20));
        let _cut_already = client.socket.send(Message::text(text)).await;
    }
    let mut strangers = Vec::new();
    for n in 0..50 {
        let mut stream = TcpStream::connect(child.address).await.unwrap();
        let request = ["", "GET /ws HT", "GET /nowhere HTTP/1.1\r\nHost: t\r\n\r\n", "\0\0\0"][n % 4];
        stream.write_all(request.as_bytes()).await.unwrap();
        strangers.push(stream);
    }
    post(child.admin, "/admin/faults", &json!({"drop": 0.1, "swap": 0.1, "delay": {"ms": 5, "share": 0.5}})).await;
    for (n, client) in clients.into_iter().enumerate() {
        go(client, n).await;
    }
    post(child.admin, "/admin/faults", &json!({})).await;
}

#[tokio::test]
async fn five_rounds_leave_nothing_behind() {
    let child = Child::start(&["--faults", "--ping-interval-ms", "500", "--ping-timeout-ms", "4000"]);
    let base = child.descriptors();
    let mut resident = Vec::new();
    for _ in 0..ROUNDS {
        round(&child).await;
        child.empty().await;
        until("descriptors come back", async || child.descriptors() <= base + 1).await;
        resident.push(child.resident());
    }
    let (first, last) = (resident[0], resident[ROUNDS - 1]);
    assert!(last <= first + first / 10 + 8 * 1024, "KiB after each round: {resident:?}");
}
