//! From checked parameters to a backend: every part, and what follows from all of them together.

use std::sync::Arc;
use std::time::Duration;

use super::calls::PublishBy;
use super::framing::Framing;
use super::hears::Hears;
use super::opens::{Opens, Streams};
use super::parameters::Checked;
use super::says::Says;
use super::slot::Slot;
use super::wording::Wording;
use super::{Declared, Machine, approach, idle, marking, recovery};
use crate::dialect::{Dialect, DialectError, Habits, Parameters, Saying};

/// The shortest silence that a sign of life may follow: they are looked for ten times a second.
const SHORTEST_HEARTBEAT: Duration = Duration::from_secs(1);

/// What to try in general where no answer to a join comes.
const ADVICE: &str = "if no answer is to come, `acknowledges_joins = false` awaits none; if a message of its own is the \
                      answer, say under `joined` what it looks like";

/// The dialect called `name` that `parameters` describe.
pub(super) fn compile(name: &'static str, parameters: &Parameters) -> Result<Arc<dyn Dialect>, DialectError> {
    let given = Checked::new(parameters)?;
    let framing = Framing::new(&given)?;
    let says = Says::new(&given)?;
    let hears = Hears::new(&given, &framing, says.auth.as_ref().is_some_and(|auth| auth.names(Slot::Ref)))?;
    let opens = Opens::new(&given)?;
    let (approach, recovery) = (approach::approach(&given)?, recovery::recovery(&given)?);
    let (streams, publish_by) = (Streams::new(&given)?, PublishBy::new(&given)?);
    let replies = hears.reply.is_some() || hears.reply_when.is_some();
    let answers =
        |template: &Option<Wording>| replies && template.as_ref().is_some_and(|template| template.names(Slot::Ref));
    let habits = Habits {
        sender_hears_itself: given.flag("sender_hears_itself").unwrap_or(true),
        acknowledges_joins: given.flag("acknowledges_joins").unwrap_or(true)
            && says.join.is_some()
            && (hears.joined.is_some() || answers(&says.join)),
        tells_joins: hears.joined.is_some(),
        acknowledges_messages: publish_by.is_some()
            || given.flag("acknowledges_messages").unwrap_or_else(|| answers(&says.publish)),
        acknowledges_auth: (says.auth.is_some() || says.hello.is_some())
            && (hears.authenticated.is_some() || answers(&says.auth)),
        welcomes: hears.welcome.is_some(),
        answers_welcome: given.flag("after_welcome").unwrap_or(false),
        heartbeat: heartbeat(&given, &says)?,
    };
    if habits.answers_welcome && !habits.welcomes {
        return Err(Checked::missing("after_welcome", "needs `welcome`: it says what is waited for"));
    }
    idle::refused(&given, &says, &hears, &habits)?;
    let sayings = sayings(&given, &says, publish_by.as_ref(), replies)?;
    let marking = marking::marking(&given, &says, publish_by.as_ref(), &habits)?;
    let machine = Machine {
        name,
        framing,
        says,
        hears,
        opens,
        approach,
        recovery,
        streams,
        publish_by,
        habits,
        marking,
        advice: given.plain("advice").unwrap_or(ADVICE).to_owned(),
        sayings,
    };
    Ok(Arc::new(Declared { machine: Arc::new(machine), saved: Box::default() }))
}

/// What can be published by name: on the socket, where `replies` says whether answers are told from each other, or by requests.
fn sayings(
    given: &Checked<'_>,
    says: &Says,
    publish_by: Option<&PublishBy>,
    replies: bool,
) -> Result<Vec<Saying>, DialectError> {
    let by_request = publish_by.into_iter().flat_map(PublishBy::sayings);
    if let Some(name) = by_request.clone().find(|name| says.sayings.iter().any(|(known, _)| known == name)) {
        let problem = "stands under `publish_by.as` too: it can be said by the one or by the other";
        return Err(Checked::missing(&format!("publish_as.{name}"), problem));
    }
    let by_request = by_request.map(|name| Saying { name: name.into(), acknowledged: true });
    let acknowledged = given.flag("acknowledges_messages").unwrap_or(true) && replies;
    let on_socket = says
        .sayings
        .iter()
        .map(|(name, text)| Saying { name: name.as_str().into(), acknowledged: acknowledged && text.names(Slot::Ref) });
    Ok(on_socket.chain(by_request).collect())
}

/// After what silence of its own a client says a sign of life.
fn heartbeat(given: &Checked<'_>, says: &Says) -> Result<Option<Duration>, DialectError> {
    let every = given.duration("heartbeat.every", SHORTEST_HEARTBEAT)?;
    match (every, &says.heartbeat) {
        (None, Some(_)) => Err(Checked::missing("heartbeat.every", "is missing; it says how often `say` is said")),
        (Some(_), None) => {
            Err(Checked::missing("heartbeat.say", "is missing; it is what a client says `every` so often"))
        }
        (every, _) => Ok(every),
    }
}
