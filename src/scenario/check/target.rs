//! `[server]` and `[target]`: whom to talk to and how to get there.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use url::Url;

use super::{Check, Checked, Diagnostic, GivenUrl};
use crate::dialect::{self, DIALECTS, Dialect, DialectError, Parameters};
use crate::scenario::file::{self, Broker, File, Resolve};
use crate::scenario::{BrokerChoice, Bundled, Foreign, Network, Source, Target, Times, TlsFiles};
use crate::units::print_duration;
use crate::wire::{InstanceRule, Within};

/// Dialects that are named in plans but cannot be used yet.
const NOT_BUILT: &[&str] = &["socketio-v4"];

/// Between two pings of the bundled server, unless something else is asked for.
const PING_INTERVAL: Duration = Duration::from_secs(30);

/// Silence after which a client counts as dead, unless something else is asked for.
const PING_TIMEOUT: Duration = Duration::from_secs(60);

/// No instance pings more often, or is less patient.
const SHORTEST_PING: Duration = Duration::from_millis(100);

/// The default dialect.
const ROOM: &str = "room";

impl Check<'_> {
    pub(super) fn target(&self, file: &File, _: &Times) -> Checked<Target> {
        match (&file.server, &file.target, &self.overrides.url) {
            (Some(_), Some(_), None) => {
                let help =
                    "`[server]` starts the bundled server, `[target]` names one that is already there".to_owned();
                Err(self.wrong("target", "there is a `[server]` as well as a `[target]`").with_help(help))
            }
            (None, None, None) => {
                let message = "there is neither a `[server]` nor a `[target]`";
                let help =
                    "write `[server]` to start the bundled room server, or `[target]` with `urls = [\"wss://…\"]`";
                Err(self.wrong("", message).with_help(help.to_owned()))
            }
            (Some(server), None, None) => self.bundled(server),
            (_, target, _) => self.foreign(target.as_ref()),
        }
    }

    fn bundled(&self, server: &file::Server) -> Checked<Target> {
        let instances = server.instances.map_or(2, |instances| instances.0);
        let instances = match u16::try_from(instances) {
            Ok(instances) if instances <= 256 => instances,
            _ => return Err(self.wrong("server.instances", format!("{instances} instances are too many; at most 256"))),
        };
        let broker = match server.broker.unwrap_or(Broker::Auto) {
            Broker::Auto => BrokerChoice::Auto,
            Broker::Redis => BrokerChoice::Redis,
            Broker::Memory => BrokerChoice::Memory,
        };
        let ping_interval = self.ping("ping_interval", server.ping_interval, PING_INTERVAL)?;
        let ping_timeout = self.ping("ping_timeout", server.ping_timeout, PING_TIMEOUT)?;
        Ok(Target::Bundled(Bundled { instances, broker, ping_interval, ping_timeout }))
    }

    fn ping(&self, key: &str, written: Option<file::Time>, usual: Duration) -> Checked<Duration> {
        match written.map_or(usual, |time| time.0) {
            time if time < SHORTEST_PING => {
                let message = format!("`{key}` must be at least {}", print_duration(SHORTEST_PING));
                Err(self.wrong(&format!("server.{key}"), message))
            }
            time => Ok(time),
        }
    }

    fn foreign(&self, target: Option<&file::Target>) -> Checked<Target> {
        let urls = match (&self.overrides.url, target) {
            (Some(given), _) => vec![given.read()?],
            (None, Some(target)) => self.urls(&target.urls)?,
            (None, None) => Vec::new(),
        };
        let nothing = serde_json::Map::new();
        let (name, with) = target.map_or((ROOM, &nothing), |t| (t.dialect.as_deref().unwrap_or(ROOM), &t.with));
        let dialect = self.named_dialect(name, with)?;
        let instances = target.map(|target| self.instances(&target.instance)).transpose()?.unwrap_or_default();
        Ok(Target::Foreign(Box::new(Foreign { urls, dialect, instances, network: self.network(target)? })))
    }

    fn instances(&self, written: &[file::InstancePlace]) -> Checked<Arc<[InstanceRule]>> {
        let rule = |(at, rule): (usize, &file::InstancePlace)| {
            let place = format!("target.instance.{at}");
            let within = match rule.within {
                None | Some(file::Words::Join) => Within::Join,
                Some(file::Words::Welcome) => Within::Welcome,
            };
            match (&rule.header, &rule.cookie, &rule.pointer, rule.url) {
                (Some(name), None, None, None) => Ok(InstanceRule::Header(name.to_lowercase())),
                (None, Some(name), None, None) => Ok(InstanceRule::Cookie(name.clone())),
                (None, None, Some(pointer), None) if pointer.starts_with('/') => {
                    Ok(InstanceRule::Pointer { pointer: pointer.clone(), within })
                }
                (None, None, Some(_), None) => {
                    Err(self.wrong(&format!("{place}.pointer"), "a JSON Pointer starts with `/`, as in `/data/node`"))
                }
                (None, None, None, Some(true)) => Ok(InstanceRule::Url),
                _ => {
                    let message =
                        "a place where instances are told is one of `header`, `cookie`, `pointer` and `url = true`";
                    Err(self.wrong(&place, message))
                }
            }
        };
        written.iter().enumerate().map(rule).collect()
    }

    /// The dialect called `name`, or the one that the file `name` beside the scenario describes.
    fn named_dialect(&self, name: &str, with: &Parameters) -> Checked<Arc<dyn Dialect>> {
        let (path, text) = if name.ends_with(".toml") {
            let text = file::beside(self.source, name).map_err(|problem| self.wrong("target.dialect", problem))?;
            (file::resolve(self.source, name).display().to_string(), text)
        } else {
            let entry = DIALECTS.iter().find(|entry| entry.name == name);
            (format!("dialect {name}"), entry.and_then(|entry| entry.file).unwrap_or_default().to_owned())
        };
        let made = if name.ends_with(".toml") { dialect::read(&text, with) } else { dialect::find(name, with) };
        made.map_err(|error| match error {
            DialectError::File { span, problem } => Diagnostic::new(&Source::new(&path, text), span, problem),
            error => self.dialect_error(error),
        })
    }

    /// What is spoken to the target.
    pub(super) fn dialect(&self, target: &Target) -> Checked<Arc<dyn Dialect>> {
        match target {
            Target::Bundled(_) => dialect::find(ROOM, &Parameters::new()).map_err(|error| self.dialect_error(error)),
            Target::Foreign(foreign) => Ok(Arc::clone(&foreign.dialect)),
        }
    }

    fn urls(&self, urls: &[String]) -> Checked<Vec<Url>> {
        if urls.is_empty() {
            return Err(self.wrong("target.urls", "there is no URL"));
        }
        let read = |(at, url): (usize, &String)| {
            let place = format!("target.urls.{at}");
            read_url(url).map_err(|(message, help)| self.wrong(&place, message).with_help(help))
        };
        urls.iter().enumerate().map(read).collect()
    }

    fn dialect_error(&self, error: DialectError) -> Diagnostic {
        match error {
            DialectError::NotFound { name } if NOT_BUILT.contains(&name.as_str()) => {
                self.not_built("target.dialect", &format!("the dialect `{name}`"))
            }
            DialectError::NotFound { name } => {
                let known: Vec<&str> = DIALECTS.iter().map(|entry| entry.name).collect();
                self.unknown("target.dialect", "dialect", &name, &known)
            }
            DialectError::File { problem, .. } => self.wrong("target.dialect", problem),
            DialectError::Parameter { key, problem } => {
                let wrong = self.wrong(&format!("target.with.{key}"), format!("`{key}`: {problem}"));
                // Flags have no parameters.
                let bare = self.overrides.url.is_some();
                let help = "`wsbench init FILE.toml --dialect NAME` writes a scenario with every parameter explained";
                wrong.with_help(bare.then(|| help.to_owned()))
            }
        }
    }

    fn network(&self, target: Option<&file::Target>) -> Checked<Network> {
        let flags = self.overrides;
        let mut headers: Vec<(String, String)> =
            target.map(|target| target.headers.clone().into_iter().collect()).unwrap_or_default();
        headers.retain(|(name, _)| !flags.headers.iter().any(|(flag, _)| flag.eq_ignore_ascii_case(name)));
        headers.extend(flags.headers.iter().cloned());
        Ok(Network {
            headers,
            tls: self.tls(target.and_then(|target| target.tls.as_ref()))?,
            proxy: self.proxy(target)?,
            connect_to: flags.connect_to.clone(),
            resolve_each: target.is_some_and(|target| target.resolve == Some(Resolve::Each)),
            source_ips: self.source_ips(target)?,
        })
    }

    fn tls(&self, tls: Option<&file::Tls>) -> Checked<TlsFiles> {
        let flags = self.overrides;
        let file = |key: &str, written: Option<&String>, flag: &Option<PathBuf>| -> Checked<Option<PathBuf>> {
            if let Some(path) = flag {
                return Ok(Some(path.clone()));
            }
            let Some(name) = written else { return Ok(None) };
            let path = file::resolve(self.source, name);
            match path.is_file() {
                true => Ok(Some(path)),
                false => Err(self.wrong(&format!("target.tls.{key}"), format!("there is no file {}", path.display()))),
            }
        };
        let files = TlsFiles {
            ca: file("ca", tls.and_then(|tls| tls.ca.as_ref()), &flags.cacert)?,
            cert: file("cert", tls.and_then(|tls| tls.cert.as_ref()), &flags.cert)?,
            key: file("key", tls.and_then(|tls| tls.key.as_ref()), &flags.key)?,
            server_name: tls.and_then(|tls| tls.server_name.clone()),
            insecure: flags.insecure,
        };
        match (&files.cert, &files.key) {
            (Some(_), None) => Err(self.wrong("target.tls", "a client certificate needs its `key`")),
            (None, Some(_)) => Err(self.wrong("target.tls", "a client key needs its `cert`")),
            _ => Ok(files),
        }
    }

    fn proxy(&self, target: Option<&file::Target>) -> Checked<Option<Url>> {
        let read = |text: &str| match Url::parse(text) {
            Ok(url) if url.scheme() == "http" && url.has_host() => Ok(url),
            _ => Err("a proxy is written as `http://host:port`"),
        };
        if let Some(proxy) = &self.overrides.proxy {
            return read(proxy).map(Some).map_err(|message| flag("--proxy", message));
        }
        let Some(proxy) = target.and_then(|target| target.proxy.as_deref()) else { return Ok(None) };
        if proxy != "env" {
            return read(proxy).map(Some).map_err(|message| self.wrong("target.proxy", message));
        }
        let named = ["https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"].iter().find_map(|n| (self.environment)(n));
        let found = named.filter(|proxy| !proxy.is_empty());
        found.map(|proxy| read(&proxy)).transpose().map_err(|message| self.wrong("target.proxy", message))
    }

    fn source_ips(&self, target: Option<&file::Target>) -> Checked<Vec<std::net::IpAddr>> {
        let written = target.map(|target| target.source_ips.as_slice()).unwrap_or_default();
        let read = |(at, text): (usize, &String)| {
            let place = format!("target.source_ips.{at}");
            text.parse().map_err(|_| self.wrong(&place, format!("`{text}` is not an IP address")))
        };
        written.iter().enumerate().map(read).collect()
    }
}

