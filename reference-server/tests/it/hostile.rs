//! Clients that mean harm, against an instance whose memory and descriptors are looked at.

use std::time::{Duration, Instant};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::support::{
    Child, Client, Server,
    server::{get, token},
    soon, until,
};

/// The 101 of a path, and the stream behind it.
async fn upgraded(child: &Child, path: &str) -> Client {
    Client::over(TcpStream::connect(child.address).await.unwrap(), path).await
}

async fn joined(child: &Child, room: &str, user: &str) -> Client {
    let mut client = upgraded(child, &format!("/ws/rooms/{room}?token={}", token(user))).await;
    client.expect("joined").await;
    client
}

#[tokio::test]
async fn lengths_are_refused_before_anything_is_allocated() {
    let child = Child::start(&[]);
    let mut bystander = joined(&child, "r", "bystander").await;
    let mut attackers = Vec::new();
    for n in 0..100 {
        attackers.push(joined(&child, "r", &format!("u{n}")).await);
    }
    let before = child.resident();
    for (n, attacker) in attackers.iter_mut().enumerate() {
        // 2^62, and what would just fit into memory; in one frame, or as the second fragment.
        let first: &[u8] = if n % 2 == 0 { &[0x81] } else { &[0x01, 0x81, 0, 0, 0, 0, b'x', 0x80] };
        let length: u64 = if n % 4 < 2 { 1 << 62 } else { 1 << 30 };
        let head = [first, &[0xff], &length.to_be_bytes(), &[0; 4], &[b'x'; 1_000]].concat();
        attacker.socket.get_mut().write_all(&head).await.unwrap();
    }
    for attacker in &mut attackers {
        assert_eq!(attacker.closed().await.0, 1009);
    }
    let grown = child.resident().saturating_sub(before);
    assert!(grown < 2 * 1024, "{grown} KiB for 100 attackers");
    bystander.quiet().await;
    drop((bystander, attackers));
    child.empty().await;
}

#[tokio::test]
async fn fragments_without_end_are_ended() {
    let child = Child::start(&[]);
    let mut bystander = joined(&child, "r", "bystander").await;
    let before = child.resident();
    // Fragments of nothing never reach the limit of a message; fragments of a byte reach it slowly.
    for fragment in [&[0x00, 0x80, 0, 0, 0, 0][..], &[0x00, 0x81, 0, 0, 0, 0, b'x']] {
        let attacker = joined(&child, "r", "attacker").await;
        let (mut reading, mut writing) = tokio::io::split(attacker.socket.into_inner());
        let flood = fragment.repeat(10_000);
        let writer = tokio::spawn(async move {
            writing.write_all(&[0x01, 0x80, 0, 0, 0, 0]).await?;
            loop {
                writing.write_all(&flood).await?;
            }
            #[allow(unreachable_code)]
            std::io::Result::Ok(())
        });
        let mut said = Vec::new();
        let _reset = soon("the end", reading.read_to_end(&mut said)).await;
        let close = said.windows(4).any(|w| w[0] == 0x88 && w[2..4] == 1009_u16.to_be_bytes());
        assert!(close, "a close frame with 1009 in {said:02x?}");
        writer.abort();
        bystander.quiet().await;
    }
    let grown = child.resident().saturating_sub(before);
    assert!(grown < 4 * 1024, "{grown} KiB");
    drop(bystander);
    child.empty().await;
}

#[tokio::test]
async fn pings_are_frames_like_others() {
    let mut config = reference_server::Config::default();
    (config.limits.frames_per_second, config.limits.frames_burst) = (1, 20);
    let server = Server::alone(config).await;
    let mut client = Client::in_room(&server, "r", "alice").await;
    client.socket.get_mut().write_all(&[0x89, 0x80, 0, 0, 0, 0].repeat(200)).await.unwrap();
    assert_eq!(client.closed().await.0, 4102);
    server.empty().await;
}

#[tokio::test]
async fn heads_are_limited_in_size_and_time() {
    let mut config = reference_server::Config::default();
    config.limits.header_timeout = Duration::from_millis(300);
    let server = Server::alone(config).await;
    let long = format!("X-Long: {}\r\n", "x".repeat(20 * 1024));
    assert_eq!(get(server.address, "/ws", &long).await.status, 431);
    assert_eq!(get(server.address, "/ws", &"X: y\r\n".repeat(100)).await.status, 431);
    let mut slow = TcpStream::connect(server.address).await.unwrap();
    let begin = Instant::now();
    slow.write_all(b"GET /ws HTTP/1.1\r\nHost: t").await.unwrap();
    let mut answer = String::new();
    soon("an end", slow.read_to_string(&mut answer)).await.unwrap();
    assert!(begin.elapsed() >= Duration::from_millis(250), "{:?}", begin.elapsed());
}

