//! What a server said, made fit to be seen: nothing of it moves a cursor, colours a word, fills a clipboard or turns the
//! writing round, and nothing of it is endless.

use crate::ui::printable;

/// Longer texts are cut on a terminal, in characters.
const LONGEST: usize = 4_000;

/// How many bytes of a binary message are shown.
const BYTES: usize = 64;

/// A text as it may be shown on one line.
pub(super) fn text(text: &str) -> String {
    match text.char_indices().nth(LONGEST) {
        None => printable(text).into_owned(),
        Some((at, _)) => {
            let rest = text.len() - at;
            format!("{} … and {rest} more bytes", printable(&text[..at]))
        }
    }
}

/// Bytes that are no text, as hex and as the characters among them: `00 68 69 ff |.hi.|`.
pub(super) fn bytes(bytes: &[u8]) -> String {
    let shown = &bytes[..bytes.len().min(BYTES)];
    let hex: Vec<String> = shown.iter().map(|byte| format!("{byte:02x}")).collect();
    let letter = |byte: &u8| if (0x20..0x7f).contains(byte) { char::from(*byte) } else { '.' };
    let letters: String = shown.iter().map(letter).collect();
    let rest = bytes.len() - shown.len();
    let more = if rest > 0 { format!(" … and {rest} more bytes") } else { String::new() };
    format!("{} |{letters}|{more}", hex.join(" "))
}

/// JSON on several lines, indented; `None` if it is none.
pub(super) fn pretty(text: &str) -> Option<String> {
    let value: serde_json::Value = serde_json::from_str(text).ok()?;
    if !value.is_object() && !value.is_array() {
        return None;
    }
    let lines = serde_json::to_string_pretty(&value).ok()?;
    let lines: Vec<String> = lines.lines().take(LONGEST / 20).map(self::text).collect();
    Some(lines.join("\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_a_server_says_reaches_the_terminal_as_more_than_letters() {
        let hostile = "\u{1b}]52;c;ZXZpbA==\u{7}\u{1b}[2J\u{202e}live\r\n";
        let shown = text(hostile);
        assert_eq!(shown, "\\u{1b}]52;c;ZXZpbA==\\u{7}\\u{1b}[2J\\u{202e}live\\r\\n");
    }

    #[test]
    fn a_line_without_end_is_cut_and_told() {
        let long = "x".repeat(1 << 20);
        let shown = text(&long);
        assert!(shown.len() < 4_100, "{}", shown.len());
        assert!(shown.ends_with(" … and 1044576 more bytes"), "{}", &shown[3_990..]);
        assert_eq!(text("plain"), "plain");
    }

    #[test]
    fn bytes_are_shown_as_hex_and_text() {
        assert_eq!(bytes(&[0, b'h', b'i', 0xff]), "00 68 69 ff |.hi.|");
        assert!(bytes(&[0x1b; 1_000]).ends_with("| … and 936 more bytes"));
    }

    #[test]
    fn json_is_laid_out_and_still_harmless() {
        assert_eq!(pretty(r#"{"a":"\u001b[2J"}"#).as_deref(), Some("{\n  \"a\": \"\\u001b[2J\"\n}"));
        assert_eq!(pretty("hello"), None);
        assert_eq!(pretty("7"), None);
    }
}
