//! What clients ask for before they connect: a login, or a way in that begins by requests.

use std::sync::Arc;
use std::time::Duration;
use url::Url;

use super::secrets::Learnt;
use crate::commands::exit::Failure;
use crate::dialect::Dialect;
use crate::observe::Word;
use crate::scenario::Scenario;
use crate::session::{Login, LoginRule};
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

/// Where the users of `scenario` log in, if they do. A fault proxy is between clients and target, and not there.
pub(super) fn login(
    scenario: &Scenario,
    network: &NetworkConfig,
    learnt: &Learnt,
) -> Result<Option<Arc<Login>>, Failure> {
    let Some(login) = &scenario.login else { return Ok(None) };
    let network = NetworkConfig { headers: Vec::new(), resolve_each: false, ..network.clone() };
    let exchanges = Exchanges::new(Word::LOGIN, vec![login.url.clone()], network).map_err(Failure::setup)?;
    let rule = LoginRule {
        token: login.token.clone(),
        again: login.again,
        within: login.within,
        at_once: login.at_once,
        apart: login.per_second.map_or(Duration::ZERO, |rate| Duration::from_secs_f64(rate.recip())),
    };
    let learnt = learnt.clone();
    Ok(Some(Arc::new(Login::new(exchanges, rule, Box::new(move |secret| learnt.note(secret))))))
}
