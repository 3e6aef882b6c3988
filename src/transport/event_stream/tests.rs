//! The cases of the standard, any way they are cut into chunks; bounds; noise.

use bytes::Bytes;
use proptest::prelude::{any, prop_assert_eq, proptest};
use rand::{Rng, RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde::Deserialize;

use super::{Decoder, TooLarge};

/// What a client must make of a stream.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::transport) struct Case {
    pub(in crate::transport) name: String,
    stream: Vec<String>,
    pub(in crate::transport) events: Vec<Told>,
    pub(in crate::transport) retry: Option<u64>,
    last_event_id: Option<String>,
}

/// An event's type, data and last event ID.
pub(in crate::transport) type Told = (String, String, String);

impl Case {
    /// All of them.
    pub(in crate::transport) fn all() -> Vec<Self> {
        #[derive(Deserialize)]
        struct File {
            case: Vec<Case>,
        }
        let text = include_str!("../../../tests/data/event-stream/cases.toml");
        toml::from_str::<File>(text).unwrap().case
    }

    /// The chunks that arrive.
    pub(in crate::transport) fn chunks(&self) -> Vec<Bytes> {
        self.stream.iter().map(|chunk| unescaped(chunk)).collect()
    }

    /// What a reconnect sends.
    pub(in crate::transport) fn last_event_id(&self) -> &str {
        let of_last = || self.events.last().map_or("", |(_, _, id)| id.as_str());
        self.last_event_id.as_deref().unwrap_or_else(of_last)
    }
}

/// Text with \\n \\r \\t \\0 \\\\ and \\xNN for bytes.
pub(in crate::transport) fn unescaped(text: &str) -> Bytes {
    let mut bytes = Vec::new();
    let mut rest = text.chars();
    while let Some(c) = rest.next() {
        let escaped = if c == '\\' { rest.next() } else { None };
        match escaped {
            None => bytes.extend(c.to_string().as_bytes()),
            Some('n') => bytes.push(b'\n'),
            Some('r') => bytes.push(b'\r'),
            Some('t') => bytes.push(b'\t'),
            Some('0') => bytes.push(0),
            Some('\\') => bytes.push(b'\\'),
            Some('x') => {
                let hex: String = rest.by_ref().take(2).collect();
                bytes.push(u8::from_str_radix(&hex, 16).unwrap());
            }
            Some(other) => panic!("\\{other} is no escape"),
        }
    }
    bytes.into()
}

/// What a stream came to: its events, then the waiting time and the last event ID it leaves behind.
#[derive(Debug, PartialEq, Eq)]
struct Outcome {
    events: Vec<Told>,
    retry: Option<u64>,
    last_event_id: String,
    ended: Result<(), TooLarge>,
}

fn decoded(chunks: impl IntoIterator<Item = Bytes>, limit: usize) -> Outcome {
    let mut decoder = Decoder::new(limit);
    let mut events = Vec::new();
    let mut ended = Ok(());
    for chunk in chunks {
        decoder.feed(chunk);
        ended = loop {
            match decoder.next() {
                Ok(Some(event)) => {
                    let name = if event.name.is_empty() { "message" } else { event.name.as_str() };
                    events.push((name.to_owned(), event.data.to_string(), decoder.last_event_id().to_owned()));
                }
                Ok(None) => break Ok(()),
                Err(error) => break Err(error),
            }
        };
        if ended.is_err() {
            break;
        }
    }
    let retry = decoder.retry().map(|wait| u64::try_from(wait.as_millis()).unwrap());
    Outcome { events, retry, last_event_id: decoder.last_event_id().to_owned(), ended }
}

fn cut(bytes: &[u8], size: usize) -> Vec<Bytes> {
    bytes.chunks(size).map(Bytes::copy_from_slice).collect()
}

