//! By what a copy of a publication is recognised.

/// By what a copy of a publication is recognised.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Marking {
    /// The marker stands at the start of the text.
    #[default]
    Text,
    /// The marker stands in a field of its own.
    Field,
    /// What a server sends holds no marker: the id that it gives a message stands in its acknowledgement
    /// ([`Event::Named`](super::Event)) and in each of its copies, whose [`body`](super::Delivery) it is.
    Correlate,
}

impl Marking {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Text, Self::Field, Self::Correlate];

    /// As dialect files write it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Field => "field",
            Self::Correlate => "correlate",
        }
    }
}
