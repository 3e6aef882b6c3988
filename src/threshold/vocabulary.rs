//! The values a label may have where that is known before a run: closed vocabularies and the scenario's own names.

use std::borrow::Cow;

use super::window;
use crate::metrics::{HOP_STAGES, LabelKey, Names};
use crate::observe::{Hop, Stretch, TransportKind, Word};

const CONNECTING: &[Word] = &[Word::DNS, Word::TCP, Word::TLS, Word::UPGRADE, Word::LOGIN, Word::AUTH, Word::JOIN];
const CLASSES: &[Word] = &[Word::STEADY, Word::RECONNECT_GAP, Word::SLOW_CONSUMER];
const EXCLUDED: &[Word] = &[Word::NEVER_JOINED, Word::JOIN_RACE, Word::LEAVE_RACE, Word::REFUSED, Word::UNKNOWN];
const UNSENT: &[Word] = &[Word::DISCONNECTED, Word::NOT_JOINED, Word::BACK_PRESSURE, Word::GENERATOR];
const FAILED: &[Word] = &[
    Word::DISCONNECTED,
    Word::NOT_JOINED,
    Word::BACK_PRESSURE,
    Word::REFUSED,
    Word::UNAVAILABLE,
    Word::UNCONFIRMED,
    Word::RATE_LIMITED,
    Word::LEFT,
];
const FRAMES: &[Word] =
    &[Word::DELIVERY, Word::ACK, Word::REPLY, Word::PRESENCE, Word::HEARTBEAT, Word::ERROR, Word::UNKNOWN];
const FAILURES: &[Word] = &[
    Word::CONNECTION_REFUSED,
    Word::TIMEOUT,
    Word::NO_ADDRESS,
    Word::RESET,
    Word::EOF,
    Word::CERTIFICATE,
    Word::HANDSHAKE,
    Word::ACCEPT_KEY,
    Word::PROXY,
    Word::FD_LIMIT,
    Word::PORTS_EXHAUSTED,
    Word::PROTOCOL,
    Word::IO,
    Word::SILENT,
    Word::UNAVAILABLE,
    Word::UNCONFIRMED,
    Word::RATE_LIMITED,
    Word::SESSION_UNKNOWN,
    Word::OTHER,
];

/// Every value label `key` of `metric` may have; `None` when only the run will tell.
pub(super) fn values(metric: &str, key: LabelKey, names: &Names) -> Option<Vec<Cow<'static, str>>> {
    match key {
        LabelKey::Hop => Some([Hop::Same, Hop::Cross, Hop::Unknown].map(|hop| hop.name().into()).to_vec()),
        LabelKey::To | LabelKey::From => Some(TransportKind::ALL.map(|kind| kind.name().into()).to_vec()),
        LabelKey::Own => Some(vec!["yes".into(), "no".into()]),
        LabelKey::Group => Some(names.groups.iter().map(|name| name.clone().into()).collect()),
        LabelKey::Publish => Some(names.publishes.iter().map(|name| name.clone().into()).collect()),
        LabelKey::Request => Some(names.requests.iter().map(|name| name.clone().into()).collect()),
        LabelKey::Instance => None,
        LabelKey::Stage => Some(match metric {
            "hop" => spelled(&HOP_STAGES),
            "connect" => spelled(CONNECTING),
            _ => [spelled(CONNECTING), spelled(&[Word::ACTIVE])].concat(),
        }),
        LabelKey::Phase => {
            let incidents = names.incidents.iter().cloned().chain(window::found()).collect();
            let names = Names { incidents, ..Names::default() };
            let stretches = (0..names.incidents.len() as u16).flat_map(|at| [Stretch::during(at), Stretch::after(at)]);
            Some([Stretch::BEFORE].into_iter().chain(stretches).map(|at| names.stretch(at).into()).collect())
        }
        LabelKey::Bystander => Some(vec!["yes".into(), "no".into()]),
        LabelKey::Class => Some(spelled(CLASSES)),
        LabelKey::Reason => Some(spelled(match metric {
            "messages.unsent" => UNSENT,
            "requests.failed" => FAILED,
            _ => EXCLUDED,
        })),
        LabelKey::Kind => Some(spelled(if metric == "frames.received" { FRAMES } else { FAILURES })),
    }
}

/// Whether `value` is a status or close code, which are kinds of failures too.
pub(super) fn is_code(key: LabelKey, value: &str) -> bool {
    let code = value.strip_prefix("http_").or_else(|| value.strip_prefix("close_"));
    key == LabelKey::Kind && code.is_some_and(|code| code.parse::<u16>().is_ok())
}

fn spelled(words: &[Word]) -> Vec<Cow<'static, str>> {
    words.iter().map(|word| word.name()).collect()
}
