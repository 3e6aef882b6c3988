//! Text inside JSON strings, for the dialects that write their frames by hand.

/// Bytes `text` takes inside a JSON string, without the quotes.
pub(super) fn escaped_len(text: &str) -> usize {
    text.bytes().map(|byte| escape(byte).map_or(1, |(_, len)| len)).sum()
}

/// Appends `text` as it stands inside a JSON string, without the quotes.
pub(super) fn push_escaped(out: &mut String, text: &str) {
    if !text.bytes().any(|byte| escape(byte).is_some()) {
        out.push_str(text);
        return;
    }
    let mut from = 0;
    for (at, byte) in text.bytes().enumerate() {
        let Some((short, _)) = escape(byte) else { continue };
        out.push_str(&text[from..at]);
        from = at + 1;
        out.push('\\');
        if let Some(short) = short {
            out.push(short);
        } else {
            let hex = |nibble: u8| char::from_digit(u32::from(nibble), 16).unwrap_or('0');
            out.push_str("u00");
            out.push(hex(byte >> 4));
            out.push(hex(byte & 15));
        }
    }
    out.push_str(&text[from..]);
}

/// How `byte` is escaped, if it must be: the letter after the backslash (none: `u00xx`) and the length of it all.
fn escape(byte: u8) -> Option<(Option<char>, usize)> {
    match byte {
        b'"' => Some((Some('"'), 2)),
        b'\\' => Some((Some('\\'), 2)),
        b'\n' => Some((Some('n'), 2)),
        b'\r' => Some((Some('r'), 2)),
        b'\t' => Some((Some('t'), 2)),
        0..=0x1f => Some((None, 6)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::{escaped_len, push_escaped};
    use proptest::prelude::{any, prop_assert_eq, proptest};

    proptest! {
        #[test]
        fn any_text_comes_back_from_json(text in any::<String>()) {
            let mut out = String::from("\"");
            push_escaped(&mut out, &text);
            prop_assert_eq!(out.len() - 1, escaped_len(&text));
            out.push('"');
            prop_assert_eq!(serde_json::from_str::<String>(&out).unwrap(), text);
        }
    }

    #[test]
    fn control_characters_are_escaped() {
        let mut out = String::new();
        push_escaped(&mut out, "a\"b\\c\nd\u{1}é");
        assert_eq!(out, r#"a\"b\\c\nd\u0001é"#);
    }
}
