//! Text from strangers made harmless for XML and HTML, for Markdown, and for the commands of GitHub's runner.

use std::borrow::Cow;

/// `text` as content or attribute value of XML and HTML: no markup, and no character that XML forbids.
pub(super) fn xml(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            // A bare line break in an attribute is read as a blank.
            '\n' => escaped.push_str("&#10;"),
            '\t' => escaped.push_str("&#9;"),
            '\r' => escaped.push_str("&#13;"),
            c if is_forbidden(c) => escaped.push('\u{fffd}'),
            c => escaped.push(c),
        }
    }
    escaped
}

/// Characters that XML forbids, other controls, and those that reorder the text around them.
fn is_forbidden(c: char) -> bool {
    let reorders = matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{200e}' | '\u{200f}' | '\u{61c}');
    c.is_control() || reorders || matches!(c, '\u{fffe}' | '\u{ffff}')
}

/// `text` as a word of Markdown: on one line, and nothing in it means anything.
pub(super) fn markdown(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in crate::ui::printable(text).chars() {
        match c {
            '&' | '<' | '>' | '`' | '|' | '*' | '_' | '~' | '[' | ']' | '\\' | '#' | '@' => {
                escaped.push_str(&format!("&#{};", u32::from(c)));
            }
            c => escaped.push(c),
        }
    }
    // No stranger's address becomes a link.
    escaped.replace("://", ":&#47;&#47;").replace("www.", "www&#46;")
}

/// `text` as code in a table of Markdown, where it can be.
pub(super) fn code(text: &str) -> String {
    let text = crate::ui::printable(text);
    if text.contains('`') || text.is_empty() { markdown(&text) } else { format!("`{}`", text.replace('|', "\\|")) }
}

/// `text` as the message of a runner's command.
pub(super) fn message(text: &str) -> Cow<'_, str> {
    if !text.contains(['%', '\r', '\n']) {
        return Cow::Borrowed(text);
    }
    Cow::Owned(text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A"))
}

/// `text` as a property of a runner's command.
pub(super) fn property(text: &str) -> String {
    message(text).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_in_a_text_is_markup() {
        assert_eq!(xml("<b a=\"1\" c='2'>&"), "&lt;b a=&quot;1&quot; c=&#39;2&#39;&gt;&amp;");
        assert_eq!(xml("a\nb\u{1b}[2J\u{ffff}\u{202e}"), "a&#10;b\u{fffd}[2J\u{fffd}\u{fffd}");
        assert_eq!(markdown("a|b *c* [d](e) @f\n#g"), "a&#124;b &#42;c&#42; &#91;d&#93;(e) &#64;f&#92;n&#35;g");
        assert_eq!(markdown("http://x www.y"), "http:&#47;&#47;x www&#46;y");
        assert_eq!([code("delivery.p99{hop=cross}"), code("a|b")], ["`delivery.p99{hop=cross}`", "`a\\|b`"]);
        assert_eq!(code("a`b"), "a&#96;b");
    }

    #[test]
    fn a_runners_command_cannot_be_broken_out_of() {
        assert_eq!(message("100 %\r\n::error::x"), "100 %25%0D%0A::error::x");
        assert_eq!(property("a,b:c\n100%"), "a%2Cb%3Ac%0A100%25");
    }
}
