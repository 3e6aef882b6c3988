//! From what was written to what it means: everything that can be wrong with a scenario is found here, with its place,
//! before anything is started.

use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::diagnostic::{Diagnostic, did_you_mean};
use super::document::{self, Node, Origin, Value};
use super::file::{self, File};
use super::variables::{self, Environment};
use super::{Fault, RulePart, Scenario, Source, Times, builtin, deserialize};

mod clients;
mod faults;
mod fitting;
mod gate;
mod login;
mod owned;
mod proxy;
mod publish;
mod requests;
mod rooms;
mod sanity;
mod sayings;
mod target;
mod thresholds;
mod transports;
mod users;

/// What the command line says against the file.
#[derive(Clone, Default, Serialize, Deserialize)]
pub struct Overrides {
    /// `-e NAME=VALUE`: values of variables.
    pub vars: Vec<(String, String)>,
    /// `-c`: the number of clients, shared among the groups as the file has them.
    pub clients: Option<u32>,
    /// `-d`: how long is measured.
    pub duration: Option<Duration>,
    /// `-r`: publications per second in all, shared among the streams as the file has them.
    pub rate: Option<crate::units::Rate>,
    /// `--seed`.
    pub seed: Option<u64>,
    /// `--url`, or what stands for it: talk to this server in place of the file's.
    pub url: Option<GivenUrl>,
    /// `-H`: request headers; they replace those of the same name.
    pub headers: Vec<(String, String)>,
    /// `-k`: verify no certificate.
    pub insecure: bool,
    /// `-x`, `--proxy`.
    pub proxy: Option<String>,
    /// `--cacert`.
    pub cacert: Option<PathBuf>,
    /// `--cert`.
    pub cert: Option<PathBuf>,
    /// `--key`.
    pub key: Option<PathBuf>,
    /// `--connect-to`: `host:port` → `host:port`.
    pub connect_to: Vec<(String, String)>,
    /// `--i-own-this-target`, `WSBENCH_OWNED`.
    pub owned: Owned,
    /// `--allow-commands`: faults may run commands.
    pub allow_commands: bool,
}

/// A URL in place of the file's.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GivenUrl {
    /// What an error blames: the flag, or whatever else the URL was given by.
    pub place: String,
    /// As it was written.
    pub url: String,
}

impl GivenUrl {
    /// `url` as `place` gave it.
    pub fn new(place: impl Into<String>, url: impl Into<String>) -> Self {
        Self { place: place.into(), url: url.into() }
    }
}

/// Whose the target is, as far as it was said. Faults and crowds are for one's own servers.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Owned {
    /// Nothing was said: only what is on this machine is ours.
    #[default]
    Unsaid,
    /// Servers on these hosts are ours too: `WSBENCH_OWNED=chat.example.com,10.0.0.7`.
    Hosts(Vec<String>),
    /// Whatever the target is, it is ours: `--i-own-this-target`.
    Target,
}

impl Owned {
    /// The hosts named in `text`, with commas between them.
    pub fn hosts(text: &str) -> Self {
        let hosts = text.split(',').map(str::trim).filter(|host| !host.is_empty());
        Self::Hosts(hosts.map(str::to_owned).collect())
    }
}

/// Reads and checks the scenario at `path`, or the shipped one called `@name`.
///
/// # Errors
/// The first thing that is wrong with it, with its place.
pub fn load(path: &str, overrides: &Overrides, environment: Environment<'_>) -> Result<Scenario, Diagnostic> {
    let source = match path.strip_prefix('@') {
        Some(name) => builtin::source(name)?,
        None => file::read_source(path)?,
    };
    parse(source, overrides, environment)
}

/// Checks a scenario whose text is at hand. Files it names are looked for beside its path.
///
/// # Errors
/// The first thing that is wrong with it, with its place.
pub fn parse(source: Source, overrides: &Overrides, environment: Environment<'_>) -> Result<Scenario, Diagnostic> {
    let mut root = document::read(&source)?;
    let secrets = variables::expand(&mut root, &source, &overrides.vars, environment)?;
    let check = Check { source: &source, root: &root, overrides, environment };
    check.file().and_then(|file| check.scenario(&file)).map_err(|wrong| wrong.hiding(&secrets))
}

/// What every part of the check needs: the text for its places, and what stands against the file.
struct Check<'a> {
    source: &'a Source,
    root: &'a Node,
    overrides: &'a Overrides,
    environment: Environment<'a>,
}

type Checked<T> = Result<T, Diagnostic>;

