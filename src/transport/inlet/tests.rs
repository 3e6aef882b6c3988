//! Inlet and codec together, held against the codec alone.

use super::*;
use crate::transport::codec::Fed;
use proptest::prelude::{Just, Strategy, any, prop_assert_eq, prop_oneof, proptest};
use std::collections::VecDeque;
use std::task::Waker;
use tokio_tungstenite::tungstenite::protocol::{Message, Role, WebSocketConfig, WebSocketContext};

/// A line that brings these chunks, one a read, then nothing for now, or its end.
struct Chunks(VecDeque<Vec<u8>>);

impl AsyncRead for Chunks {
    fn poll_read(mut self: Pin<&mut Self>, _: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if let Some(chunk) = self.0.pop_front() {
            buf.put_slice(&chunk);
        }
        Poll::Ready(Ok(()))
    }
}

const LIMIT: usize = 5_000;

fn codec() -> WebSocketContext {
    let config = WebSocketConfig::default().max_message_size(Some(LIMIT)).max_frame_size(Some(LIMIT));
    WebSocketContext::new(Role::Client, Some(config.read_buffer_size(64)))
}

/// What the codec alone makes of everything, up to the first error.
fn by_codec(bytes: &[u8]) -> Vec<String> {
    let (mut codec, mut fed, mut said) = (codec(), Fed(bytes), Vec::new());
    loop {
        match codec.read(&mut fed) {
            Ok(message) => said.push(message.to_string() + kind(&message)),
            Err(tokio_tungstenite::tungstenite::Error::Io(_)) => return said,
            Err(error) => {
                said.push(error.to_string());
                return said;
            }
        }
    }
}

/// What inlet and codec make of it together, and whether the inlet handed out messages itself.
fn by_inlet(chunks: Vec<Vec<u8>>) -> (Vec<String>, usize) {
    let (mut inlet, mut codec, mut said, mut own) = (Inlet::new(Vec::new(), LIMIT), codec(), Vec::new(), 0);
    let (mut line, mut cx) = (Chunks(chunks.into()), Context::from_waker(Waker::noop()));
    while let Poll::Ready(Ok(Some(piece))) = inlet.poll_next(&mut line, &mut cx) {
        match piece {
            Piece::Message(frame) => {
                own += 1;
                let message = match frame {
                    Frame::Text(text) => Message::Text(text),
                    Frame::Binary(bytes) => Message::Binary(bytes),
                    Frame::Beside(_) | Frame::Call(_) | Frame::Answer(_) => unreachable!("a socket carries none"),
                };
                said.push(message.to_string() + kind(&message));
            }
            Piece::ForCodec(bytes) => {
                let mut fed = Fed(&bytes);
                match codec.read(&mut fed) {
                    Ok(message) => said.push(message.to_string() + kind(&message)),
                    Err(tokio_tungstenite::tungstenite::Error::Io(_)) => {}
                    Err(error) => {
                        said.push(error.to_string());
                        return (said, own);
                    }
                }
                assert!(fed.0.is_empty(), "the codec takes exactly what it is given");
            }
        }
    }
    (said, own)
}

fn kind(message: &Message) -> &'static str {
    match message {
        Message::Text(_) => " text",
        Message::Binary(_) => " binary",
        Message::Ping(_) => " ping",
        Message::Pong(_) => " pong",
        _ => " other",
    }
}

fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = vec![first];
    match payload.len() {
        short @ 0..126 => frame.push(short as u8),
        long => {
            frame.push(126);
            frame.extend_from_slice(&(long as u16).to_be_bytes());
        }
    }
    frame.extend_from_slice(payload);
    frame
}

/// Frames as peers send them, and now and then one that is wrong.
fn frames() -> impl Strategy<Value = Vec<u8>> {
    let text = prop_oneof!["[a-zé]{0,300}", "[a-z]{0,3}"].prop_map(|text| frame(0x81, text.as_bytes()));
    let binary = proptest::collection::vec(any::<u8>(), 0..300).prop_map(|bytes| frame(0x82, &bytes));
    let control = (prop_oneof![Just(0x89), Just(0x8a)], "[a-z]{0,20}").prop_map(|(op, t)| frame(op, t.as_bytes()));
    let fragments = ("[a-z]{0,99}", "[a-z]{0,9}", "[a-z]{0,99}").prop_map(|(start, ping, rest)| {
        [frame(0x01, start.as_bytes()), frame(0x89, ping.as_bytes()), frame(0x80, rest.as_bytes())].concat()
    });
    let large = (LIMIT - 2..LIMIT + 2).prop_map(|size| frame(0x81, &vec![b'x'; size]));
    let wrong = (any::<u8>(), proptest::collection::vec(any::<u8>(), 0..20)).prop_map(|(op, b)| frame(op, &b));
    prop_oneof![8 => text, 4 => binary, 3 => control, 3 => fragments, 1 => large, 1 => wrong]
}

proptest! {
    #[test]
    fn it_reads_what_the_codec_alone_would(
        frames in proptest::collection::vec(frames(), 0..20),
        cuts in proptest::collection::vec(0usize..9_000, 0..12),
    ) {
        let bytes = frames.concat();
        let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut % (bytes.len() + 1)).collect();
        cuts.extend([0, bytes.len()]);
        cuts.extend((0..bytes.len()).step_by(TAKEN - 100));
        cuts.sort_unstable();
        cuts.dedup();
        let chunks = cuts.windows(2).map(|cut| bytes[cut[0]..cut[1]].to_vec()).collect();
        prop_assert_eq!(by_inlet(chunks).0, by_codec(&bytes));
    }
}

#[test]
fn whole_messages_do_not_go_through_the_codec() {
    let bytes = [frame(0x81, b"one"), frame(0x82, b"two"), frame(0x81, &[b'x'; 400])].concat();
    assert_eq!(by_inlet(vec![bytes.clone()]).1, 3);
    assert_eq!(by_inlet(vec![bytes[..1].to_vec(), bytes[1..].to_vec()]).1, 3, "a head may come in two reads");
    assert_eq!(by_inlet(vec![bytes[..20].to_vec(), bytes[20..].to_vec()]).1, 2);
}
