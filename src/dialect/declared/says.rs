//! What a client says: a template for each intent.

use super::marking;
use super::parameters::{Checked, Format};
use super::slot::Slot;
use super::template::Template;
use crate::dialect::DialectError;

/// What a client says.
#[derive(Debug)]
pub(super) struct Says {
    /// Nothing where publications are requests.
    pub(super) publish: Option<Template>,
    pub(super) join: Option<Template>,
    pub(super) leave: Option<Template>,
    pub(super) resume: Option<Template>,
    pub(super) auth: Option<Template>,
    pub(super) hello: Option<Template>,
    /// The sign of life that a client says by itself.
    pub(super) heartbeat: Option<Template>,
    /// By name.
    pub(super) questions: Vec<(String, Template)>,
}

impl Says {
    pub(super) fn new(given: &Checked<'_>) -> Result<Self, DialectError> {
        const ROOM: &[Slot] = &[Slot::Room, Slot::Ref];
        const RESUME: &[Slot] = &[Slot::Room, Slot::Ref, Slot::Offset, Slot::Epoch];
        let publish = publish(given)?;
        let join = given.late("join", ROOM)?;
        let leave = given.late("leave", ROOM)?;
        let auth = given.template("auth", &[Slot::Token, Slot::User, Slot::Ref])?;
        let resume = given.late("resume", RESUME)?;
        let hello = given.template("hello", &[Slot::User, Slot::Token])?;
        let heartbeat = given.template("heartbeat.say", &[Slot::Ref])?;
        let questions = given.templates("messages", ROOM)?;
        let nameless = questions.iter().find(|(_, template)| !template.names(Slot::Ref));
        if let Some((name, _)) = nameless {
            let problem = "has no {{ref}}: no answer could be recognised";
            return Err(Checked::missing(&format!("messages.{name}"), problem));
        }
        if !questions.is_empty() && !given.has("reply.ref") && !given.has("reply.when") {
            return Err(Checked::missing("messages", "are recognised by their answers: `reply.ref` must say where"));
        }
        Ok(Self { publish, join, leave, resume, auth, hello, heartbeat, questions })
    }
}

/// What is said to publish; nothing where publications are requests.
fn publish(given: &Checked<'_>) -> Result<Option<Template>, DialectError> {
    const PLAIN: &[Slot] = &[Slot::Text, Slot::Marker, Slot::Room, Slot::Ref, Slot::Bytes];
    // Escaped text has another length: only plain text can be counted.
    let slots = if given.format()? == Format::Plain { PLAIN } else { &PLAIN[..4] };
    let publish = given.late("publish", slots)?;
    match (&publish, given.has("publish_by")) {
        (Some(_), true) => Err(Checked::missing("publish", "excludes `publish_by`: both say how to publish")),
        (None, false) => Err(Checked::missing(
            "publish",
            "is missing; it is what a client says to publish, such as '{\"text\":\"{{text}}\"}'",
        )),
        (Some(publish), false) if !publish.carries_marker() && !marking::correlates(given)? => {
            Err(Checked::missing("publish", "has no {{text}}: no copy could be recognised"))
        }
        _ => Ok(publish),
    }
}