#[test]
fn the_standard_is_kept_however_the_stream_is_cut() {
    let cases = Case::all();
    assert!(cases.len() >= 60);
    for case in cases {
        let expected = Outcome {
            events: case.events.clone(),
            retry: case.retry,
            last_event_id: case.last_event_id().to_owned(),
            ended: Ok(()),
        };
        let chunks = case.chunks();
        assert_eq!(decoded(chunks.clone(), 1 << 20), expected, "{}", case.name);
        let whole = chunks.concat();
        for size in [1, 2, 3, 5, whole.len().max(1)] {
            assert_eq!(decoded(cut(&whole, size), 1 << 20), expected, "{}, {size} bytes at a time", case.name);
        }
    }
}

#[test]
fn names_of_cases_are_told_apart() {
    let names: std::collections::BTreeSet<_> = Case::all().into_iter().map(|case| case.name).collect();
    assert_eq!(names.len(), Case::all().len());
}

/// Bytes that often mean something to a stream.
fn lively(rng: &mut impl Rng, length: usize) -> Vec<u8> {
    const PARTS: [&[u8]; 18] = [
        b"\n",
        b"\r",
        b"\r\n",
        b"\n\n",
        b":",
        b" ",
        b"data",
        b"data: ",
        b"data: x\n\n",
        b"id: 7\n",
        b"id",
        b"event: e\n",
        b"retry: 50\n",
        b"\0",
        b"\xef\xbb\xbf",
        b"\xe2\x82",
        b"\xff",
        b"plain",
    ];
    let mut bytes = Vec::with_capacity(length + 16);
    while bytes.len() < length {
        match rng.random_range(0..PARTS.len() + 4) {
            part if part < PARTS.len() => bytes.extend_from_slice(PARTS[part]),
            _ => bytes.push(rng.random()),
        }
    }
    bytes
}

proptest! {
    #[test]
    fn whole_or_byte_by_byte_is_the_same(seed in any::<u64>(), limit in 4usize..60) {
        let bytes = lively(&mut ChaCha8Rng::seed_from_u64(seed), 300);
        let whole = decoded([Bytes::from(bytes.clone())], limit);
        prop_assert_eq!(&decoded(cut(&bytes, 1), limit), &whole);
        prop_assert_eq!(&decoded(cut(&bytes, 2), limit), &whole);
        prop_assert_eq!(&decoded(cut(&bytes, 7), limit), &whole);
    }
}

#[test]
fn a_million_bytes_of_noise_do_no_harm() {
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    let mut noise = vec![0; 500_000];
    rng.fill(&mut noise[..]);
    noise.extend(lively(&mut rng, 500_000));
    for size in [1, 1_000, noise.len()] {
        let outcome = decoded(cut(&noise, size), 1 << 20);
        assert!(outcome.events.len() > 100 && outcome.ended.is_ok(), "{size}: {} events", outcome.events.len());
    }
}

#[test]
fn lines_and_events_are_bounded() {
    let ended = |stream: &str| decoded([Bytes::copy_from_slice(stream.as_bytes())], 10).ended;
    assert_eq!(ended("data: 0123456789\n\n"), Ok(()));
    assert_eq!(ended("data: 0123456789a\n\n"), Err(TooLarge));
    assert_eq!(ended("data: 01234\ndata: 6789\n\n"), Ok(()));
    assert_eq!(ended("data: 01234\ndata: 6789a\n\n"), Err(TooLarge));
    assert_eq!(ended(&format!("\n:{}", "x".repeat(16))), Ok(()));
    assert_eq!(ended(&format!("\n:{}", "x".repeat(17))), Err(TooLarge));
    let mut decoder = Decoder::new(100);
    let fed = (0..100).find(|_| {
        decoder.feed(Bytes::from_static(b"never ending"));
        decoder.next().is_err()
    });
    assert_eq!(fed, Some(9));
}

#[test]
fn one_line_in_one_chunk_is_not_copied() {
    let chunk = Bytes::from_static(b"id: 1\ndata: hello\n\n");
    let within = chunk.as_ptr_range();
    let mut decoder = Decoder::new(100);
    decoder.feed(chunk.clone());
    let event = decoder.next().unwrap().unwrap();
    assert_eq!(event.data.as_str(), "hello");
    assert!(within.contains(&event.data.as_bytes().as_ptr()));
}
