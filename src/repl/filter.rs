//! Which messages are shown: by room, by sender, by words.

use super::item::Item;

/// A filter as it was typed, taken apart; what it does not name it does not look at.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Filter {
    room: Option<String>,
    from: Option<String>,
    words: String,
}

impl Filter {
    /// `room:R from:U WORDS`, each of them where it is wanted.
    pub(super) fn read(text: &str) -> Self {
        let mut filter = Self::default();
        let mut words = Vec::new();
        for part in text.split_whitespace() {
            match part.split_once(':') {
                Some(("room", room)) => filter.room = Some(room.to_owned()),
                Some(("from", user)) => filter.from = Some(user.to_owned()),
                _ => words.push(part),
            }
        }
        filter.words = words.join(" ");
        filter
    }

    /// Whether an item is shown. Only messages are ever hidden.
    pub(super) fn admits(&self, item: &Item) -> bool {
        let Item::Message(message) = item else { return true };
        let fits = |want: &Option<String>, is: &Option<String>| want.is_none() || want == is;
        fits(&self.room, &message.room) && fits(&self.from, &message.from) && message.text.contains(&self.words)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filter_is_taken_apart() {
        let filter = Filter::read("from:ada hello  there");
        assert_eq!((filter.room, filter.from.as_deref()), (None, Some("ada")));
        assert_eq!(filter.words, "hello there");
    }
}
