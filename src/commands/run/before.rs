//! What clients ask for before they connect: a login, or a way in that begins by requests.

use std::sync::Arc;
use std::time::Duration;
use url::Url;

use super::secrets::Learnt;
use crate::commands::exit::Failure;
use crate::dialect::Dialect;
use crate::observe::Word;
use crate::scenario::Scenario;
use crate::session::{Login, LoginRule, Part};
use crate::time::{Clock, Timestamp};
use crate::transport::{Exchanges, NetworkConfig};

/// Requests to the target itself, where its dialect begins by them.
pub(super) fn exchanges(
    dialect: &dyn Dialect,
    urls: &[Url],
    network: &NetworkConfig,
) -> Result<Option<Arc<Exchanges>>, Failure> {
    let Some(_) = dialect.approach() else { return Ok(None) };
    let exchanges = Exchanges::new(Word::AUTH, urls.to_vec(), network.clone()).map_err(Failure::setup)?;
    Ok(Some(Arc::new(exchanges)))
}

/// Refuses fewer logins at the same time than there are processes, of which each must be able to do one.
pub(super) fn shared(scenario: &Scenario, processes: u8) -> Result<(), Failure> {
    match &scenario.login {
        Some(login) if login.at_once < u32::from(processes) => Err(Failure::usage(format!(
            "--processes {processes}: `at_once = {0}` of [users].login lets fewer users log in at the same time than there \
             are processes; raise it, or ask for --processes {0} at most",
            login.at_once
        ))),
        Some(_) | None => Ok(()),
    }
}

/// Where the users of `scenario` log in, if they do; `part` is what this process may do of what all may do together. A
/// fault proxy is between clients and target, and not there.
pub(super) fn login(
    scenario: &Scenario,
    network: &NetworkConfig,
    learnt: &Learnt,
    part: Part,
) -> Result<Option<Arc<Login>>, Failure> {
    let Some(login) = &scenario.login else { return Ok(None) };
    let network = NetworkConfig { headers: Vec::new(), resolve_each: false, ..network.clone() };
    let exchanges = Exchanges::new(Word::LOGIN, vec![login.url.clone()], network).map_err(Failure::setup)?;
    let apart = login.per_second.map_or(Duration::ZERO, |rate| Duration::from_secs_f64(rate.recip()));
    let rule = LoginRule {
        token: login.token.clone(),
        again: login.again,
        within: login.within,
        at_once: login.at_once,
        apart,
        part,
        // The process that coordinates others has seen just now whether it can be done.
        not_before: if part == Part::WHOLE { Timestamp::default() } else { Clock::real().now() + apart },
    };
    let learnt = learnt.clone();
    Ok(Some(Arc::new(Login::new(exchanges, rule, Box::new(move |secret| learnt.note(secret))))))
}
