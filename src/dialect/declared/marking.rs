//! By what copies are recognised, as a file declares it: the key `marker`, and what has to stand where for it.

use super::calls::PublishBy;
use super::parameters::Checked;
use super::says::Says;
use super::slot::Slot;
use crate::dialect::{DialectError, Habits, Marking};

/// Where ids stand, and in which table.
const IDS: [&str; 4] = ["reply.id", "publish_by.id", "deliver.id", "joined.missed_id"];

/// What the file says, before anything is checked against it: a marker in a field of its own speaks for itself.
fn said(given: &Checked<'_>) -> Result<Option<Marking>, DialectError> {
    if !given.has("marker") {
        return Ok(None);
    }
    given.one_of("marker", &Marking::ALL.map(|marking| (marking.name(), marking))).map(Some)
}

/// Whether copies are recognised by the server's own ids.
pub(super) fn correlates(given: &Checked<'_>) -> Result<bool, DialectError> {
    Ok(said(given)? == Some(Marking::Correlate))
}

/// By what copies are recognised.
pub(super) fn marking(
    given: &Checked<'_>,
    says: &Says,
    publish_by: Option<&PublishBy>,
    habits: &Habits,
) -> Result<Marking, DialectError> {
    let names = |slot| {
        says.publish.as_ref().is_some_and(|publish| publish.names(slot))
            || publish_by.is_some_and(|publishing| publishing.names(slot))
    };
    let own = if names(Slot::Marker) { Marking::Field } else { Marking::Text };
    let marking = said(given)?.unwrap_or(own);
    let wrong = |key: &str, problem: &str| Err(Checked::missing(key, problem));
    match marking {
        Marking::Correlate => correlated(given, habits).map(|()| marking),
        _ if IDS.iter().any(|key| given.has(key)) => {
            let key = IDS.iter().find(|key| given.has(key)).copied().unwrap_or_default();
            wrong(key, "is looked at only where `marker = \"correlate\"`")
        }
        Marking::Text if own == Marking::Field => {
            wrong("marker", "is \"text\", but the marker has a field of its own: {{marker}}; write \"field\"")
        }
        Marking::Field if own == Marking::Text => {
            wrong("marker", "is \"field\", but no field is the marker's: what publishes names no {{marker}}")
        }
        Marking::Text | Marking::Field => Ok(marking),
    }
}

/// What has to be said for copies to be recognised by ids.
fn correlated(given: &Checked<'_>, habits: &Habits) -> Result<(), DialectError> {
    let wrong = |key: &str, problem: &str| Err(Checked::missing(key, problem));
    let answer = if given.has("publish_by") { "publish_by.id" } else { "reply.id" };
    let other = if given.has("publish_by") { "reply.id" } else { "publish_by.id" };
    if !given.has(answer) {
        return wrong(answer, "is missing; `marker = \"correlate\"` needs to know where an acknowledgement has the id");
    }
    // Beside requests that publish, what is said on the socket is acknowledged there.
    let both = given.has("publish_by") && given.has("publish_as");
    if both && !given.has(other) {
        return wrong(other, "is missing; `publish_as` says on the socket what is acknowledged there");
    }
    if !both && given.has(other) {
        return wrong(other, &format!("is looked at in no acknowledgement here; `{answer}` is"));
    }
    if !given.has("deliver.id") {
        return wrong("deliver.id", "is missing; `marker = \"correlate\"` needs to know where a delivery has the id");
    }
    if !given.has("deliver.when") {
        return wrong("deliver.when", "is missing; without a marker in it nothing else says what a delivery is");
    }
    if !habits.acknowledges_messages {
        let problem = "is \"correlate\", but messages are not acknowledged: `publish` needs {{ref}}, and `reply` `ref`";
        return wrong("marker", problem);
    }
    if given.has("deliver.offset") && !given.has("deliver.room") {
        let problem = "needs `deliver.room` with `marker = \"correlate\"`: by the acknowledgement, which may come later, \
                       a copy's room is known too late for it";
        return wrong("deliver.offset", problem);
    }
    match (given.has("joined.missed"), given.has("joined.missed_id")) {
        (true, false) => {
            wrong("joined.missed", "needs `joined.missed_id` with `marker = \"correlate\"`: where each has its id")
        }
        (false, true) => wrong("joined.missed_id", "is about `joined.missed`, which is not given"),
        _ => Ok(()),
    }
}
