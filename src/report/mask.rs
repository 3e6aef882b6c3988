//! Secrets taken out of texts that end up in results: by what stands before them, by what they look like, and by
//! knowing them. Pure.

use super::{Ending, Report};

/// What stands in a secret's place.
const MASK: &str = "***";

/// A name that holds one of these names a secret.
const WORDS: &[&str] =
    &["authorization", "cookie", "password", "passwd", "secret", "token", "api_key", "api-key", "apikey", "credential"];

/// Known secrets shorter than this would take ordinary words with them.
const SHORTEST: usize = 4;

/// Whether `name` (of a header, a column, a variable) names a secret.
pub fn is_secret(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    WORDS.iter().any(|word| name.contains(word))
}

/// Whether `value` looks like a token, whatever it is called: three parts as of a JWT, or long and random.
pub fn looks_secret(value: &str) -> bool {
    let random = value.len() >= 32
        && value.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '+' | '=' | '.'))
        && value.chars().any(|c| c.is_ascii_digit())
        && value.chars().any(|c| c.is_ascii_alphabetic());
    random || jwt(value) == value.len() && !value.is_empty()
}

/// `text` without the values that stand behind secrets' names (`token=…`, `"password": "…"`, `Cookie: …`), without user
/// and password of URLs, and without tokens known by their look. What is only a variable (`${TOKEN}`, `{{user.token}}`)
/// is no secret and stays.
fn masked(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut at = 0;
    while let Some(c) = text[at..].chars().next() {
        let fresh = !out.chars().next_back().is_some_and(is_name);
        let token = if fresh { jwt(&text[at..]) } else { 0 };
        if token > 0 {
            out.push_str(MASK);
            at += token;
        } else if let Some(end) = text[at..].starts_with("://").then(|| user_info(&text[at + 3..])).flatten() {
            out.push_str("://");
            out.push_str(if is_variable(&text[at + 3..at + 3 + end]) { &text[at + 3..at + 3 + end] } else { MASK });
            at += 3 + end;
        } else if fresh && is_name(c) {
            let name = name(&text[at..]);
            out.push_str(&text[at..at + name]);
            let value = is_secret(&text[at..at + name]).then(|| value(&text[at..], name)).flatten();
            at += name;
            if let Some((from, to)) = value {
                let from = at - name + from;
                let to = at - name + to;
                out.push_str(&text[at..from]);
                out.push_str(if is_variable(&text[from..to]) { &text[from..to] } else { MASK });
                at = to;
            }
        } else {
            out.push(c);
            at += c.len_utf8();
        }
    }
    out
}

fn is_name(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '_' | '-')
}

/// How long the name at the start of `text` is.
fn name(text: &str) -> usize {
    text.find(|c| !is_name(c)).unwrap_or(text.len())
}

/// From where to where the value goes that is given to the name of length `name` at the start of `text`.
fn value(text: &str, name: usize) -> Option<(usize, usize)> {
    let after = |at: usize, what: &[char]| at + text[at..].len() - text[at..].trim_start_matches(what).len();
    let sign = after(after(name, &['"', '\'', '\\']), &[' ', '\t']);
    let rest = &text[sign..];
    if !rest.starts_with(['=', ':']) || rest.starts_with("==") || rest.starts_with("://") {
        return None;
    }
    let start = after(sign + 1, &[' ', '\t']);
    let quotes = after(start, &['"', '\'', '\\']);
    let value = &text[quotes..];
    let length = match text[start..quotes].trim_start_matches('\\').chars().next() {
        Some(quote) => value.find([quote, '\n']).map(|end| value[..end].trim_end_matches('\\').len()),
        // A table or a list is looked into.
        None if value.starts_with(['{', '[']) && !value.starts_with("{{") => return None,
        // A header's value goes to the end of its line; anything else ends where the next thing begins.
        None if rest.starts_with(':') => value.find(['\n', '"', '\'', ',', '}']),
        None if value.starts_with("{{") => value.find("}}").map(|end| end + 2),
        None if value.starts_with("${") => value.find('}').map(|end| end + 1),
        None => value.find(['&', '#', ' ', '\t', '\n', '"', '\'', '\\', ',', ';', '}', ')', ']']),
    };
    let length = length.unwrap_or(value.len());
    (length > 0).then_some((quotes, quotes + length))
}

/// How long user and password are at the start of what follows `://`.
fn user_info(text: &str) -> Option<usize> {
    let authority = text.find(['/', '?', '#', '"', '\'', ' ', '\n']).unwrap_or(text.len());
    text[..authority].rfind('@')
}

/// Whether nothing is left of `value` without its variables and the names of schemes.
fn is_variable(value: &str) -> bool {
    let mut rest = value.to_owned();
    for (open, close) in [("${", "}"), ("{{", "}}")] {
        while let Some(start) = rest.find(open) {
            let Some(end) = rest[start..].find(close) else { return false };
            rest.replace_range(start..start + end + close.len(), "");
        }
    }
    let found = rest.len() < value.len();
    found && ["", "Bearer", "Basic", ":"].contains(&rest.trim())
}

/// How long the JSON web token at the start of `text` is; 0 without one.
fn jwt(text: &str) -> usize {
    if !text.starts_with("eyJ") {
        return 0;
    }
    let length = text.find(|c| !is_name(c) && c != '.').unwrap_or(text.len());
    let parts: Vec<&str> = text[..length].split('.').collect();
    if parts.len() >= 3 && parts[..3].iter().all(|part| part.len() >= 8) { length } else { 0 }
}

/// `text` without what [`masked`] finds, and without each of `known`.
pub fn hidden(text: &str, known: &[String]) -> String {
    let mut known: Vec<&String> = known.iter().filter(|secret| secret.len() >= SHORTEST).collect();
    // The longest first: one may be part of another.
    known.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
    let without = |text: String, secret: &&String| match text.contains(secret.as_str()) {
        true => text.replace(secret.as_str(), MASK),
        false => text,
    };
    masked(&known.iter().fold(text.to_owned(), without))
}

impl Report {
    /// Takes secrets out of every free text of the result, as [`hidden`] does.
    pub fn hide(&mut self, known: &[String]) {
        let hide = |text: &mut String| *text = hidden(text, known);
        if let Ending::Aborted(why) | Ending::Failed(why) = &mut self.end {
            hide(why);
        }
        hide(&mut self.scenario.text);
        self.unknown_frames.iter_mut().for_each(hide);
        self.generator.reasons.iter_mut().for_each(hide);
        self.errors.iter_mut().filter_map(|failure| failure.first.as_mut()).for_each(|first| hide(&mut first.detail));
        for fault in &mut self.faults {
            hide(&mut fault.what);
            fault.failure.iter_mut().for_each(hide);
        }
    }
}

#[cfg(test)]
#[path = "mask_tests.rs"]
mod tests;
