//! By what a copy was recognised; and where none was, what came in its place and what would make it known.

use serde_json::Value;

use super::party::Party;
use crate::dialect::{Marking, told};
use crate::wire::{Frame, MARKER_PREFIX};

/// A text is no id if it is shorter, and a number if it is smaller: everything has a 1 somewhere.
const SHORTEST_ID: usize = 4;
const SMALLEST_ID: u64 = 1_000;

/// By what the listener's copy was recognised.
pub(super) fn recognised(marking: Marking, talker: &Party) -> String {
    let kind = marking.name();
    match marking {
        Marking::Text => format!("the marker is found in the text (kind `{kind}`)"),
        Marking::Field => format!("the marker is found in its field (kind `{kind}`)"),
        Marking::Correlate => {
            let id = talker.called.as_deref().unwrap_or_default();
            format!("its id is the acknowledgement's, {} (kind `{kind}`)", shown(id))
        }
    }
}

/// Why no copy was recognised, and what to try.
pub(super) fn missing(marking: Marking, [listener, talker]: &[Party; 2]) -> String {
    if let Some(ended) = &listener.ended {
        return format!("the connection ended: {ended}");
    }
    if marking == Marking::Correlate {
        return uncorrelated(listener, talker);
    }
    if listener.altered {
        let why = "a delivery came whose marker was altered on the way: the server re-encodes or cuts the text";
        return format!("{why}{}", try_instead(marking, listener, talker));
    }
    if listener.mistaken {
        return format!(
            "a frame came that holds the marker ({}…), but this dialect does not take it for a delivery",
            String::from_utf8_lossy(MARKER_PREFIX)
        );
    }
    match &listener.unmarked {
        Some(frame) => format!(
            "a delivery came that holds no marker: the server does not give back what is said to it{}; what came: {}",
            try_instead(marking, listener, talker),
            told(frame)
        ),
        None => "nothing came that holds the marker".to_owned(),
    }
}

/// Which kind of marker to try in place of this one.
fn try_instead(marking: Marking, listener: &Party, talker: &Party) -> String {
    let field = match marking {
        Marking::Text => "give the marker a field of its own, {{marker}} (`marker = \"field\"`), or ",
        Marking::Field | Marking::Correlate => "",
    };
    let ids = match common(talker.acknowledgement.as_ref(), listener.unmarked.as_ref()) {
        Some((answer, copy)) => format!(
            "try `marker = \"correlate\"`: what the acknowledgement has at \"{answer}\" (`reply.id`) is what the delivery \
             has at \"{copy}\" (`deliver.id`)"
        ),
        None => {
            "try `marker = \"correlate\"`, if acknowledgement and delivery both carry the server's id of the message"
                .to_owned()
        }
    };
    format!("; {field}{ids}")
}

/// Why no copy has the id that the acknowledgement told.
fn uncorrelated(listener: &Party, talker: &Party) -> String {
    let came: Vec<String> = listener.ids.iter().take(3).map(|(id, _)| shown(id)).collect();
    match (&talker.called, came.is_empty()) {
        (None, true) => {
            "no delivery came, and the acknowledgement has no id where this dialect looks for it".to_owned()
        }
        (None, false) => format!(
            "deliveries came with an id ({}), but the acknowledgement has none where this dialect looks for it",
            came.join(", ")
        ),
        (Some(id), true) => format!("no delivery came; the acknowledgement calls the message {}", shown(id)),
        (Some(id), false) => format!(
            "the acknowledgement calls the message {}, and no delivery has that id; what came: {}",
            shown(id),
            came.join(", ")
        ),
    }
}

/// An id as it may be shown.
fn shown(id: &str) -> String {
    id.chars().take(64).collect::<String>().escape_debug().to_string()
}

/// Where in an acknowledgement and in a delivery the same id stands.
fn common(acknowledgement: Option<&Frame>, delivery: Option<&Frame>) -> Option<(String, String)> {
    let (mut theirs, mut ours) = (Vec::new(), Vec::new());
    leaves(&json(delivery?)?, "", &mut theirs);
    leaves(&json(acknowledgement?)?, "", &mut ours);
    let (answer, id) = ours.into_iter().find(|(_, id)| theirs.iter().any(|(_, known)| known == id))?;
    let (copy, _) = theirs.into_iter().find(|(_, known)| *known == id)?;
    Some((answer, copy))
}

/// The first JSON in a frame, behind whatever prefix.
fn json(frame: &Frame) -> Option<Value> {
    let bytes = frame.bytes();
    let start = memchr::memchr2(b'{', b'[', bytes)?;
    serde_json::Deserializer::from_slice(&bytes[start..]).into_iter().next()?.ok()
}

/// What may be an id in `value`, each with the pointer to it.
fn leaves(value: &Value, place: &str, found: &mut Vec<(String, Value)>) {
    match value {
        Value::String(text) if text.len() >= SHORTEST_ID => found.push((place.to_owned(), value.clone())),
        Value::Number(number) if number.as_u64().is_some_and(|number| number >= SMALLEST_ID) => {
            found.push((place.to_owned(), value.clone()));
        }
        Value::Array(list) => {
            list.iter().enumerate().for_each(|(at, value)| leaves(value, &format!("{place}/{at}"), found));
        }
        Value::Object(members) => members.iter().for_each(|(key, value)| {
            let key = key.replace('~', "~0").replace('/', "~1");
            leaves(value, &format!("{place}/{key}"), found);
        }),
        _ => {}
    }
}
