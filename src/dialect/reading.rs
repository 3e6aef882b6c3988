//! What people are told of a frame: who said what, where. Made by a parser, one frame at a time; never on a hot path.

/// A frame as it is told to people.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reading {
    /// What it tells.
    pub news: News,
    /// The room it is about.
    pub room: Option<String>,
    /// Who said it, came or went.
    pub from: Option<String>,
    /// What was said: a text as it is, anything else as JSON; of a refusal, the server's words.
    pub text: Option<String>,
    /// The instance that took it from its sender.
    pub origin: Option<String>,
    /// The instance that delivered it.
    pub instance: Option<String>,
    /// What the server calls it.
    pub id: Option<String>,
}

/// What a frame tells.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum News {
    /// Somebody said something.
    Message,
    /// Somebody came.
    Arrival,
    /// Somebody went.
    Departure,
    /// A request was refused.
    Refusal,
    /// Anything else.
    #[default]
    Other,
}
