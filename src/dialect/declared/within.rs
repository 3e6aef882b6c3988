//! Where in JSON one is after so much of its text: what tells how a value is written there.

use super::template::Writing;

/// Where in JSON the end of the text passed so far is.
#[derive(Default)]
pub(super) struct Within {
    /// In a string.
    string: bool,
    /// In a string of JSON that stands in that string.
    nested: bool,
    escape: bool,
}

impl Within {
    pub(super) fn pass(&mut self, text: &str) {
        for byte in text.bytes() {
            match byte {
                b'"' if self.escape => {
                    self.nested = !self.nested;
                    self.escape = false;
                }
                _ if self.escape => self.escape = false,
                b'\\' => self.escape = self.string,
                b'"' => {
                    self.string = !self.string;
                    self.nested = false;
                }
                _ => {}
            }
        }
    }

    /// How a value is written here.
    pub(super) fn writing(&self) -> Writing {
        match (self.string, self.nested) {
            (true, true) => Writing::Nested,
            (true, false) => Writing::Inside,
            (false, _) => Writing::Quoted,
        }
    }
}
