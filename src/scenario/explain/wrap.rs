//! Paragraphs and items of a text, broken at 80 columns.

use crate::units::human::grouped;

const WIDTH: usize = 80;

/// A text under construction.
#[derive(Default)]
pub(super) struct Wrapped {
    out: String,
}

impl Wrapped {
    /// Text from the margin on.
    pub(super) fn paragraph(&mut self, text: &str) {
        self.wrap(text, 0, 0);
    }

    /// An empty line and a heading.
    pub(super) fn heading(&mut self, text: &str) {
        self.out.push('\n');
        self.wrap(text, 0, 0);
    }

    /// An indented item; what does not fit goes below it, further in.
    pub(super) fn item(&mut self, text: &str) {
        self.wrap(text, 2, 4);
    }

    /// The whole text.
    pub(super) fn finish(self) -> String {
        self.out
    }

    fn wrap(&mut self, text: &str, first: usize, next: usize) {
        let mut column = first;
        self.out.push_str(&" ".repeat(first));
        let mut fresh = true;
        // Runs of blanks align columns and are kept where a line is not broken.
        for piece in text.split_inclusive(' ') {
            let word = piece.trim_end_matches(' ').chars().count();
            if !fresh && column + word > WIDTH {
                self.trim_line();
                self.out.push('\n');
                self.out.push_str(&" ".repeat(next));
                column = next;
            }
            self.out.push_str(piece);
            column += piece.chars().count();
            fresh = false;
        }
        self.trim_line();
        self.out.push('\n');
    }

    fn trim_line(&mut self) {
        let length = self.out.trim_end_matches(' ').len();
        self.out.truncate(length);
    }
}

/// `1 client`, `1 000 clients`.
pub(super) fn plural(amount: u64, noun: &str) -> String {
    let ending = if amount == 1 { "" } else { "s" };
    format!("{} {noun}{ending}", grouped(amount))
}

/// All of a few names, the first and the last of many.
pub(super) fn few(names: &[&str]) -> String {
    match names {
        [] => "nothing".to_owned(),
        [one] => (*one).to_owned(),
        [one, two] => format!("{one} and {two}"),
        [first, .., last] => format!("{first} … {last}"),
    }
}
