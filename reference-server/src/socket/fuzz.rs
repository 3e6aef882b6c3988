//! Seeded random bytes through the codec as connections have it set, and on into the envelope parser: every input ends
//! in frames or in a close code, none in a panic. [`FEW`] inputs in every run, [`MANY`] by hand:
//! `cargo test --release -p reference-server -- --ignored million`.

use std::io::{self, Read, Write};

use rand::{RngExt, SeedableRng, rngs::SmallRng};
use tokio_tungstenite::tungstenite::{Error, Message, protocol::WebSocket};

use super::{End, Role, codec};
use crate::protocol::Inbound;

const FEW: u64 = 20_000;
const MANY: u64 = 1_000_000;
/// Small, so that inputs of its size are common.
const LIMIT: usize = 1_024;

/// Bytes that come in pieces and then end; what is written is swallowed.
struct Line {
    bytes: Vec<u8>,
    at: usize,
    piece: usize,
}

impl Read for Line {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let rest = &self.bytes[self.at..];
        let count = rest.len().min(buffer.len()).min(self.piece);
        buffer[..count].copy_from_slice(&rest[..count]);
        self.at += count;
        Ok(count)
    }
}

impl Write for Line {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A masked frame that may be right: any opcode, any flag, any length that may not be the true one.
fn frame(rng: &mut SmallRng, out: &mut Vec<u8>) {
    let payload: &[u8] = match rng.random_range(0..4) {
        0 => br#"{"type":"message","room":"r","content":{"a":[1,"\u00e4"]},"ref":1,"id":"x"}"#,
        1 => b"{\"type\":\"auth\",\"token\":\"a.b.c\"}",
        2 => &[0xff; 40],
        _ => &[b'x'; 700],
    };
    let opcodes = [0x81, 0x82, 0x01, 0x00, 0x80, 0x88, 0x89, 0x8a];
    out.push(match rng.random_range(0..10) {
        0..6 => 0x81,
        6..9 => opcodes[rng.random_range(0..8)],
        _ => rng.random(),
    });
    match rng.random_range(0..20) {
        0 => out.extend([&[0xff][..], &rng.random::<u64>().to_be_bytes()].concat()),
        1 => out.extend([0xfe, rng.random(), rng.random()]),
        _ if payload.len() < 126 => out.push(0x80 | payload.len() as u8),
        _ => out.extend([&[0xfe][..], &(payload.len() as u16).to_be_bytes()].concat()),
    }
    let mask: [u8; 4] = rng.random();
    out.extend(mask);
    out.extend(payload.iter().zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask));
}

fn input(rng: &mut SmallRng) -> Vec<u8> {
    let mut bytes = Vec::new();
    if rng.random_bool(0.2) {
        return (0..rng.random_range(0..300)).map(|_| rng.random()).collect();
    }
    (0..rng.random_range(1..5)).for_each(|_| frame(rng, &mut bytes));
    for _ in 0..rng.random_range(0..3) {
        let at = rng.random_range(0..bytes.len());
        bytes[at] = rng.random();
    }
    if rng.random_bool(0.2) {
        bytes.truncate(rng.random_range(0..=bytes.len()));
    }
    bytes
}

/// Reads an input to its end; the frames handed up.
fn read(bytes: Vec<u8>, piece: usize) -> usize {
    let line = Line { bytes, at: 0, piece };
    let mut socket = WebSocket::from_raw_socket(line, Role::Server, Some(codec::config(LIMIT)));
    let mut frames = 0;
    loop {
        match socket.read() {
            Ok(Message::Text(text)) => {
                frames += 1;
                assert!(text.len() <= LIMIT);
                if let Ok(inbound) = Inbound::parse(&text) {
                    let _kind = inbound.kind();
                }
            }
            Ok(message) => assert!(message.len() <= LIMIT),
            Err(error) => {
                let ended = codec::fault(&error);
                let told = matches!(ended, End::Gone | End::Fault(1002 | 1007 | 1009, _));
                assert!(told && !matches!(error, Error::WriteBufferFull(_)), "{error}: {ended:?}");
                return frames;
            }
        }
    }
}

fn run(count: u64) {
    let mut frames = 0;
    for seed in 0..count {
        let mut rng = SmallRng::seed_from_u64(seed);
        let bytes = input(&mut rng);
        let (whole, pieces) = (read(bytes.clone(), usize::MAX), read(bytes, rng.random_range(1..7)));
        assert_eq!(whole, pieces, "seed {seed}: what is read does not depend on how it comes");
        frames += whole;
    }
    assert!(frames as u64 > count / 4, "only {frames} frames: the inputs are too broken to go deep");
}

/// Text that was an envelope once.
fn envelopes(count: u64) {
    let mut rng = SmallRng::seed_from_u64(1);
    let seed = br#"{"type":"message","room":"r","content":{"a":[1,"\u00e4"]},"ref":1,"id":"x","t":1.5}"#;
    for _ in 0..count {
        let mut bytes = seed.to_vec();
        for _ in 0..rng.random_range(0..4) {
            let at = rng.random_range(0..bytes.len());
            bytes[at] = rng.random_range(0..=127);
        }
        bytes.truncate(rng.random_range(0..=bytes.len()));
        if let Ok(inbound) = Inbound::parse(std::str::from_utf8(&bytes).expect("ASCII")) {
            let _kind = inbound.kind();
        }
    }
}

#[test]
fn random_bytes_end_in_frames_or_a_code() {
    run(FEW);
    envelopes(FEW);
}

#[test]
#[ignore = "by hand: seconds in a release build"]
fn a_million_random_inputs_end_in_frames_or_a_code() {
    run(MANY);
    envelopes(MANY);
}