impl Check<'_> {
    fn file(&self) -> Checked<File> {
        deserialize::from_node(self.root).map_err(|problem| {
            let span = problem.span.unwrap_or(0..0);
            Diagnostic::new(self.source, span, problem.message).with_help(problem.help)
        })
    }

    fn scenario(&self, file: &File) -> Checked<Scenario> {
        let mut times = self.times(&file.run)?;
        let users = self.users(file.users.as_ref())?;
        let login = self.login(file.users.as_ref(), &users)?;
        let target = self.target(file, &times)?;
        let mut rooms = rooms::Rooms::default();
        let groups = self.groups(file, &target, (&users, login.as_ref()), &mut rooms)?;
        let publishes = self.publishes(file, &times, &target, (&groups, &rooms))?;
        let requests = self.requests(file, &times, &target, &groups)?;
        let faults = self.faults(file, times.duration, &target, &groups)?;
        let proxy = self.proxy_of(file.proxy.as_ref(), &target, &groups, &faults)?;
        if file.run.settle.is_none() {
            times.settle = times.settle.max(longest_outage(&faults) + times.drain);
        }
        let scenario = Scenario {
            name: file.name.clone().unwrap_or_else(|| self.default_name()),
            seed: self.overrides.seed.or(file.seed).unwrap_or(42),
            source: self.source.clone(),
            times,
            target,
            proxy,
            users,
            login,
            rooms: rooms.names,
            groups,
            publishes,
            requests,
            faults,
            gate: self.gate(file.gate.as_ref())?,
            thresholds: self.thresholds(file)?,
        };
        self.sanity(&scenario)?;
        Ok(scenario)
    }

    fn times(&self, run: &file::Run) -> Checked<Times> {
        let or = |time: Option<file::Time>, seconds| time.map_or(Duration::from_secs(seconds), |time| time.0);
        let duration = self.overrides.duration.unwrap_or(or(run.duration, 20));
        let times = Times {
            warm_up: or(run.warm_up, 3),
            duration,
            drain: or(run.drain, 3),
            settle: or(run.settle, 60),
            join_timeout: or(run.join_timeout, 30),
        };
        for (key, time) in
            [("duration", times.duration), ("settle", times.settle), ("join_timeout", times.join_timeout)]
        {
            if time.is_zero() {
                return Err(self.wrong(&format!("run.{key}"), format!("`{key}` must be longer than 0s")));
            }
        }
        // A marker counts its sending time in 48 bits of nanoseconds.
        let longest = Duration::from_nanos(1 << 48);
        let total = [times.warm_up, times.drain].iter().try_fold(times.duration, |sum, part| sum.checked_add(*part));
        match total.is_some_and(|total| total < longest) {
            true => Ok(times),
            false => Err(self.wrong("run.duration", "a run may take 78 hours at most".to_owned())),
        }
    }

    fn default_name(&self) -> String {
        let path = self.source.path.trim_start_matches('@');
        std::path::Path::new(path)
            .file_stem()
            .map_or_else(|| path.to_owned(), |stem| stem.to_string_lossy().into_owned())
    }

    /// Something wrong at `path` of the document (keys and indices joined by dots). A value that came from the
    /// environment is taken out of the message.
    fn wrong(&self, path: &str, message: impl Into<String>) -> Diagnostic {
        let place = self.root.place(path);
        let mut message = message.into();
        if let (Origin::Environment, Value::Text(text)) = (place.node.origin, &place.node.value)
            && !text.is_empty()
        {
            message = message.replace(text.as_str(), "…");
        }
        Diagnostic::new(self.source, place.span, message)
    }

    /// `key` at `path` is planned but cannot be used yet.
    fn not_built(&self, path: &str, what: &str) -> Diagnostic {
        self.wrong(path, format!("{what} is not built yet"))
    }

    /// `written` at `path` is none of the `known` names of a `kind`.
    fn unknown(&self, path: &str, kind: &str, written: &str, known: &[&str]) -> Diagnostic {
        self.wrong(path, format!("no {kind} is called `{written}`"))
            .with_help(did_you_mean(written, known.iter().copied()))
    }
}

/// How long the longest fault takes that ends at all.
fn longest_outage(faults: &[Fault]) -> Duration {
    faults.iter().filter_map(|fault| fault.deed.outage()).max().unwrap_or_default()
}

impl Scenario {
    /// Something wrong with a threshold of this scenario; for whoever knows the names of metrics.
    pub fn threshold_error(&self, rule: &super::Rule, part: RulePart, message: impl Into<String>) -> Diagnostic {
        rule.at(part, &self.source, message)
    }
}

#[cfg(test)]
mod tests;
