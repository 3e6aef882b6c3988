//! Text from strangers (servers, scenarios, file names) made harmless for a terminal.

use std::borrow::Cow;

use unicode_width::UnicodeWidthStr as _;

/// Columns that `text` takes up; it should be [`printable`].
pub fn width(text: &str) -> usize {
    text.width()
}

/// `text` with everything that could move the cursor, change its colour, reorder or hide what is shown written out as
/// `\u{…}`: controls, escape sequences, bidirectional overrides, zero-width and combining characters.
pub fn printable(text: &str) -> Cow<'_, str> {
    if text.chars().all(is_harmless) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        if is_harmless(c) { shown.push(c) } else { shown.extend(c.escape_debug()) }
    }
    Cow::Owned(shown)
}

/// [`printable`] text in at most `columns`, cut with `…` where it is longer.
pub fn fit(text: &str, columns: usize) -> String {
    let text = printable(text);
    if width(&text) <= columns {
        return text.into_owned();
    }
    let mut short = String::new();
    for c in text.chars() {
        let mut longer = short.clone();
        longer.push(c);
        if width(&longer) >= columns {
            break;
        }
        short = longer;
    }
    short.push('…');
    short
}

fn is_harmless(c: char) -> bool {
    c == ' ' || matches!(c, '"' | '\'' | '\\') || (c.escape_debug().len() == 1 && !c.is_whitespace())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::{prop_assert, proptest};

    #[test]
    fn harmless_text_stays_as_it_is() {
        for text in ["chat-staging", "Köln", "聊天室", r#"C:\x "y" 'z'"#, "🙂"] {
            assert_eq!(printable(text), text);
        }
    }

    #[test]
    fn dangerous_text_is_written_out() {
        assert_eq!(printable("\u{1b}[2Jgone\r\n\u{7}"), "\\u{1b}[2Jgone\\r\\n\\u{7}");
        assert_eq!(printable("a\u{202e}b\u{2066}c\u{200b}d\u{feff}"), "a\\u{202e}b\\u{2066}c\\u{200b}d\\u{feff}");
        assert_eq!(printable("\u{9b}31m\u{2028}\u{a0}"), "\\u{9b}31m\\u{2028}\\u{a0}");
        assert_eq!(printable("e\u{301}\u{301}"), "e\\u{301}\\u{301}");
    }

    #[test]
    fn long_text_is_cut_to_its_columns() {
        assert_eq!(fit("listeners", 9), "listeners");
        assert_eq!(fit("listeners", 5), "list…");
        assert_eq!(fit("聊天室聊天室", 6), "聊天…");
    }

    proptest! {
        #[test]
        fn what_is_shown_has_no_controls_and_fits(text in ".*", columns in 1usize..40) {
            let shown = fit(&text, columns);
            prop_assert!(shown.chars().all(is_harmless));
            prop_assert!(width(&shown) <= columns.max(1));
        }
    }
}
