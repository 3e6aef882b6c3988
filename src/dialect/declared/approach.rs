//! The way in as a file declares it: the key `open`.

use serde_json::{Map, Value};

use super::message::Message;
use super::parameters::{Checked, Format};
use super::pointer::Pointer;
use super::rules::{self, When};
use crate::dialect::DialectError;
use crate::dialect::approach::{Act, Approach, Omen, Reads, Sign};

/// Makes a step of its text.
type Make = fn(&str) -> Act;

/// What a step can be, by its key.
const STEPS: [(&str, Make); 4] = [
    ("ask", |text| Act::Ask(sign(text))),
    ("greet", |text| Act::Greet(sign(text))),
    ("say", |text| Act::Say(text.to_owned())),
    ("hear", |text| Act::Hear(text.to_owned())),
];

fn sign(text: &str) -> Sign {
    match text {
        "welcome" => Sign::Welcome,
        "authenticated" => Sign::Authenticated,
        text => Sign::Text(text.to_owned()),
    }
}

/// The way in that `given` declares, if it declares one.
pub(super) fn approach(given: &Checked<'_>) -> Result<Option<Approach>, DialectError> {
    if !given.has("open") {
        return Ok(None);
    }
    let steps =
        given.list("open.steps").iter().enumerate().map(|(at, step)| act(at, step)).collect::<Result<_, _>>()?;
    let steps: Vec<Act> = steps;
    if steps.is_empty() {
        return Err(Checked::missing("open.steps", "is missing; it says what is done before the socket is used"));
    }
    let reads = Signs {
        format: given.format()?,
        welcome: given.when("welcome")?,
        authenticated: given.when("authenticated")?,
        refused: given.when("refused")?,
        code: given.pointer("refused.code")?,
        carry: given.pointers("open.carry")?,
    };
    let waits =
        |sign: &Sign| steps.iter().any(|step| matches!(step, Act::Ask(known) | Act::Greet(known) if known == sign));
    if waits(&Sign::Welcome) && reads.welcome.is_none() {
        return Err(Checked::missing("open.steps", "wait for `welcome`, which is not declared"));
    }
    if waits(&Sign::Authenticated) && reads.authenticated.is_none() {
        return Err(Checked::missing("open.steps", "wait for `authenticated`, which is not declared"));
    }
    Ok(Some(Approach {
        steps,
        query: given.pairs("open.query"),
        content_type: given.literal("open.content_type")?,
        split: given.literal("open.split")?,
        strayed: given.literal("open.strayed")?,
        reads: Box::new(reads),
    }))
}

fn act(at: usize, step: &Map<String, Value>) -> Result<Act, DialectError> {
    let known = || STEPS.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ");
    let wrong = || Checked::missing(&format!("open.steps.{at}"), &format!("must be one of {} and a text", known()));
    let mut entries = step.iter();
    let (Some((key, Value::String(text))), None) = (entries.next(), entries.next()) else { return Err(wrong()) };
    let (_, make) = STEPS.iter().find(|(name, _)| name == key).ok_or_else(wrong)?;
    Ok(make(text))
}

/// How the messages on the way in are read.
#[derive(Debug)]
struct Signs {
    format: Format,
    welcome: Option<When>,
    authenticated: Option<When>,
    refused: Option<When>,
    code: Option<Pointer>,
    carry: Vec<(String, Pointer)>,
}

impl Signs {
    fn message<'a>(&self, whole: &'a [u8]) -> Message<'a> {
        match self.format {
            Format::Json => Message::json(whole),
            Format::Prefixed | Format::Plain => Message::prefixed(whole),
            Format::Bytes => Message::bytes(whole),
        }
    }
}

impl Reads for Signs {
    fn omen(&self, message: &[u8], sign: &Sign) -> Omen {
        let message = self.message(message);
        let is = |when: &Option<When>| when.as_ref().is_some_and(|when| when.holds(&message));
        if is(&self.refused) {
            let code = self.code.as_ref().and_then(|code| code.find(message.json)).and_then(rules::name);
            return Omen::Refused(code.unwrap_or("refused").to_owned());
        }
        match sign {
            Sign::Welcome if is(&self.welcome) => Omen::Met,
            Sign::Authenticated if is(&self.authenticated) => Omen::Met,
            _ => Omen::Other,
        }
    }

    fn carried(&self, message: &[u8]) -> Vec<(String, String)> {
        let message = self.message(message);
        let value = |(name, pointer): &(String, Pointer)| {
            let value = pointer.find(message.json).and_then(rules::name)?;
            Some((name.clone(), value.to_owned()))
        };
        self.carry.iter().filter_map(value).collect()
    }
}

#[cfg(test)]
mod tests {
    use crate::dialect::find;
    use serde_json::{Value, json};

    /// What is said of a backend with this under `open`, or more.
    fn refusal(more: Value) -> String {
        let mut with = json!({"publish": "{\"text\":\"{{text}}\"}"});
        with.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        find("json", with.as_object().unwrap()).map(drop).unwrap_err().to_string()
    }

    #[test]
    fn a_way_in_that_leads_nowhere_is_refused() {
        for (open, problem) in [
            (json!({}), r#"parameter "open.steps": is missing; it says what is done before the socket is used"#),
            (
                json!({"steps": ["welcome"]}),
                r#"parameter "open.steps": must be a list of tables such as [{ ask = "welcome" }]"#,
            ),
            (
                json!({"steps": [{"ask": "6"}, {"fetch": "welcome"}]}),
                r#"parameter "open.steps.1": must be one of ask, greet, say, hear and a text"#,
            ),
            (
                json!({"steps": [{"ask": "6", "say": "5"}]}),
                r#"parameter "open.steps.0": must be one of ask, greet, say, hear and a text"#,
            ),
            (
                json!({"steps": [{"ask": "welcome"}]}),
                r#"parameter "open.steps": wait for `welcome`, which is not declared"#,
            ),
            (
                json!({"steps": [{"greet": "authenticated"}]}),
                r#"parameter "open.steps": wait for `authenticated`, which is not declared"#,
            ),
            (
                json!({"steps": [{"ask": "6"}], "carry": {"sid": "sid"}}),
                r#"parameter "open.carry.sid": "sid" is not a JSON Pointer; it starts with "/", as in "/sid""#,
            ),
            (json!({"step": []}), r#"parameter "open.step": is not known; did you mean "open.steps"?"#),
        ] {
            assert_eq!(refusal(json!({"open": open})), problem, "{open}");
        }
        let recover = json!({"recover": {"session": "/pid", "session_as": "pid", "last_as": "offset"}});
        assert_eq!(
            refusal(recover),
            r#"parameter "recover.when": is missing; it must be a table such as { "/type" = "message" }"#
        );
    }
}
