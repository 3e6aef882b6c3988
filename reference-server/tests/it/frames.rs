//! Bytes that are not what they should be: the right close code, and nobody else disturbed.

use reference_server::Config;
use tokio::io::AsyncWriteExt;

use crate::support::{Client, Server};

/// A masked frame with a zero mask; `first` is its first byte.
fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut bytes = vec![first];
    match payload.len() {
        length @ 0..126 => bytes.push(0x80 | length as u8),
        length => {
            bytes.push(0x80 | 126);
            bytes.extend((length as u16).to_be_bytes());
        }
    }
    bytes.extend([0; 4]);
    bytes.extend(payload);
    bytes
}

#[tokio::test]
async fn broken_frames_close_with_the_right_code() {
    let server = Server::alone(Config::default()).await;
    let mut bystander = Client::in_room(&server, "r", "bystander").await;
    let fragments: Vec<u8> = [frame(0x01, &[b'x'; 60_000]), frame(0x00, &[b'x'; 60_000])].concat();
    let cases: [(&str, Vec<u8>, u16); 8] = [
        ("not masked", vec![0x81, 2, b'{', b'}'], 1002),
        ("reserved bit", frame(0xc1, b"{}"), 1002),
        ("unknown opcode", frame(0x83, b"{}"), 1002),
        ("continuation of nothing", frame(0x80, b"{}"), 1002),
        ("long control frame", frame(0x89, &[0; 200]), 1002),
        ("not UTF-8", frame(0x81, b"\"\xff\""), 1007),
        ("2^62 bytes", [&[0x81, 0xff, 0x40][..], &[0; 7], &[0; 4]].concat(), 1009),
        ("too big in fragments", fragments, 1009),
    ];
    for (what, bytes, code) in cases {
        let mut client = Client::in_room(&server, "r", "vandal").await;
        client.socket.get_mut().write_all(&bytes).await.unwrap();
        assert_eq!(client.closed().await.0, code, "{what}");
    }
    bystander.quiet().await;
    drop(bystander);
    server.empty().await;
}

#[tokio::test]
async fn fragments_are_one_message() {
    let server = Server::alone(Config::default()).await;
    let mut client = Client::in_room(&server, "r", "alice").await;
    let parts = [frame(0x01, br#"{"content":"#), frame(0x89, b"ping between"), frame(0x80, b"1}")].concat();
    client.socket.get_mut().write_all(&parts).await.unwrap();
    assert_eq!(client.next("message").await["content"], 1);
}

#[tokio::test]
async fn seeded_garbage_ends_nothing_but_its_own_connection() {
    use rand::{RngExt, SeedableRng, rngs::SmallRng};
    let server = Server::alone(Config::default()).await;
    let mut bystander = Client::in_room(&server, "r", "bystander").await;
    for seed in 0..200 {
        let mut rng = SmallRng::seed_from_u64(seed);
        let garbage: Vec<u8> = (0..rng.random_range(1..2_000)).map(|_| rng.random()).collect();
        let mut client = Client::in_room(&server, "r", "vandal").await;
        // The server may have closed before everything is written.
        let _closed_early = client.socket.get_mut().write_all(&garbage).await;
    }
    bystander.quiet().await;
    drop(bystander);
    server.empty().await;
}
