//! `{{…}}` in texts: substitution, once per user or message. No loops, no conditions, no expressions.
//!
//! A template is taken apart once ([`Template::compile`]) and rendered many times; an unknown placeholder is found at
//! compile time, with its place.

use hmac::{Hmac, Mac as _};
use rand::{Rng, RngExt};
use sha2::Sha256;
use std::ops::Range;
use std::sync::Arc;

/// What can stand between the braces, with a line about each.
pub const PLACEHOLDERS: &[(&str, &str)] = &[
    ("user.COLUMN", "the user's value in that column; user.name is its name"),
    ("n", "the user's number, from 0"),
    ("seq", "the publication's number in its stream"),
    ("ref", "a number unique within the connection"),
    ("uuid", "a random UUID"),
    ("now_ms", "milliseconds since 1970"),
    ("room", "the room's name"),
    ("text", "the payload, marker included"),
    ("marker", "the marker alone"),
    ("rand:1..10", "a random whole number, both ends included"),
    ("pick:FILE", "a random line of a file"),
    ("hmac_sha256:KEY:TEXT", "hex HMAC-SHA-256 of TEXT, in which placeholders may stand"),
];

/// A text with placeholders, taken apart.
#[derive(Clone, Debug, PartialEq)]
pub struct Template {
    parts: Vec<Part>,
}

#[derive(Clone, Debug, PartialEq)]
enum Part {
    Literal(String),
    Placeholder(Placeholder),
}

/// What stands between a pair of braces.
#[derive(Clone, Debug, PartialEq)]
pub enum Placeholder {
    /// `user.COLUMN`
    User(String),
    /// `n`
    N,
    /// `seq`
    Seq,
    /// `ref`
    Ref,
    /// `uuid`
    Uuid,
    /// `now_ms`
    NowMs,
    /// `room`
    Room,
    /// `text`
    Text,
    /// `marker`
    Marker,
    /// `rand:A..B`
    Rand(u64, u64),
    /// `pick:FILE`
    Pick(Arc<[String]>),
    /// `hmac_sha256:KEY:TEXT`
    HmacSha256(String, Template),
}

/// A placeholder that is none.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{problem}")]
pub struct TemplateError {
    /// The bytes of the text it is about.
    pub span: Range<usize>,
    /// What is wrong and what would be right.
    pub problem: String,
}

/// What placeholders stand for at one moment. What has no meaning there stays at its default.
#[derive(Clone, Copy, Default)]
#[allow(missing_docs)] // each field is the placeholder of its name
pub struct Values<'a> {
    /// Column names and the user's row.
    pub user: &'a [(&'a str, &'a str)],
    pub n: u64,
    pub seq: u64,
    pub reference: u64,
    pub now_ms: u64,
    pub room: &'a str,
    pub text: &'a str,
    pub marker: &'a str,
}

/// How values are written into the text around them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Escape {
    /// As they are.
    Nothing,
    /// So that they may stand between the quotes of a JSON string.
    Json,
    /// So that they may stand in a form, as a name or a value.
    Form,
}

/// Reads the lines of a file for `pick:FILE`; the error is a message.
pub type Files<'f> = &'f dyn Fn(&str) -> Result<Vec<String>, String>;

impl Template {
    /// Takes `text` apart. `files` reads the files that `pick` names.
    ///
    /// # Errors
    /// When a placeholder is unknown, incomplete, or names a file that cannot be read.
    pub fn compile(text: &str, files: Files<'_>) -> Result<Self, TemplateError> {
        let mut parts = Vec::new();
        let mut at = 0;
        while let Some(open) = text[at..].find("{{").map(|found| at + found) {
            if open > at {
                parts.push(Part::Literal(text[at..open].to_owned()));
            }
            let wrong = |span: Range<usize>, problem: String| TemplateError { span, problem };
            let close = closing(text, open).ok_or_else(|| wrong(open..text.len(), "`{{` without `}}`".to_owned()))?;
            let inner = &text[open + 2..close];
            let placeholder = placeholder(inner.trim(), files).map_err(|problem| wrong(open..close + 2, problem))?;
            parts.push(Part::Placeholder(placeholder));
            at = close + 2;
        }
        if at < text.len() {
            parts.push(Part::Literal(text[at..].to_owned()));
        }
        Ok(Self { parts })
    }

