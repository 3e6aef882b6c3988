//! What every part of an instance shares.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use tokio::sync::watch;
use tokio_rustls::TlsAcceptor;

use crate::{
    auth::Authenticator, broker::Health, config::Config, faults::Faults, rate::Quotas, room::Registry, stats::Stats,
};

/// See the module.
pub(crate) struct Shared {
    pub(crate) name: Arc<str>,
    /// Tells this start from others.
    pub(crate) nonce: String,
    /// The boot id: clients on the same machine can compare stamps.
    pub(crate) clock: String,
    pub(crate) config: Config,
    pub(crate) authenticator: Authenticator,
    /// What users may publish over HTTP.
    pub(crate) quotas: Quotas,
    pub(crate) registry: Registry,
    pub(crate) stats: Arc<Stats>,
    pub(crate) broker: &'static str,
    pub(crate) health: watch::Receiver<Health>,
    pub(crate) max_connections: usize,
    /// From this file descriptor on there is no room for clients.
    pub(crate) last_descriptor: i32,
    /// What clients are spoken to with, if that is TLS.
    pub(crate) tls: Option<TlsAcceptor>,
    pub(crate) draining: Draining,
    /// What is to go wrong on request; `None` for an instance that does not offer that.
    pub(crate) faults: Option<Arc<Faults>>,
}

impl Shared {
    /// Whether the instance is going away.
    pub(crate) fn is_draining(&self) -> bool {
        self.draining.0.load(Ordering::Acquire)
    }
}

/// Set once, when the instance begins to go away.
#[derive(Debug, Default)]
pub(crate) struct Draining(AtomicBool);

impl Draining {
    pub(crate) fn begin(&self) {
        self.0.store(true, Ordering::Release);
    }
}
