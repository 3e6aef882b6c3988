//! `wsbench serve`: the bundled room server, instances and broker, until it is told to stop.

use std::net::IpAddr;
use std::process::ExitCode;
use std::time::Duration;

use clap::ValueEnum;

use super::exit::{Done, Failure};
use super::instance::Behaviour;
use super::redis::{self, without_secret};
use super::rig::{Layout, Rig};
use super::secret::{self, SecretArgs};
use crate::scenario::BrokerChoice;

/// How often the instances are looked after.
const GLANCE: Duration = Duration::from_millis(200);

/// Run the bundled room server
#[derive(Clone, Debug, clap::Args)]
pub(super) struct Args {
    /// How many instances: a process each with Redis, listeners of one process without
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=512))]
    instances: u16,
    /// Instance k listens on P + k; 0: any free ports
    #[arg(long, value_name = "P", default_value_t = 0)]
    port: u16,
    /// Likewise for /livez, /readyz and /metrics
    #[arg(long, value_name = "A", default_value_t = 0)]
    admin_port: u16,
    /// The address of all listeners
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1")]
    bind: IpAddr,
    /// The Redis that joins the instances
    #[arg(long, value_name = "URL", env = "REDIS_URL", hide_env_values = true)]
    redis: Option<String>,
    /// What joins the instances: auto is --redis, else a private redis-server, else memory
    #[arg(long, value_enum, default_value_t = BrokerArg::Auto)]
    broker: BrokerArg,
    #[command(flatten)]
    secret: SecretArgs,
    #[command(flatten)]
    behaviour: Behaviour,
}

/// `--broker`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum BrokerArg {
    Auto,
    Redis,
    Memory,
}

impl From<BrokerArg> for BrokerChoice {
    fn from(arg: BrokerArg) -> Self {
        match arg {
            BrokerArg::Auto => Self::Auto,
            BrokerArg::Redis => Self::Redis,
            BrokerArg::Memory => Self::Memory,
        }
    }
}

impl Args {
    fn check(&self) -> Result<(), Failure> {
        self.behaviour.check()?;
        for (flag, first) in [("--port", self.port), ("--admin-port", self.admin_port)] {
            if first > 0 && first.checked_add(self.instances - 1).is_none() {
                return Err(Failure::usage(format!(
                    "{flag} {first}: {} instances need as many ports, and 65535 is the last",
                    self.instances
                )));
            }
        }
        Ok(())
    }
}

pub(super) fn main(args: Args) -> Done {
    args.check()?;
    let runtime = super::runtime()?;
    // Before anything is started, so that no signal finds children nobody would stop.
    let mut signals = {
        let _inside = runtime.enter();
        super::signals::listen()?
    };
    let (secret, _kept) = match args.secret.given()? {
        Some(secret) => (secret, None),
        None => {
            let secret = secret::random();
            let kept = secret::keep(&secret)?;
            eprintln!("secret in {} (wsbench token --jwt-secret-file reads it)", kept.path().display());
            (secret, Some(kept))
        }
    };
    let program = std::env::current_exe().map_err(|error| Failure::internal(format!("own path: {error}")))?;
    let broker = redis::start(args.broker.into(), args.redis.as_deref(), super::environment("PATH").as_deref())?;
    eprintln!("broker: {}", broker.describe());
    if let Some(url) = broker.url() {
        eprintln!("redis:  {}", without_secret(url));
    }
    let layout = Layout {
        program,
        instances: args.instances,
        port: args.port,
        admin_port: args.admin_port,
        bind: args.bind,
        secret,
        arguments: args.behaviour.arguments(),
    };
    let mut rig = Rig::start(layout, broker)?;
    for instance in &rig.instances {
        // A reader that went away does not stop a server.
        drop(say(&instance.line));
    }
    let ended = runtime.block_on(async {
        loop {
            tokio::select! {
                _ = signals.recv() => return Vec::new(),
                () = tokio::time::sleep(GLANCE) => {
                    let ended = rig.ended();
                    if !ended.is_empty() {
                        return ended;
                    }
                }
            }
        }
    });
    rig.stop();
    if ended.is_empty() {
        Ok(ExitCode::SUCCESS)
    } else {
        Err(Failure::internal(format!("{} ended by itself", ended.join(", "))))
    }
}

fn say(line: &str) -> std::io::Result<()> {
    use std::io::Write as _;
    let mut stdout = std::io::stdout().lock();
    writeln!(stdout, "{line}")?;
    stdout.flush()
}
