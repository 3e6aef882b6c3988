//! One instance as a process: arguments in, a line when it is ready, SIGTERM or SIGINT to drain.

use std::{
    net::{IpAddr, TcpListener},
    path::PathBuf,
    process::ExitCode,
    time::Duration,
};

use clap::{Parser, ValueEnum};
use reference_server::{Announce, AuthMode, BrokerChoice, Config, Instance, MemoryBroker, Secret, config::History};
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// One instance of the room server.
#[derive(Parser)]
#[command(version)]
struct Args {
    /// Its name, as clients see it
    #[arg(long, default_value = "a")]
    instance: String,
    /// Address of both listeners
    #[arg(long, default_value = "127.0.0.1")]
    bind: IpAddr,
    /// Port for clients; 0 for any free one
    #[arg(long, default_value_t = 0)]
    port: u16,
    /// Port for /livez, /readyz and /metrics; 0 for any free one
    #[arg(long, default_value_t = 0)]
    admin_port: u16,
    /// Redis that joins this instance to others
    #[arg(long, conflicts_with = "broker")]
    redis: Option<String>,
    /// `memory`: no other instances
    #[arg(long, value_enum)]
    broker: Option<Broker>,
    /// How clients may prove who they are
    #[arg(long, value_enum, default_value = "both")]
    auth: Auth,
    /// File with the secret tokens are signed with
    #[arg(long)]
    jwt_secret_file: Option<PathBuf>,
    /// The secret itself, from the environment only
    #[arg(long, env = "WSBENCH_JWT_SECRET", hide = true, hide_env_values = true)]
    jwt_secret: Option<String>,
    /// Threads that own connections
    #[arg(long, default_value_t = 1)]
    workers: usize,
    /// Milliseconds between pings
    #[arg(long, default_value_t = 30_000)]
    ping_interval_ms: u64,
    /// Milliseconds without a byte after which a connection is dead
    #[arg(long, default_value_t = 60_000)]
    ping_timeout_ms: u64,
    /// Origins browsers may come from; loopback ones if none is given
    #[arg(long)]
    allow_origin: Vec<String>,
    /// Largest room in which it is announced who comes and goes, `all` or `off`
    #[arg(long, default_value = "64")]
    announce_max: Announce,
    /// Milliseconds after which the members of a dead instance are given up
    #[arg(long, default_value_t = 6_000)]
    presence_ttl_ms: u64,
    /// Certificate chain (PEM): clients have to use TLS
    #[arg(long, requires = "tls_key")]
    tls_cert: Option<PathBuf>,
    /// The certificate's key (PEM)
    #[arg(long, requires = "tls_cert")]
    tls_key: Option<PathBuf>,
    /// Offer misbehaviour (/admin/…) and /conformance/echo
    #[arg(long)]
    faults: bool,
    /// Milliseconds over which connections are closed when the instance goes away
    #[arg(long, default_value_t = 3_000)]
    drain_window_ms: u64,
    /// Milliseconds after which clients are then to be back at the latest
    #[arg(long, default_value_t = 2_000)]
    retry_max_ms: u64,
    /// Frames per second and connection, and publications over HTTP per second and user
    #[arg(long, default_value_t = 100)]
    frames_per_second: u32,
    /// Plain publish without offsets
    #[arg(long)]
    no_history: bool,
}

#[derive(Clone, Copy, ValueEnum)]
enum Broker {
    Memory,
}

#[derive(Clone, Copy, ValueEnum)]
enum Auth {
    Both,
    Query,
    FirstMessage,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    match serve(Args::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::from(3)
        }
    }
}

async fn serve(args: Args) -> Result<(), Box<dyn std::error::Error>> {
    rlimit::increase_nofile_limit(u64::MAX)?;
    let shutdown = CancellationToken::new();
    tokio::spawn(cancel_on_signal(shutdown.clone())?);
    let config = config(&args);
    let broker = match args.redis.clone() {
        Some(url) => BrokerChoice::Redis(url),
        None => BrokerChoice::Memory(MemoryBroker::new(config.history.clone())),
    };
    let instance = Instance {
        listener: TcpListener::bind((args.bind, args.port))?,
        admin: TcpListener::bind((args.bind, args.admin_port))?,
        secret: secret(&args)?,
        name: args.instance,
        config,
        broker,
    };
    reference_server::run(instance, |ready| println!("{ready}"), shutdown).await?;
    Ok(())
}

fn config(args: &Args) -> Config {
    let mut config = Config {
        workers: args.workers,
        auth: match args.auth {
            Auth::Both => AuthMode::Both,
            Auth::Query => AuthMode::Query,
            Auth::FirstMessage => AuthMode::FirstMessage,
        },
        ping_interval: Duration::from_millis(args.ping_interval_ms),
        ping_timeout: Duration::from_millis(args.ping_timeout_ms),
        announce: args.announce_max,
        presence_ttl: Duration::from_millis(args.presence_ttl_ms),
        allow_origin: args.allow_origin.clone(),
        tls_cert: args.tls_cert.clone(),
        tls_key: args.tls_key.clone(),
        faults: args.faults,
        ..Config::default()
    };
    config.drain.window = Duration::from_millis(args.drain_window_ms);
    config.drain.retry_max = Duration::from_millis(args.retry_max_ms);
    config.limits.frames_per_second = args.frames_per_second;
    config.limits.frames_burst = args.frames_per_second.saturating_mul(2);
    if args.no_history {
        config.history = History::Off;
    }
    config
}

fn secret(args: &Args) -> Result<Secret, Box<dyn std::error::Error>> {
    match (&args.jwt_secret_file, &args.jwt_secret) {
        (Some(path), _) => Ok(Secret::new(std::fs::read_to_string(path)?.trim_end())),
        (None, Some(secret)) => Ok(Secret::new(secret.as_str())),
        (None, None) => Err("no secret: set WSBENCH_JWT_SECRET or --jwt-secret-file".into()),
    }
}

fn cancel_on_signal(shutdown: CancellationToken) -> std::io::Result<impl Future<Output = ()>> {
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        shutdown.cancel();
    })
}
