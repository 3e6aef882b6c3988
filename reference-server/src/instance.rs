//! One instance from start to finish: listeners, workers, broker, readiness, drain.

use std::{
    net::{SocketAddr, TcpListener},
    sync::Arc,
    time::Duration,
};

use tokio_rustls::TlsAcceptor;
use tokio_util::{sync::CancellationToken, task::AbortOnDropHandle};

use crate::{
    auth::Authenticator,
    broker::{
        Bound, Broker, Events, Health,
        memory::MemoryBroker,
        presence::PresenceOptions,
        redis::{RedisBroker, RedisOptions},
    },
    config::Config,
    endpoint::health,
    faults::Faults,
    queue::Queue,
    rate::Quotas,
    room::{Registry, ToWorker},
    session,
    shared::{Draining, Shared},
    stats::Stats,
    threads::{Threads, Workers},
    tls,
    token::Secret,
};

/// What may wait between the broker and the fan-out.
const EVENTS: Bound = Bound { entries: 65_536, bytes: 16 * 1024 * 1024 };
/// What may wait for one worker.
const INBOX: Bound = Bound { entries: 4_096, bytes: 4 * 1024 * 1024 };
/// Connections that may wait to be accepted.
const BACKLOG: i32 = 4_096;
/// File descriptors kept for everything that is not a client.
const OTHER_DESCRIPTORS: u64 = 64;

/// Everything an instance needs of the world.
#[derive(Debug)]
pub struct Instance {
    /// Its name, as in `org`, `via` and the handshake's `x-wsbench-instance`: 1 to 64 of `A-Z a-z 0-9 _ . : -`.
    pub name: String,
    /// Where clients connect.
    pub listener: TcpListener,
    /// Where health and metrics are asked for.
    pub admin: TcpListener,
    /// How it behaves.
    pub config: Config,
    /// What joins it to the others.
    pub broker: BrokerChoice,
    /// What tokens are signed with.
    pub secret: Secret,
}

/// What joins the instances.
#[derive(Clone, Debug)]
pub enum BrokerChoice {
    /// A Redis or Valkey at this URL.
    Redis(String),
    /// Instances of this process; give all of them the same one. Its history mode goes before the config's.
    Memory(Arc<MemoryBroker>),
}

/// What an instance says when clients may come. Prints itself as the line `wsbench serve` promises.
#[derive(Clone, Debug)]
pub struct Ready {
    /// The instance's name.
    pub name: String,
    /// Where clients connect.
    pub address: SocketAddr,
    /// Whether they have to use TLS.
    pub tls: bool,
    /// Where health and metrics are asked for.
    pub admin: SocketAddr,
    /// `redis` or `memory`.
    pub broker: &'static str,
}

impl std::fmt::Display for Ready {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { name, address, tls, admin, broker } = self;
        let scheme = if *tls { "wss" } else { "ws" };
        write!(f, "ready instance={name} url={scheme}://{address} admin=http://{admin} broker={broker}")
    }
}

/// Why an instance could not run.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A value no instance could run with.
    #[error("invalid configuration: {0}")]
    Config(String),
    /// Certificate or key cannot be used.
    #[error("failed to set up TLS: {0}")]
    Tls(String),
    /// A listener or thread could not be set up.
    #[error("failed to set up the instance: {0}")]
    Io(#[from] std::io::Error),
    /// The broker did not answer in time.
    #[error("the broker does not answer: {0}")]
    Broker(String),
}

/// Runs an instance until `shutdown` is cancelled and it has drained. `on_ready` is called once, when the broker has
/// answered and clients may come. Needs a tokio runtime with time and IO; the connections live on threads of their own.
pub async fn run(
    instance: Instance,
    on_ready: impl FnOnce(Ready) + Send,
    shutdown: CancellationToken,
) -> Result<(), Error> {
    check(&instance)?;
    let tls = tls(&instance.config)?;
    let Instance { name, listener, admin, config, broker, secret } = instance;
    let ready = |broker| -> std::io::Result<Ready> {
        let (address, admin, tls) = (listener.local_addr()?, admin.local_addr()?, tls.is_some());
        Ok(Ready { name: name.clone(), address, tls, admin, broker })
    };
    // Accepted connections inherit the send buffer; the longer backlog is for clients that all come back at once.
    let socket = socket2::SockRef::from(&listener);
    socket.set_send_buffer_size(config.send_buffer)?;
    // Streams do not answer pings: the kernel gives up clients that acknowledge nothing for as long as sockets may be
    // silent.
    #[cfg(target_os = "linux")]
    socket.set_tcp_user_timeout(Some(config.ping_interval + config.ping_timeout))?;
    socket.listen(BACKLOG)?;
    let threads = Threads::start(config.workers, &name)?;
    // The broker's tasks share the first worker's thread: on a small machine no message changes threads.
    let (shared, events) =
        threads.first.spawn(assemble(name.clone(), config, broker, secret, tls.clone())).await.map_err(stopped)??;
    let presence_tick = PresenceOptions { ttl: shared.config.presence_ttl, ..PresenceOptions::default() }.tick();
    let registry_tasks = [
        threads.first.spawn({
            let (shared, events) = (Arc::clone(&shared), events);
            async move { shared.registry.pump(&events).await }
        }),
        threads.first.spawn({
            let shared = Arc::clone(&shared);
            async move { shared.registry.sweep().await }
        }),
        threads.first.spawn({
            let (shared, tick) = (Arc::clone(&shared), presence_tick);
            async move { shared.registry.live(tick).await }
        }),
    ];
    let _registry_tasks = registry_tasks.map(AbortOnDropHandle::new);
    admin.set_nonblocking(true)?;
    let ready = ready(shared.broker)?;
    let admin = axum::serve(tokio::net::TcpListener::from_std(admin)?, health::router(Arc::clone(&shared)));
    let _admin = AbortOnDropHandle::new(tokio::spawn(async move { admin.await }));
    await_broker(&shared, &shutdown).await?;
    let workers = threads.serve(&listener, &shared)?;
    drop(listener);
    if !shutdown.is_cancelled() {
        on_ready(ready);
    }
    shutdown.cancelled().await;
    drain(&shared, workers).await;
    Ok(())
}