fn flag(name: &str, message: impl Into<String>) -> Diagnostic {
    Diagnostic::without_place(name, message)
}

impl GivenUrl {
    /// The URL, if it may be a target's.
    ///
    /// # Errors
    /// What is wrong with it, blamed on its place.
    pub fn read(&self) -> Result<Url, Diagnostic> {
        read_url(&self.url).map_err(|(message, help)| flag(&self.place, message).with_help(help))
    }
}

/// A URL of a target, or what is wrong with it and what to do. The scheme says whether there is TLS; which transport goes
/// there is the clients' business.
fn read_url(text: &str) -> Result<Url, (String, Option<String>)> {
    let url = Url::parse(text).map_err(|error| {
        (format!("`{text}` is not a URL: {error}"), Some("write it as `ws://host:port/path` or `wss://…`".to_owned()))
    })?;
    if !matches!(url.scheme(), "ws" | "wss" | "http" | "https") {
        let rest = text.split_once("://").map_or("…", |(_, rest)| rest);
        let message = format!("the scheme `{}` is none of ws, wss, http, https", url.scheme());
        return Err((message, Some(format!("write `ws://{rest}`"))));
    }
    match url.host_str().is_none_or(str::is_empty) {
        true => Err((format!("`{text}` names no host"), None)),
        false => Ok(url),
    }
}
