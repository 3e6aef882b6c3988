//! Frames as people may see them: nothing in them commands a terminal, nothing is endless.

use std::fmt::Write as _;

use crate::wire::Frame;

/// Bytes of a text that are shown.
const TEXT: usize = 2_000;

/// Bytes of a frame that is no text, on one line and on a page.
const LINE: usize = 200;
const PAGE: usize = 256;

/// Bytes on a line of a page.
const ROW: usize = 16;

/// A frame as it may be shown on one line.
pub fn told(frame: &Frame) -> String {
    match frame {
        Frame::Text(_) => shown(frame.bytes()),
        Frame::Beside(_) => format!("an event of another name: {}", shown(frame.bytes())),
        Frame::Binary(bytes) if is_text(bytes) => format!("{} bytes: {}", bytes.len(), shown(bytes)),
        Frame::Binary(bytes) => format!("{} bytes: {}", bytes.len(), mixed(bytes)),
        Frame::Call(call) => format!("{} {}", call.opening.path, shown(frame.bytes())),
        Frame::Answer(answer) => match &answer.outcome {
            Ok(response) => format!("{} {}", response.status, shown(&response.body)),
            Err(reason) => reason.to_string(),
        },
    }
}

/// A frame as it may be shown on a page: bytes that are no text in rows, as hexadecimal digits and as the letters among them.
/// `secret` is masked there, as nobody could find it in digits.
pub(super) fn page(frame: &Frame, secret: &str) -> String {
    match frame {
        Frame::Binary(bytes) if !is_text(bytes) => format!("{} bytes{}", bytes.len(), rows(&masked(bytes, secret))),
        frame => told(frame),
    }
}

/// Whether bytes can be read as they are.
fn is_text(bytes: &[u8]) -> bool {
    std::str::from_utf8(bytes)
        .is_ok_and(|text| text.chars().all(|c| !c.is_control() || matches!(c, '\r' | '\n' | '\t' | '\u{1e}')))
}

fn masked(bytes: &[u8], secret: &str) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    if !secret.is_empty() {
        let places: Vec<usize> = memchr::memmem::find_iter(&bytes, secret).collect();
        places.into_iter().for_each(|at| bytes[at..at + secret.len()].fill(b'*'));
    }
    bytes
}

fn rows(bytes: &[u8]) -> String {
    let mut out = String::new();
    for (number, row) in bytes[..bytes.len().min(PAGE)].chunks(ROW).enumerate() {
        let digits = row.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().join(" ");
        let letter = |byte: &u8| if printable(*byte) { char::from(*byte) } else { '.' };
        let letters: String = row.iter().map(letter).collect();
        let written = write!(out, "\n{:04x}  {digits:<width$}  |{letters}|", number * ROW, width = 3 * ROW);
        debug_assert!(written.is_ok(), "a string takes every row");
    }
    if bytes.len() > PAGE {
        out.push_str(&format!("\n… and {} bytes more", bytes.len() - PAGE));
    }
    out
}

/// Bytes on one line: letters as they are, what stands between them as hexadecimal digits, `<00 2a>hello<00>`.
fn mixed(bytes: &[u8]) -> String {
    let mut out = String::new();
    let cut = &bytes[..bytes.len().min(LINE)];
    for run in cut.chunk_by(|a, b| printable(*a) == printable(*b)) {
        if printable(run[0]) {
            out.extend(run.iter().map(|byte| char::from(*byte)));
        } else {
            out.push_str(&format!("<{}>", run.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().join(" ")));
        }
    }
    if cut.len() < bytes.len() {
        out.push_str(&format!("… and {} bytes more", bytes.len() - cut.len()));
    }
    out
}

fn printable(byte: u8) -> bool {
    (0x20..0x7f).contains(&byte)
}

pub(super) fn shown(bytes: &[u8]) -> String {
    let cut = &bytes[..bytes.len().min(TEXT)];
    let mut text: String = cut.utf8_chunks().flat_map(|chunk| [escaped(chunk.valid()), hex(chunk.invalid())]).collect();
    if cut.len() < bytes.len() {
        text.push_str(&format!("… ({} bytes)", bytes.len()));
    }
    text
}

/// Text in which nothing commands a terminal or reverses its reading; quotes stay as they are.
pub(super) fn escaped(text: &str) -> String {
    text.chars().flat_map(|c| if matches!(c, '"' | '\'') { vec![c] } else { c.escape_debug().collect() }).collect()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("\\x{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn binary(bytes: &[u8]) -> Frame {
        Frame::Binary(bytes.to_vec().into())
    }

    #[test]
    fn bytes_that_are_a_text_are_shown_as_one() {
        let said = binary(b"PUB room.r1 2\r\nhi\r\n");
        assert_eq!(told(&said), r"19 bytes: PUB room.r1 2\r\nhi\r\n");
        assert_eq!(page(&said, ""), told(&said));
    }

    #[test]
    fn other_bytes_are_shown_as_digits_with_the_letters_among_them() {
        let said = binary(b"\0\x1d\x02r1\0\0hello to you all\xff\x1b[2J");
        assert_eq!(told(&said), "28 bytes: <00 1d 02>r1<00 00>hello to you all<ff 1b>[2J");
        let rows = "28 bytes\n\
                    0000  00 1d 02 72 31 00 00 68 65 6c 6c 6f 20 74 6f 20   |...r1..hello to |\n\
                    0010  79 6f 75 20 61 6c 6c ff 1b 5b 32 4a               |you all..[2J|";
        assert_eq!(page(&said, ""), rows);
    }

    #[test]
    fn a_token_is_masked_and_nothing_is_endless() {
        let said = page(&binary(b"\0\x05tokentoken"), "token");
        assert!(said.contains("|..**********|") && !said.contains("74"), "{said}");
        let long = page(&binary(&[0; 10_000]), "");
        assert_eq!((long.lines().count(), long.lines().last()), (18, Some("… and 9744 bytes more")));
        assert!(told(&binary(&[0; 10_000])).ends_with("… and 9800 bytes more"));
    }
}
