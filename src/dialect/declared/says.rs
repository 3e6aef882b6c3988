//! What a client says: a template for each intent.

use super::marking;
use super::parameters::{Checked, Format};
use super::slot::Slot;
use super::wording::Wording;
use crate::dialect::DialectError;

/// What a client says.
#[derive(Debug)]
pub(super) struct Says {
    /// Nothing where publications are requests.
    pub(super) publish: Option<Wording>,
    pub(super) join: Option<Wording>,
    pub(super) leave: Option<Wording>,
    pub(super) resume: Option<Wording>,
    pub(super) auth: Option<Wording>,
    pub(super) hello: Option<Wording>,
    /// The sign of life that a client says by itself.
    pub(super) heartbeat: Option<Wording>,
    /// By name.
    pub(super) questions: Vec<(String, Wording)>,
    /// What is published in place of `publish`, by name.
    pub(super) sayings: Vec<(String, Wording)>,
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
        let sayings = sayings(given)?;
        Ok(Self { publish, join, leave, resume, auth, hello, heartbeat, questions, sayings })
    }
}

/// What a message that publishes can name.
fn published(given: &Checked<'_>) -> Result<&'static [Slot], DialectError> {
    const PLAIN: &[Slot] = &[Slot::Text, Slot::Marker, Slot::Room, Slot::Ref, Slot::Bytes];
    // Escaped text has another length: only plain text can be counted.
    Ok(if matches!(given.format()?, Format::Plain | Format::Bytes) { PLAIN } else { &PLAIN[..4] })
}

/// What is published in place of `publish`, by name.
fn sayings(given: &Checked<'_>) -> Result<Vec<(String, Wording)>, DialectError> {
    let sayings = given.templates("publish_as", published(given)?)?;
    let wrong = |name: &str, problem: &str| Err(Checked::missing(&format!("publish_as.{name}"), problem));
    if let (true, Some((name, _))) = (given.has("stream"), sayings.first()) {
        return wrong(
            name,
            "is said on a socket, and with `stream` there is none; say it by a request: `publish_by.as`",
        );
    }
    let correlates = marking::correlates(given)?;
    for (name, template) in &sayings {
        if correlates && !template.names(Slot::Ref) {
            return wrong(
                name,
                "has no {{ref}}: no acknowledgement could tell the id that `marker = \"correlate\"` needs",
            );
        }
        if !correlates && !template.carries_marker() {
            return wrong(name, "has no {{text}} and no {{marker}}: no copy could be recognised");
        }
    }
    Ok(sayings)
}

/// What is said to publish; nothing where publications are requests.
fn publish(given: &Checked<'_>) -> Result<Option<Wording>, DialectError> {
    let publish = given.late("publish", published(given)?)?;
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
