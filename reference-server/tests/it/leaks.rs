//! Nothing stays of those who have gone, however they went: gauges, descriptors, memory.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use tokio::{io::AsyncWriteExt, net::TcpStream};

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

/// Goes one of seven ways.
async fn go(mut client: Client, n: usize) {
    match n % 7 {
        0 => client.leave().await,
        1 => drop(client),
        2 => client.socket.get_ref().set_zero_linger().unwrap(),
        3 => {
            client.send(r#"{"type":"leave"}"#).await;
            client.expect("left").await;
        }
        4 => client.socket.get_mut().write_all(&[0xff; 64]).await.unwrap(),
        5 => {
            client.send(r#"{"type":"auth","token":"bad"}"#).await;
            assert_eq!(client.closed().await.0, 4001);
        }
        _ => client.say(&format!("\"{}\"", "x".repeat(50_000))).await,
    }
}

/// Clients come, talk and go, some of them cut; others never get in.
async fn round(child: &Child) {
    let mut clients = Vec::new();
    for n in 0..CLIENTS {
        clients.push(come(child, n).await);
    }
    for (n, client) in clients.iter_mut().enumerate() {
        client.say(&format!("\"{}\"", "y".repeat(n * 20))).await;
    }
    let mut strangers = Vec::new();
    for n in 0..50 {
        let mut stream = TcpStream::connect(child.address).await.unwrap();
        let request = ["", "GET /ws HT", "GET /nowhere HTTP/1.1\r\nHost: t\r\n\r\n", "\0\0\0"][n % 4];
        stream.write_all(request.as_bytes()).await.unwrap();
        strangers.push(stream);
    }
    let mut cut = BTreeSet::new();
    for how in ["rst", "fin", "blackhole", "close:1012"] {
        let order = json!({"seed": how.len(), "share": 0.05, "how": how});
        let answer: Value = serde_json::from_str(&post(child.admin, "/admin/disconnect", &order).await.body).unwrap();
        cut.extend(answer["cut"].as_array().unwrap().iter().map(|cut| cut["user"].as_str().unwrap().to_owned()));
    }
    assert!(cut.len() > 20);
    post(child.admin, "/admin/faults", &json!({"drop": 0.1, "swap": 0.1, "delay": {"ms": 5, "share": 0.5}})).await;
    for (n, client) in clients.into_iter().enumerate() {
        if !cut.contains(&format!("u{n}")) {
            go(client, n).await;
        }
    }
    post(child.admin, "/admin/faults", &json!({})).await;
}

#[tokio::test]
async fn five_rounds_leave_nothing_behind() {
    let child = Child::start(&["--faults", "--ping-interval-ms", "500", "--ping-timeout-ms", "1000"]);
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