    /// Every placeholder in it, also those inside an HMAC's text.
    pub fn placeholders(&self) -> Vec<&Placeholder> {
        let mut found = Vec::new();
        for part in &self.parts {
            if let Part::Placeholder(placeholder) = part {
                found.push(placeholder);
                if let Placeholder::HmacSha256(_, text) = placeholder {
                    found.extend(text.placeholders());
                }
            }
        }
        found
    }

    /// Appends the text with everything filled in.
    pub fn render(&self, values: &Values<'_>, escape: Escape, rng: &mut impl Rng, out: &mut String) {
        for part in &self.parts {
            match part {
                Part::Literal(text) => out.push_str(text),
                Part::Placeholder(placeholder) => placeholder.render(values, escape, rng, out),
            }
        }
    }
}

impl Placeholder {
    fn render(&self, values: &Values<'_>, escape: Escape, rng: &mut impl Rng, out: &mut String) {
        let number = match self {
            Self::User(column) => {
                let found = values.user.iter().find(|(name, _)| name == column);
                return write(found.map_or("", |(_, value)| value), escape, out);
            }
            Self::Room => return write(values.room, escape, out),
            Self::Text => return write(values.text, escape, out),
            Self::Marker => return write(values.marker, escape, out),
            Self::Uuid => return write_uuid(rng.random(), out),
            Self::Pick(lines) => {
                return write(
                    lines.get(rng.random_range(0..lines.len().max(1))).map_or("", String::as_str),
                    escape,
                    out,
                );
            }
            Self::HmacSha256(key, text) => {
                let mut message = String::new();
                text.render(values, Escape::Nothing, rng, &mut message);
                let digest = hmac_sha256(key.as_bytes(), message.as_bytes());
                return digest.iter().for_each(|byte| out.push_str(&format!("{byte:02x}")));
            }
            Self::N => values.n,
            Self::Seq => values.seq,
            Self::Ref => values.reference,
            Self::NowMs => values.now_ms,
            Self::Rand(least, most) => rng.random_range(*least..=*most),
        };
        out.push_str(&number.to_string());
    }
}

/// Where the braces opened at `open` close, those inside them counted.
fn closing(text: &str, open: usize) -> Option<usize> {
    let mut depth = 0;
    let mut at = open;
    loop {
        let next = at + text[at..].find(['{', '}'])?;
        match text.get(next..next + 2) {
            Some("{{") => (depth, at) = (depth + 1, next + 2),
            Some("}}") if depth == 1 => return Some(next),
            Some("}}") => (depth, at) = (depth - 1, next + 2),
            _ => at = next + 1,
        }
    }
}

fn placeholder(inner: &str, files: Files<'_>) -> Result<Placeholder, String> {
    let (name, argument) = inner.split_once(':').unwrap_or((inner, ""));
    if let Some(column) = inner.strip_prefix("user.").filter(|column| !column.is_empty()) {
        return Ok(Placeholder::User(column.to_owned()));
    }
    Ok(match (name, argument) {
        ("n", "") => Placeholder::N,
        ("seq", "") => Placeholder::Seq,
        ("ref", "") => Placeholder::Ref,
        ("uuid", "") => Placeholder::Uuid,
        ("now_ms", "") => Placeholder::NowMs,
        ("room", "") => Placeholder::Room,
        ("text", "") => Placeholder::Text,
        ("marker", "") => Placeholder::Marker,
        ("rand", range) => {
            let ends = range.split_once("..").and_then(|(a, b)| Some((a.trim().parse().ok()?, b.trim().parse().ok()?)));
            match ends {
                Some((least, most)) if least <= most => Placeholder::Rand(least, most),
                _ => return Err("`rand` needs a range, as in `{{rand:1..10}}`".to_owned()),
            }
        }
        ("pick", file) if !file.is_empty() => match files(file)? {
            lines if lines.is_empty() => return Err(format!("{file} has no lines to pick from")),
            lines => Placeholder::Pick(lines.into()),
        },
        ("hmac_sha256", argument) => {
            let parts = argument.split_once(':').filter(|(key, _)| !key.is_empty());
            let (key, text) = parts.ok_or("`hmac_sha256` needs a key and a text, as in `{{hmac_sha256:KEY:TEXT}}`")?;
            Placeholder::HmacSha256(key.to_owned(), Template::compile(text, files).map_err(|error| error.problem)?)
        }
        _ => return Err(unknown(inner)),
    })
}