#[tokio::test]
async fn a_thousand_that_dawdle_do_not_keep_a_good_one_out() {
    among_dawdlers().await;
}

/// The longest that one of three good clients needs to get in while a thousand dawdle.
pub(crate) async fn among_dawdlers() -> Duration {
    let child = Child::start(&[]);
    let mut dawdlers = Vec::new();
    for n in 0..1_000_usize {
        let mut stream = TcpStream::connect(child.address).await.unwrap();
        let head = b"GET /ws/rooms/r HTTP/1.1\r\nHost: test\r\nUpgrade: websocket\r\n";
        stream.write_all(&head[..n % head.len()]).await.unwrap();
        dawdlers.push(stream);
    }
    let drip = tokio::spawn(async move {
        loop {
            for stream in &mut dawdlers {
                let _cut_off = stream.write_all(b"x").await;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    });
    let mut longest = Duration::ZERO;
    for user in ["alice", "bob", "carol"] {
        let begin = Instant::now();
        let mut client = joined(&child, "r", user).await;
        longest = longest.max(begin.elapsed());
        client.quiet().await;
    }
    drip.abort();
    child.empty().await;
    longest
}

#[tokio::test]
async fn without_descriptors_there_is_a_refusal_and_no_hang() {
    let child = Child::with_descriptors(200, &[]);
    let base = child.descriptors();
    let mut idle = Vec::new();
    let mut refused = 0;
    for _ in 0..300 {
        let mut stream = TcpStream::connect(child.address).await.unwrap();
        // Either it is taken and nothing comes yet, or it is refused at once.
        let mut answer = [0; 12];
        match tokio::time::timeout(
            Duration::from_millis(if idle.len() > 100 { 200 } else { 1 }),
            stream.read(&mut answer),
        )
        .await
        {
            Ok(Ok(12)) => {
                assert_eq!(&answer, b"HTTP/1.1 503");
                refused += 1;
                if refused == 20 {
                    break;
                }
            }
            Ok(other) => panic!("{other:?}"),
            Err(_) => idle.push(stream),
        }
    }
    assert_eq!(refused, 20, "with {} connections", idle.len());
    assert_eq!(child.admin("/livez").await.status, 200, "there is room for an admin");
    assert!(child.metric("refused_total").await >= 20.0);
    drop(idle);
    until("descriptors come back", async || child.descriptors() <= base + 1).await;
    joined(&child, "r", "alice").await.leave().await;
    child.empty().await;
}

#[tokio::test]
async fn rooms_per_connection_are_limited() {
    let mut config = reference_server::Config::default();
    config.limits.rooms_per_connection = 3;
    let server = Server::alone(config).await;
    let mut client = Client::multi(&server, "alice").await;
    for room in ["a", "b", "c"] {
        client.join(room).await;
    }
    client.send(r#"{"type":"join","room":"d","ref":4}"#).await;
    let error = client.next("error").await;
    assert_eq!((&error["code"], &error["ref"], &error["retryable"]), (&"limit".into(), &4.into(), &false.into()));
    client.send(r#"{"type":"leave","room":"a"}"#).await;
    client.expect("left").await;
    client.join("d").await;
    client.leave().await;
    server.empty().await;
}

#[tokio::test]
async fn a_browser_of_another_origin_gets_no_socket() {
    let config = reference_server::Config { allow_origin: vec!["https://app.example".into()], ..Default::default() };
    let server = Server::alone(config).await;
    let upgrade = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
                   Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
    for (origin, status) in [("https://evil.example", 403), ("null", 403), ("http://localhost", 403)] {
        let headers = format!("{upgrade}Origin: {origin}\r\n");
        assert_eq!(
            get(server.address, &format!("/ws?token={}", token("a")), &headers).await.status,
            status,
            "{origin}"
        );
    }
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    let request = format!("GET /ws HTTP/1.1\r\nHost: t\r\n{upgrade}Origin: https://app.example\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = [0; 12];
    soon("an answer", stream.read_exact(&mut answer)).await.unwrap();
    assert_eq!(&answer, b"HTTP/1.1 101");
}
