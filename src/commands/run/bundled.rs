//! The room server of this program, raised for one run: its broker, its instances, and what they are told.

use std::sync::Arc;

use super::rigging;
use crate::commands::exit::Failure;
use crate::commands::redis;
use crate::commands::rig::{Layout, Rig};
use crate::commands::{environment, secret};
use crate::report;
use crate::scenario::plan::Plan;
use crate::scenario::{BrokerChoice, Bundled, Cadence, Deed, Scenario};
use crate::ui::Progress;
use crate::units::print_duration;

/// The server of a run, up.
pub(super) struct Raised {
    pub(super) rig: Rig,
    pub(super) joined_by: report::Broker,
    /// What signs the tokens it takes.
    pub(super) secret: Arc<[u8]>,
}

/// Raises the server that `scenario` describes as `bundled`, joined by `redis` if that is given. Call it from the main thread.
pub(super) fn raise(
    bundled: &Bundled,
    scenario: &Scenario,
    plan: &Plan,
    redis: Option<&str>,
    progress: &mut Progress,
) -> Result<Raised, Failure> {
    let path = environment("PATH");
    let broker = redis::start(bundled.broker, redis, path.as_deref())?;
    progress.notice(&format!("server: {} instances joined by {}", bundled.instances, broker.describe()));
    if broker.url().is_none() && bundled.broker == BrokerChoice::Auto {
        progress.notice(
            "no Redis at hand (--redis, REDIS_URL, redis-server or valkey-server on PATH): \
             the cross-instance figures contain no Redis hop",
        );
    }
    let joined_by = if broker.url().is_some() { report::Broker::Redis } else { report::Broker::Memory };
    let secret = secret::random();
    let layout = Layout {
        program: rigging::program()?,
        instances: bundled.instances,
        port: 0,
        admin_port: 0,
        bind: std::net::IpAddr::from([127, 0, 0, 1]),
        secret: secret.clone(),
        arguments: arguments(bundled, scenario, plan),
    };
    Ok(Raised { rig: Rig::start(layout, broker)?, joined_by, secret: Arc::from(secret.into_bytes()) })
}

/// What the instances of this run are told.
fn arguments(bundled: &Bundled, scenario: &Scenario, plan: &Plan) -> Vec<String> {
    let mut arguments = Vec::new();
    let mut add = |flag: &str, value: String| arguments.extend([flag.to_owned(), value]);
    add("--frames-per-second", frames_per_second(scenario, plan).to_string());
    add("--ping-interval", print_duration(bundled.ping_interval));
    add("--ping-timeout", print_duration(bundled.ping_timeout));
    if scenario.faults.iter().any(|fault| matches!(fault.deed, Deed::Disconnect { .. })) {
        arguments.push("--faults".to_owned());
    }
    arguments
}

/// Ten times what a client of this scenario sends at most, so that the server's limit is never what is measured.
pub(in crate::commands) fn frames_per_second(scenario: &Scenario, plan: &Plan) -> u32 {
    let mut most: f64 = 10.0;
    for publish in &scenario.publishes {
        let talkers = plan.lives().iter().filter(|life| life.group == publish.from).count().max(1) as f64;
        most += match &publish.rate {
            Cadence::Total(shape) => {
                let peak = (0..=100).map(|at| shape.rate(plan.published() / 100 * at)).fold(0.0, f64::max);
                peak / talkers
            }
            Cadence::Think(least, _) => 1.0 / least.as_secs_f64().max(0.001),
        };
    }
    (most * 10.0).min(1e9) as u32
}
