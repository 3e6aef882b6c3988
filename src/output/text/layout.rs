//! Lines of at most [`WIDTH`] columns.

use anstyle::Style;

use crate::ui::{fit, printable, width};

/// Columns of the screen.
pub(super) const WIDTH: usize = 80;

/// `text` in `style`; what is padded or measured must be so before.
pub(super) fn paint(style: Style, text: &str) -> String {
    format!("{style}{text}{style:#}")
}

/// `text` cut to `columns` and filled up to them on the right.
pub(super) fn left(text: &str, columns: usize) -> String {
    let text = fit(text, columns);
    let fill = columns - width(&text).min(columns);
    format!("{text}{}", " ".repeat(fill))
}

/// `parts` behind `head`, `between` them, broken into lines between parts; further lines are indented by two.
pub(super) fn flow(head: &str, parts: impl IntoIterator<Item = String>, between: &str, columns: usize) -> Vec<String> {
    let mut lines = Vec::new();
    let mut line = head.to_owned();
    let mut empty = true;
    for part in parts {
        let part = fit(&part, columns - 2);
        let gap = if empty { "" } else { between };
        if width(&line) + width(gap) + width(&part) > columns && !line.trim().is_empty() {
            lines.push(std::mem::replace(&mut line, format!("  {part}")));
        } else {
            line.push_str(gap);
            line.push_str(&part);
        }
        empty = false;
    }
    lines.push(line);
    lines
}

/// `text` in words, broken into lines that begin with `indent`; at most `most` lines, the last then ends with `…`.
pub(crate) fn wrap(text: &str, indent: &str, most: usize) -> Vec<String> {
    let room = WIDTH - width(indent);
    let text = printable(text);
    let mut lines: Vec<String> = vec![String::new()];
    for word in text.split(' ').filter(|word| !word.is_empty()) {
        for piece in pieces(word, room) {
            let line = lines.last_mut().map_or("", |line| line.as_str());
            let together = if line.is_empty() { piece.clone() } else { format!("{line} {piece}") };
            if width(&together) <= room {
                lines.pop();
                lines.push(together);
            } else {
                lines.push(piece);
            }
        }
    }
    if lines.len() > most {
        lines.truncate(most);
        if let Some(last) = lines.last_mut() {
            *last = fit(&format!("{last} …"), room);
        }
    }
    lines.into_iter().map(|line| format!("{indent}{line}")).collect()
}

/// A word in pieces no wider than `room`.
fn pieces(word: &str, room: usize) -> Vec<String> {
    let mut pieces = vec![String::new()];
    for c in word.chars() {
        let line = pieces.last_mut().map_or_else(String::new, |piece| piece.clone());
        let longer = format!("{line}{c}");
        if width(&longer) > room {
            pieces.push(c.to_string());
        } else {
            pieces.pop();
            pieces.push(longer);
        }
    }
    pieces
}
