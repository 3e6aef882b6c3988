//! What templates can name, and the values of one rendering.

use crate::wire::{MARKER_LEN, MARKER_PREFIX};

/// What a placeholder stands for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Slot {
    /// The body of the request, where it is signed.
    Body,
    /// How many bytes the text has.
    Bytes,
    Epoch,
    /// The marker alone; the text is what is left then.
    Marker,
    Offset,
    Ref,
    Room,
    Text,
    Token,
    /// Seconds since 1970.
    Unix,
    User,
}

impl Slot {
    const ALL: [(&'static str, Slot); 11] = [
        ("body", Slot::Body),
        ("bytes", Slot::Bytes),
        ("epoch", Slot::Epoch),
        ("marker", Slot::Marker),
        ("offset", Slot::Offset),
        ("ref", Slot::Ref),
        ("room", Slot::Room),
        ("text", Slot::Text),
        ("token", Slot::Token),
        ("unix", Slot::Unix),
        ("user", Slot::User),
    ];

    pub(super) fn name(self) -> &'static str {
        Self::ALL.iter().find(|(_, slot)| *slot == self).map_or("", |(name, _)| name)
    }

    /// Whether it is a number, which JSON does not quote.
    pub(super) fn is_number(self) -> bool {
        matches!(self, Self::Bytes | Self::Offset | Self::Ref | Self::Unix)
    }
}

/// What a template may name.
#[derive(Clone, Copy)]
pub(super) struct Vocabulary<'a> {
    pub(super) slots: &'a [Slot],
    /// Names of saved values, by their places.
    pub(super) saved: &'a [String],
}

/// What a name stands for.
pub(super) enum Named {
    Slot(Slot),
    /// The saved value at this place.
    Saved(usize),
}

impl Vocabulary<'_> {
    /// What `name` stands for, if it may be named.
    ///
    /// # Errors
    /// What can be named instead.
    pub(super) fn find(&self, name: &str) -> Result<Named, String> {
        let known = Slot::ALL.iter().find(|(known, _)| *known == name).map(|(_, slot)| *slot);
        if let Some(slot) = known.filter(|slot| self.slots.contains(slot)) {
            return Ok(Named::Slot(slot));
        }
        let own = name.strip_prefix("saved.");
        if let Some(place) = own.and_then(|own| self.saved.iter().position(|saved| saved == own)) {
            return Ok(Named::Saved(place));
        }
        let slots = self.slots.iter().map(|slot| slot.name().to_owned());
        let names: Vec<String> = slots.chain(self.saved.iter().map(|saved| format!("saved.{saved}"))).collect();
        let braced = |name: &String| format!("{{{{{name}}}}}");
        let possible = names.iter().map(braced).collect::<Vec<_>>().join(" ");
        let what = if known.is_some() { "cannot be used here" } else { "is no placeholder" };
        let near = names.iter().find(|known| strsim::jaro_winkler(known, name) > 0.8);
        let hint = near.map_or(String::new(), |near| format!("; did you mean {}?", braced(near)));
        Err(format!("{{{{{name}}}}} {what}; there are: {possible}{hint}"))
    }
}

/// The values of one rendering; those a template cannot name are empty.
#[derive(Clone, Copy, Default)]
pub(super) struct Values<'a> {
    pub(super) reference: u64,
    pub(super) room: &'a str,
    pub(super) text: &'a str,
    /// Filled in only for templates that name it.
    pub(super) marker: &'a str,
    pub(super) token: &'a str,
    pub(super) user: &'a str,
    pub(super) offset: u64,
    pub(super) epoch: &'a str,
    pub(super) body: &'a str,
    pub(super) unix: u64,
    /// What this connection has saved, by place.
    pub(super) saved: &'a [Box<str>],
}

impl Values<'static> {
    /// Some of each, to see whether what comes out is as it should be.
    pub(super) const EXAMPLE: Self = Self {
        reference: 1,
        room: "r",
        text: "t",
        marker: "m",
        token: "k",
        user: "u",
        offset: 1,
        epoch: "e",
        body: "b",
        unix: 1,
        saved: &[],
    };
}

impl<'a> Values<'a> {
    pub(super) fn text_of(&self, slot: Slot) -> &'a str {
        match slot {
            Slot::Bytes | Slot::Offset | Slot::Ref | Slot::Unix => "",
            Slot::Body => self.body,
            Slot::Epoch => self.epoch,
            Slot::Marker => self.marker,
            Slot::Room => self.room,
            Slot::Text => self.text,
            Slot::Token => self.token,
            Slot::User => self.user,
        }
    }

    /// What a slot that is a number stands for.
    pub(super) fn number_of(&self, slot: Slot) -> Option<u64> {
        match slot {
            Slot::Bytes => Some(self.text.len() as u64),
            Slot::Offset => Some(self.offset),
            Slot::Ref => Some(self.reference),
            Slot::Unix => Some(self.unix),
            _ => None,
        }
    }

    pub(super) fn saved(&self, place: usize) -> &'a str {
        self.saved.get(place).map_or("", |value| value)
    }

    /// These values for a template that names the marker by itself: its text is what follows the marker.
    pub(super) fn without_marker(&self) -> Self {
        let (marker, text) = self.parted();
        Self { marker, text, ..*self }
    }

    /// The marker and what follows it; no marker where the text begins with none.
    fn parted(&self) -> (&'a str, &'a str) {
        let starts = self.text.as_bytes().starts_with(MARKER_PREFIX);
        match self.text.split_at_checked(MARKER_LEN).filter(|_| starts) {
            Some((marker, rest)) => (marker, rest.strip_prefix(' ').unwrap_or(rest)),
            None => ("", self.text),
        }
    }
}
