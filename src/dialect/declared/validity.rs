//! Whether parameters are known, of the right kind, and fit together.

use serde_json::Value;

use super::keys::{Kind, TABLE};
use super::parameters::{Checked, Format, Made, wrong};
use crate::dialect::Parameters;

/// What says something about text, and cannot be said about bytes.
const TEXT_ONLY: [&str; 11] = [
    "framing.split",
    "framing.end",
    "framing.binary",
    "open",
    "recover",
    "save",
    "stream",
    "reply.id",
    "deliver.id",
    "joined.missed",
    "joined.missed_id",
];

/// Refuses unknown keys and wrong kinds.
pub(super) fn known(parameters: &Parameters) -> Made<()> {
    for (key, value) in parameters {
        if check(key, value)? == Kind::Table {
            for (member, value) in value.as_object().into_iter().flatten() {
                check(&format!("{key}.{member}"), value)?;
            }
        }
    }
    Ok(())
}

/// Refuses what cannot be said where messages are bytes.
pub(super) fn fits_bytes(given: &Checked<'_>) -> Made<()> {
    if given.format()? != Format::Bytes {
        return Ok(());
    }
    if let Some(key) = TEXT_ONLY.iter().find(|key| given.has(key)) {
        return Err(wrong(key, "is about text, and with `framing.format = \"bytes\"` there is none"));
    }
    for key in ["reply.ref", "reply.error"] {
        if given.has(key) && !given.has("reply.when") {
            return Err(wrong(key, "needs `reply.when` where messages are bytes: each of them has bytes there"));
        }
    }
    Ok(())
}

fn check(key: &str, value: &Value) -> Made<Kind> {
    let Some((_, kind, _)) = TABLE.iter().find(|(name, ..)| *name == key) else {
        return Err(wrong(key, unknown(key)));
    };
    if kind.fits(value) { Ok(*kind) } else { Err(wrong(key, kind.wanted())) }
}

fn unknown(key: &str) -> String {
    let split = |name: &'static str| name.rsplit_once('.').unwrap_or(("", name));
    let (table, own) = key.rsplit_once('.').unwrap_or(("", key));
    let siblings = || TABLE.iter().map(|(name, ..)| *name).filter(|name| split(name).0 == table);
    let likeness = |name: &'static str| strsim::jaro_winkler(split(name).1, own);
    match siblings().max_by(|a, b| likeness(a).total_cmp(&likeness(b))) {
        Some(near) if likeness(near) > 0.8 => format!("is not known; did you mean {near:?}?"),
        _ => format!("is not known; there are: {}", siblings().collect::<Vec<_>>().join(", ")),
    }
}