fn check(instance: &Instance) -> Result<(), Error> {
    instance.config.check().map_err(|rule| Error::Config(rule.into()))?;
    if !crate::protocol::is_room_name(&instance.name) || instance.name.len() > 64 {
        return Err(Error::Config("an instance's name is 1 to 64 of A-Z a-z 0-9 _ . : -".into()));
    }
    Ok(())
}

fn stopped(_: tokio::task::JoinError) -> Error {
    Error::Io(std::io::Error::other("a worker thread has stopped"))
}

/// Builds what the parts share; runs on the first worker, where the broker's tasks are to live.
async fn assemble(
    name: String,
    mut config: Config,
    choice: BrokerChoice,
    secret: Secret,
    tls: Option<TlsAcceptor>,
) -> Result<(Arc<Shared>, Arc<Events>), Error> {
    let stats = Stats::new(config.workers);
    let events = Events::new(EVENTS);
    let presence = PresenceOptions { ttl: config.presence_ttl, announce: config.announce };
    let broker: Arc<dyn Broker> = match choice {
        BrokerChoice::Memory(memory) => {
            config.history = memory.mode().clone();
            memory.view(Arc::clone(&events), presence)
        }
        BrokerChoice::Redis(url) => {
            let options = RedisOptions { history: config.history.clone(), presence, ..RedisOptions::default() };
            let broker = RedisBroker::start(&url, options, Arc::clone(&events), Arc::clone(&stats.broker));
            broker.map_err(|why| Error::Config(format!("not a Redis URL: {why}")))?
        }
    };
    let (name, descriptors): (Arc<str>, _) = (name.into(), descriptors()?);
    let inboxes = (0..config.workers).map(|_| Arc::new(Queue::new(INBOX))).collect();
    let (health, broker_name) = (broker.health(), broker.name());
    let shared = Shared {
        nonce: session::nonce(),
        clock: clock_name()?,
        authenticator: Authenticator::new(secret, config.auth),
        quotas: Quotas::new(config.limits.frames_per_second, config.limits.frames_burst),
        registry: Registry::new(Arc::clone(&name), &config, broker, inboxes, Arc::clone(&stats)),
        max_connections: config.limits.connections.min(descriptors.max(1) as usize),
        last_descriptor: descriptors.max(1).try_into().unwrap_or(i32::MAX),
        tls,
        broker: broker_name,
        draining: Draining::default(),
        faults: config.faults.then(|| Arc::new(Faults::new(&name))),
        name,
        config,
        stats,
        health,
    };
    shared.registry.listen();
    Ok((Arc::new(shared), events))
}

/// What is the same for everybody who reads this machine's clock; nothing where the system has no name for it.
fn clock_name() -> std::io::Result<String> {
    if !cfg!(target_os = "linux") {
        return Ok(String::new());
    }
    Ok(std::fs::read_to_string("/proc/sys/kernel/random/boot_id")?.trim().to_owned())
}

/// File descriptors there are for clients.
fn descriptors() -> std::io::Result<u64> {
    Ok(rlimit::getrlimit(rlimit::Resource::NOFILE)?.0.saturating_sub(OTHER_DESCRIPTORS))
}

fn tls(config: &Config) -> Result<Option<TlsAcceptor>, Error> {
    match (&config.tls_cert, &config.tls_key) {
        (Some(certificate), Some(key)) => tls::acceptor(certificate, key).map(Some).map_err(Error::Tls),
        _ => Ok(None),
    }
}

async fn await_broker(shared: &Shared, shutdown: &CancellationToken) -> Result<(), Error> {
    let mut health = shared.health.clone();
    let up = tokio::select! {
        up = tokio::time::timeout(shared.config.broker_start_timeout, health.wait_for(|h| *h == Health::Up)) => up.is_ok(),
        () = shutdown.cancelled() => return Ok(()),
    };
    if up {
        return Ok(());
    }
    match &*shared.health.borrow() {
        Health::Up => Ok(()),
        Health::Starting(why) | Health::Down(why) => Err(Error::Broker(why.clone())),
    }
}

/// Sends everybody home within the window, and those who do not go after the deadline.
async fn drain(shared: &Shared, workers: Workers) {
    shared.draining.begin();
    let config = &shared.config;
    shared.registry.part(config.drain.window + config.drain.retry_max + config.presence_ttl);
    for worker in 0..shared.config.workers {
        shared.registry.tell(worker, ToWorker::Drain);
    }
    let drain = &shared.config.drain;
    let deadline = drain.window + drain.close_grace + Duration::from_millis(500);
    let all = futures_util::future::join_all(workers.finished);
    // Over the deadline, the workers are told to stop by the drop of `abort`.
    let _late = tokio::time::timeout(deadline, all).await;
    drop(workers.abort);
}
