//! The flags that stand against a scenario: curl's spellings towards the target, everybody's for load.

use std::path::PathBuf;
use std::time::Duration;

use crate::scenario::{GivenUrl, Overrides, Owned};
use crate::units::{Rate, parse_duration, parse_rate};

/// Flags for the way to a target, in curl's spellings.
#[derive(Clone, Debug, clap::Args)]
pub(in crate::commands) struct TowardsArgs {
    /// Header of the opening request (repeatable)
    #[arg(short = 'H', long = "header", value_name = "NAME: VALUE", value_parser = header)]
    headers: Vec<(String, String)>,
    /// Cookies of the opening request
    #[arg(short = 'b', long, value_name = "COOKIES")]
    cookie: Option<String>,
    /// Verify no certificate
    #[arg(short = 'k', long)]
    insecure: bool,
    /// Connect through this HTTP proxy
    #[arg(short = 'x', long, value_name = "URL")]
    proxy: Option<String>,
    /// Trust the certificates in this file in place of the system's
    #[arg(long, value_name = "FILE")]
    cacert: Option<PathBuf>,
    /// Client certificate
    #[arg(long, value_name = "FILE")]
    cert: Option<PathBuf>,
    /// Key of the client certificate
    #[arg(long, value_name = "FILE")]
    key: Option<PathBuf>,
    /// Connect to HOST2:PORT2 in place of HOST1:PORT1 (repeatable)
    #[arg(long, value_name = "HOST1:PORT1:HOST2:PORT2", value_parser = detour)]
    connect_to: Vec<(String, String)>,
}

impl TowardsArgs {
    /// The flags as a scenario takes them.
    pub(in crate::commands) fn overrides(&self) -> Overrides {
        let mut headers = self.headers.clone();
        headers.extend(self.cookie.iter().map(|cookie| ("cookie".to_owned(), cookie.clone())));
        Overrides {
            headers,
            insecure: self.insecure,
            proxy: self.proxy.clone(),
            cacert: self.cacert.clone(),
            cert: self.cert.clone(),
            key: self.key.clone(),
            connect_to: self.connect_to.clone(),
            ..Overrides::default()
        }
    }
}

/// Flags that change what a scenario says.
#[derive(Clone, Debug, clap::Args)]
pub(in crate::commands) struct ScenarioArgs {
    /// Value of a variable of the scenario (repeatable)
    #[arg(short = 'e', long = "env", value_name = "KEY=VALUE", value_parser = pair)]
    vars: Vec<(String, String)>,
    /// Clients in all, shared among the groups as the scenario has them
    #[arg(short = 'c', long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    clients: Option<u32>,
    /// How long is measured
    #[arg(short = 'd', long, value_name = "TIME", value_parser = parse_duration)]
    duration: Option<Duration>,
    /// Publications per second in all
    #[arg(short = 'r', long, value_name = "RATE", value_parser = parse_rate)]
    rate: Option<Rate>,
    /// Everything random follows from it
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// Talk to this server in place of the scenario's
    #[arg(long, value_name = "URL")]
    url: Option<String>,
    #[command(flatten)]
    towards: TowardsArgs,
    /// The target is mine: allow faults and more than 100 clients towards a host that is not this one
    #[arg(long)]
    i_own_this_target: bool,
}

impl ScenarioArgs {
    /// The flags as the scenario takes them.
    pub(in crate::commands) fn overrides(&self) -> Overrides {
        Overrides {
            vars: self.vars.clone(),
            clients: self.clients,
            duration: self.duration,
            rate: self.rate,
            seed: self.seed,
            url: self.url.as_ref().map(|url| GivenUrl::new("--url", url)),
            owned: self.owned(),
            ..self.towards.overrides()
        }
    }

    fn owned(&self) -> Owned {
        if self.i_own_this_target {
            return Owned::Target;
        }
        crate::commands::environment("WSBENCH_OWNED").map_or(Owned::Unsaid, |hosts| Owned::hosts(&hosts))
    }

    /// The server that was named.
    pub(in crate::commands) fn url(&self) -> Option<&str> {
        self.url.as_deref()
    }

    /// `-c`.
    pub(super) fn clients(&self) -> Option<u32> {
        self.clients
    }

    /// `-d`.
    pub(super) fn duration(&self) -> Option<Duration> {
        self.duration
    }

    /// `-r`.
    pub(super) fn rate(&self) -> Option<Rate> {
        self.rate
    }
}

/// `KEY=VALUE`, taken apart.
pub(in crate::commands) fn pair(text: &str) -> Result<(String, String), String> {
    let (key, value) = text.split_once('=').ok_or("expected KEY=VALUE")?;
    Ok((key.trim().to_owned(), value.to_owned()))
}

fn header(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once(':').ok_or("expected NAME: VALUE")?;
    Ok((name.trim().to_owned(), value.trim().to_owned()))
}

fn detour(text: &str) -> Result<(String, String), String> {
    let parts: Vec<&str> = text.split(':').collect();
    match parts[..] {
        [from, from_port, to, to_port] => Ok((format!("{from}:{from_port}"), format!("{to}:{to_port}"))),
        _ => Err("expected HOST1:PORT1:HOST2:PORT2".to_owned()),
    }
}
