//! What a file says and that could change nothing: refused, because whoever wrote it meant something by it.

use super::hears::Hears;
use super::parameters::{Checked, Made};
use super::says::Says;
use super::slot::Slot;
use crate::dialect::Habits;

/// Refuses what could change nothing.
pub(super) fn refused(given: &Checked<'_>, says: &Says, hears: &Hears, habits: &Habits) -> Made<()> {
    let numbered = hears.reply.is_some() || hears.reply_when.as_ref().is_some_and(|when| when.names_number());
    let asked = |key| given.flag(key) == Some(true);
    let rules = [
        (
            given.has("reply.when") && !numbered && !given.has("reply.error"),
            "reply.when",
            "says which messages are answers, and nothing says to which request: `reply.ref`, or {{ref}} in a `prefix`",
        ),
        (
            given.has("reply.code") && !given.has("reply.error"),
            "reply.code",
            "is looked at only in an error: `reply.error` must say where one stands",
        ),
        (
            given.has("joined.epoch") && !given.has("joined.offset"),
            "joined.epoch",
            "is looked at only with `joined.offset`, which counts in it",
        ),
        (
            says.resume.is_some() && !given.has("joined.offset"),
            "resume",
            "would never be said: `joined.offset` must say where the position stands that a room is resumed from",
        ),
        (
            asked("acknowledges_joins") && !habits.acknowledges_joins,
            "acknowledges_joins",
            "is true, and nothing says by what: `joined`, or `join` with {{ref}} and `reply`",
        ),
        (
            asked("acknowledges_messages")
                && !given.has("publish_by")
                && !(numbered && says.publish.as_ref().is_some_and(|publish| publish.names(Slot::Ref))),
            "acknowledges_messages",
            "is true, and nothing says by what: `publish` with {{ref}}, and `reply`",
        ),
    ];
    match rules.iter().find(|(broken, ..)| *broken) {
        Some((_, key, problem)) => Err(Checked::missing(key, problem)),
        None => Ok(()),
    }
}
