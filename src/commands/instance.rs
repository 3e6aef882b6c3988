//! `wsbench instance`: one process of the bundled server, with one listener (joined to others by Redis) or several
//! (joined by memory). Started by `serve` and `run`, not by people.

use std::net::{IpAddr, TcpListener};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::ValueEnum;
use reference_server::config::{Announce, History};
use reference_server::{AuthMode, BrokerChoice, Config, Instance, MemoryBroker, Secret};
use tokio_util::sync::CancellationToken;

use super::exit::{Done, Failure};

/// One process of the bundled server
#[derive(Clone, Debug, clap::Args)]
pub(super) struct Args {
    /// Number of its first instance
    #[arg(long)]
    first: u16,
    /// How many instances it holds
    #[arg(long, default_value_t = 1)]
    listeners: u16,
    #[arg(long, default_value = "127.0.0.1")]
    bind: IpAddr,
    #[arg(long, default_value_t = 0)]
    port: u16,
    #[arg(long, default_value_t = 0)]
    admin_port: u16,
    /// Threads that own connections, per instance
    #[arg(long, default_value_t = 1)]
    workers: usize,
    #[command(flatten)]
    behaviour: Behaviour,
}

/// How instances behave: the flags of `serve` that are handed on to them as they are.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct Behaviour {
    /// How clients may prove who they are
    #[arg(long, value_enum, default_value_t = Auth::Both)]
    auth: Auth,
    /// Between two pings to a client
    #[arg(long, value_name = "TIME", default_value = "30s", value_parser = crate::units::parse_duration)]
    ping_interval: Duration,
    /// Silence after which a client counts as dead
    #[arg(long, value_name = "TIME", default_value = "60s", value_parser = crate::units::parse_duration)]
    ping_timeout: Duration,
    /// How long a client may take to authenticate by its first message
    #[arg(long, value_name = "TIME", default_value = "5s", value_parser = crate::units::parse_duration)]
    auth_timeout: Duration,
    /// Browser origins that may connect (repeatable); loopback ones if none is given
    #[arg(long, value_name = "ORIGIN")]
    allow_origin: Vec<String>,
    /// Frames per second and connection, and publications over HTTP per second and user
    #[arg(long, value_name = "N", default_value_t = 100)]
    frames_per_second: u32,
    /// Largest room in which it is announced who comes and goes; `all` or `off`
    #[arg(long, value_name = "N", default_value = "64")]
    announce_max: Announce,
    /// Certificate chain (PEM): clients are spoken to over TLS
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    tls_cert: Option<PathBuf>,
    /// Key of the certificate (PEM)
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    tls_key: Option<PathBuf>,
    /// Do not keep history: plain publishing without offsets, so that losses cannot be seen
    #[arg(long)]
    no_history: bool,
    /// Let the admin listener cause faults on request: /admin/* and /conformance/echo
    #[arg(long)]
    faults: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Auth {
    Both,
    Query,
    FirstMessage,
}

impl Behaviour {
    /// The arguments that say the same to an instance.
    pub(super) fn arguments(&self) -> Vec<String> {
        let mut arguments = Vec::new();
        let mut add = |flag: &str, value: String| arguments.extend([flag.to_owned(), value]);
        add("--auth", self.auth.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default());
        add("--ping-interval", format!("{}ns", self.ping_interval.as_nanos()));
        add("--ping-timeout", format!("{}ns", self.ping_timeout.as_nanos()));
        add("--auth-timeout", format!("{}ns", self.auth_timeout.as_nanos()));
        add("--frames-per-second", self.frames_per_second.to_string());
        add("--announce-max", self.announce_max.to_string());
        for (flag, file) in [("--tls-cert", &self.tls_cert), ("--tls-key", &self.tls_key)] {
            if let Some(file) = file {
                add(flag, file.display().to_string());
            }
        }
        for origin in &self.allow_origin {
            add("--allow-origin", origin.clone());
        }
        if self.no_history {
            arguments.push("--no-history".to_owned());
        }
        if self.faults {
            arguments.push("--faults".to_owned());
        }
        arguments
    }

    /// Refuses what no instance could be run with.
    pub(super) fn check(&self) -> Result<(), Failure> {
        self.config(1).check().map_err(Failure::usage)
    }

