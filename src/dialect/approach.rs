//! What is said before a socket carries the conversation, where a protocol begins by other means: requests first, then a
//! few words on the socket itself. Pure: who says it, and over what, is the session's business.

use bytes::Bytes;
use std::fmt;

use crate::wire::{Frame, Method, Opening};

/// One step of the way in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Act {
    /// Fetch until this has come.
    Ask(Sign),
    /// Post what a client says first; this must be the answer.
    Greet(Sign),
    /// Say this on the socket.
    Say(String),
    /// Wait until this is heard on the socket.
    Hear(String),
}

/// What is waited for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sign {
    /// The server's welcome.
    Welcome,
    /// That the client may come in.
    Authenticated,
    /// Exactly this message.
    Text(String),
}

/// What a message says about a sign.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Omen {
    /// It is what is waited for.
    Met,
    /// The client may not come in, in the server's words.
    Refused(String),
    /// Something else.
    Other,
}

/// What a message means for the way in, and where values stand in it.
pub(super) trait Reads: Send + Sync + fmt::Debug {
    /// What `message` says about `sign`.
    fn omen(&self, message: &[u8], sign: &Sign) -> Omen;

    /// The values in `message` that go along from then on, by name.
    fn carried(&self, message: &[u8]) -> Vec<(String, String)>;
}

/// The way in.
#[derive(Debug)]
pub struct Approach {
    pub(super) steps: Vec<Act>,
    /// Of the requests, in place of the opening's.
    pub(super) query: Vec<(String, String)>,
    pub(super) content_type: Option<String>,
    pub(super) split: Option<String>,
    pub(super) strayed: Option<String>,
    pub(super) reads: Box<dyn Reads>,
}

/// What goes along in the query, by name.
pub type Carried = Vec<(String, String)>;

impl Approach {
    /// The steps, in order. The socket is opened where the first of them needs it, and at the latest after the last.
    pub fn steps(&self) -> &[Act] {
        &self.steps
    }

    /// What a request that does this needs, made of the socket's opening.
    pub fn of_request(&self, method: Method, socket: &Opening, carried: &Carried) -> Opening {
        let mut opening = self.of_socket(socket, carried);
        opening.query.retain(|(name, _)| !self.query.iter().any(|(own, _)| own == name));
        opening.query.splice(0..0, self.query.iter().cloned());
        if let (Method::Post, Some(kind)) = (method, &self.content_type) {
            opening.headers.push(("Content-Type".to_owned(), kind.clone()));
        }
        opening
    }

    /// The opening of the socket, with what goes along.
    pub fn of_socket(&self, socket: &Opening, carried: &Carried) -> Opening {
        let mut opening = socket.clone();
        opening.query.extend(carried.iter().cloned());
        opening
    }

    /// The messages of an answer.
    pub fn messages(&self, answer: &Bytes) -> Vec<Frame> {
        let text = String::from_utf8_lossy(answer);
        let messages: Vec<&str> = match &self.split {
            Some(split) => text.split(split.as_str()).collect(),
            None => vec![&text],
        };
        messages.into_iter().filter(|message| !message.is_empty()).map(Frame::text).collect()
    }

    /// What `message` says about `sign`.
    pub fn omen(&self, message: &Frame, sign: &Sign) -> Omen {
        match sign {
            Sign::Text(text) if message.bytes() == text.as_bytes() => Omen::Met,
            sign => self.reads.omen(message.bytes(), sign),
        }
    }

    /// Takes out of `message` what goes along from now on.
    pub fn carry(&self, message: &Frame, carried: &mut Carried) {
        for (name, value) in self.reads.carried(message.bytes()) {
            if !carried.iter().any(|(known, _)| *known == name) {
                carried.push((name, value));
            }
        }
    }

    /// Whether a refusal in these words means that another instance was asked than the one before.
    pub fn has_strayed(&self, words: &str) -> bool {
        self.strayed.as_ref().is_some_and(|strayed| words.contains(strayed.as_str()))
    }
}
