//! What users do before they connect, in words.

use super::wrap::Wrapped;
use super::{Scenario, time_text};
use crate::units::human::rate;

pub(super) fn login(scenario: &Scenario, out: &mut Wrapped) {
    let Some(login) = &scenario.login else { return };
    let connection = if login.again { "every connection" } else { "its first connection" };
    let place = login.shown();
    let gives = match &login.token {
        Some(pointer) => format!("the token stands at {pointer} of the answer, cookies are taken too"),
        None => "cookies are taken from the answer".to_owned(),
    };
    let pace = login.per_second.map(|per_second| format!(", {} begin", rate(per_second))).unwrap_or_default();
    out.item(&format!("before {connection} each client logs in at {place}: {gives}"));
    out.item(&format!(
        "at most {} log in at the same time{pace}; an answer may take {}",
        login.at_once,
        time_text(login.within)
    ));
}