    fn config(&self, workers: usize) -> Config {
        let mut config = Config {
            workers,
            auth: match self.auth {
                Auth::Both => AuthMode::Both,
                Auth::Query => AuthMode::Query,
                Auth::FirstMessage => AuthMode::FirstMessage,
            },
            auth_timeout: self.auth_timeout,
            ping_interval: self.ping_interval,
            ping_timeout: self.ping_timeout,
            allow_origin: self.allow_origin.clone(),
            announce: self.announce_max,
            tls_cert: self.tls_cert.clone(),
            tls_key: self.tls_key.clone(),
            faults: self.faults,
            ..Config::default()
        };
        config.limits.frames_per_second = self.frames_per_second;
        config.limits.frames_burst = self.frames_per_second.saturating_mul(2);
        if self.no_history {
            config.history = History::Off;
        }
        config
    }
}

pub(super) fn main(args: Args) -> Done {
    rlimit::increase_nofile_limit(u64::MAX).map_err(|error| Failure::setup(format!("file descriptors: {error}")))?;
    super::runtime()?.block_on(serve(args))
}

async fn serve(args: Args) -> Done {
    let mut signals = super::signals::listen()?;
    let shutdown = CancellationToken::new();
    let secret = super::environment("WSBENCH_JWT_SECRET");
    let secret = secret.ok_or_else(|| Failure::usage("WSBENCH_JWT_SECRET is not set"))?;
    let config = args.behaviour.config(args.workers);
    let broker = match super::environment("WSBENCH_INSTANCE_REDIS") {
        Some(url) => BrokerChoice::Redis(url),
        None => BrokerChoice::Memory(MemoryBroker::new(config.history.clone())),
    };
    let mut instances = tokio::task::JoinSet::new();
    for number in 0..args.listeners {
        let instance = Instance {
            name: super::rig::name(args.first + number),
            listener: listen(args.bind, args.port, number)?,
            admin: listen(args.bind, args.admin_port, number)?,
            config: config.clone(),
            broker: broker.clone(),
            secret: Secret::new(secret.as_bytes()),
        };
        // Stdout is the pipe to whoever started us; without a reader there is nobody to tell.
        let announce = |ready: reference_server::Ready| drop(say(&ready.to_string()));
        instances.spawn(reference_server::run(instance, announce, shutdown.clone()));
    }
    let mut failure = None;
    loop {
        tokio::select! {
            Some(_) = signals.recv() => shutdown.cancel(),
            ended = instances.join_next() => match ended {
                None => break,
                Some(Ok(Ok(()))) => {}
                Some(Ok(Err(error))) => {
                    failure.get_or_insert_with(|| explain(&error));
                    shutdown.cancel();
                }
                Some(Err(error)) => {
                    failure.get_or_insert_with(|| error.to_string());
                    shutdown.cancel();
                }
            },
        }
    }
    match failure {
        None => Ok(ExitCode::SUCCESS),
        Some(message) => Err(Failure::setup(message)),
    }
}

/// An error with its causes.
fn explain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(source) = cause {
        text.push_str(": ");
        text.push_str(&source.to_string());
        cause = source.source();
    }
    text
}

fn say(line: &str) -> std::io::Result<()> {
    use std::io::Write as _;
    let mut stdout = std::io::stdout().lock();
    writeln!(stdout, "{line}")?;
    stdout.flush()
}

fn listen(bind: IpAddr, port: u16, number: u16) -> Result<TcpListener, Failure> {
    let port = if port == 0 { 0 } else { port.saturating_add(number) };
    TcpListener::bind((bind, port))
        .map_err(|error| Failure::setup(format!("failed to listen on {bind}:{port}: {error}")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser as _;

    /// The flags alone.
    #[derive(Debug, clap::Parser)]
    struct Flags {
        #[command(flatten)]
        behaviour: Behaviour,
    }

    fn read(arguments: &[String]) -> Behaviour {
        Flags::try_parse_from([&["serve".to_owned()], arguments].concat()).unwrap().behaviour
    }

    #[test]
    fn what_serve_is_told_reaches_the_instances() {
        let told = ["--ping-interval=1s", "--ping-timeout=250ms", "--allow-origin=*", "--no-history", "--faults"];
        let behaviour = read(&told.map(str::to_owned));
        let handed_on = behaviour.arguments();
        assert_eq!(read(&handed_on).arguments(), handed_on);
        let config = read(&handed_on).config(1);
        assert_eq!((config.ping_interval.as_millis(), config.ping_timeout.as_millis()), (1_000, 250));
        assert!(config.faults && config.history == History::Off && config.allow_origin == ["*"]);
        assert!(!read(&[]).config(1).faults);
    }
}