fn unknown(inner: &str) -> String {
    let names: Vec<&str> = PLACEHOLDERS.iter().map(|(name, _)| *name).collect();
    format!("unknown placeholder `{{{{{inner}}}}}`; there are {}", names.join(", "))
}

fn hmac_sha256(key: &[u8], text: &[u8]) -> [u8; 32] {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes keys of any length");
    mac.update(text);
    mac.finalize().into_bytes().into()
}

fn write(value: &str, escape: Escape, out: &mut String) {
    match escape {
        Escape::Nothing => return out.push_str(value),
        Escape::Form => return out.extend(url::form_urlencoded::byte_serialize(value.as_bytes())),
        Escape::Json => {}
    }
    for character in value.chars() {
        match character {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            control if control < ' ' => out.push_str(&format!("\\u{:04x}", control as u32)),
            other => out.push(other),
        }
    }
}

/// A version 4 UUID out of 128 random bits.
fn write_uuid(bits: u128, out: &mut String) {
    let bits = (bits & !(0xf << 76) & !(0x3 << 62)) | (0x4 << 76) | (0x2 << 62);
    let hex = format!("{bits:032x}");
    out.push_str(&format!("{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]));
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;

    fn no_files(name: &str) -> Result<Vec<String>, String> {
        if name == "names.txt" { Ok(vec!["ada".to_owned()]) } else { Err(format!("cannot read {name}")) }
    }

    fn render(text: &str, escape: Escape) -> String {
        let template = Template::compile(text, &no_files).unwrap();
        let values = Values {
            user: &[("name", "u\"7")],
            n: 7,
            seq: 3,
            reference: 9,
            now_ms: 12,
            room: "r\n1",
            text: "hello",
            marker: "wsb1",
        };
        let mut out = String::new();
        template.render(&values, escape, &mut ChaCha8Rng::seed_from_u64(1), &mut out);
        out
    }

    #[test]
    fn every_placeholder_is_filled_in() {
        let text = "{{user.name}} {{ n }} {{seq}} {{ref}} {{now_ms}} {{room}} {{text}} {{marker}} {{pick:names.txt}} {{rand:4..4}}";
        assert_eq!(render(text, Escape::Nothing), "u\"7 7 3 9 12 r\n1 hello wsb1 ada 4");
        assert_eq!(render("{\"a\":{\"user\":\"{{user.name}}\"}}", Escape::Json), r#"{"a":{"user":"u\"7"}}"#);
        assert_eq!(render("user={{user.name}}&room={{room}}", Escape::Form), "user=u%227&room=r%0A1");
        let uuid = render("{{uuid}}", Escape::Nothing);
        assert!(uuid.len() == 36 && &uuid[14..15] == "4" && "89ab".contains(&uuid[19..20]), "{uuid}");
    }

    #[test]
    fn an_hmac_may_hold_placeholders() {
        // RFC 4231, test case 2.
        let text = "{{hmac_sha256:Jefe:what do ya want for nothing?}}";
        assert_eq!(render(text, Escape::Nothing), "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
        let nested = render("{{hmac_sha256:k:{{n}}:{{room}}}}!", Escape::Nothing);
        let expected: String = hmac_sha256(b"k", b"7:r\n1").iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(nested, format!("{expected}!"));
    }

    #[test]
    fn what_is_wrong_has_its_place() {
        let error = |text: &str| Template::compile(text, &no_files).unwrap_err();
        let unknown = error("join {{rom}}");
        assert_eq!(unknown.span, 5..12);
        assert!(unknown.problem.starts_with("unknown placeholder `{{rom}}`; there are user.COLUMN, n"), "{unknown}");
        assert_eq!(error("a {{n").problem, "`{{` without `}}`");
        assert_eq!(error("{{rand:5}}").problem, "`rand` needs a range, as in `{{rand:1..10}}`");
        assert_eq!(error("{{pick:gone.txt}}").problem, "cannot read gone.txt");
    }
}
