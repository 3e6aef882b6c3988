//! `[[fault]]`: what goes wrong on purpose, to whom, when, and whether wsbench is able to do it.

use std::borrow::Cow;
use std::time::Duration;

use super::{Check, Checked, Diagnostic};
use crate::observe::GroupId;
use crate::scenario::file::{self, Disconnect, File, InstanceWord, RedisWord, Slow};
use crate::scenario::{BrokerChoice, Bundled, Cut, Deed, Fault, Group, InstanceAction, RedisAction, Target};
use crate::units::print_duration;

/// What `during` calls everything outside faults and incidents.
pub(super) const STEADY: &str = "steady";

/// How the names of incidents begin that nobody declared.
pub(super) const INCIDENT: &str = "incident-";

/// What works towards any target.
const REMEDY: &str = "`disconnect`, `slow` and `proxy` work towards any target";

/// How long a command may take, unless something else is asked for.
const TIMEOUT: Duration = Duration::from_secs(60);

impl Check<'_> {
    /// The faults in the order of their moments, of which all are before `end`.
    pub(super) fn faults(&self, file: &File, end: Duration, target: &Target, groups: &[Group]) -> Checked<Vec<Fault>> {
        self.different_names("fault", file.fault.iter().map(|fault| fault.name.as_str()))?;
        if file.fault.len() > usize::from(u16::MAX) / 4 {
            return Err(self.wrong("fault", "there are too many faults"));
        }
        let faults = file.fault.iter().enumerate();
        let faults = faults.map(|(at, fault)| Ok((at, self.fault(at, fault, end, target, groups)?)));
        let mut faults = faults.collect::<Checked<Vec<(usize, Fault)>>>()?;
        faults.sort_by_key(|(_, fault)| fault.at);
        self.nothing_hit_while_away(&faults)?;
        Ok(faults.into_iter().map(|(_, fault)| fault).collect())
    }

    fn fault(
        &self,
        at: usize,
        written: &file::Fault,
        end: Duration,
        target: &Target,
        groups: &[Group],
    ) -> Checked<Fault> {
        let place = |key: &str| format!("fault.{at}.{key}");
        if written.name == STEADY || written.name.starts_with(INCIDENT) {
            let message =
                format!("`{}` is what `during` calls something else; a fault needs another name", written.name);
            return Err(self.wrong(&place("name"), message));
        }
        if written.at.0 >= end {
            let message = format!("the measured phase is over by then: it takes {}", print_duration(end));
            return Err(self
                .wrong(&place("at"), message)
                .with_help("`at` counts from the end of the warm-up".to_owned()));
        }
        self.one_deed(at, written)?;
        let deed = if let Some(cut) = &written.disconnect {
            self.disconnect(&place("disconnect"), cut, target, groups)?
        } else if let Some(hit) = &written.instance {
            self.instance(&place("instance"), hit, target)?
        } else if let Some(hit) = &written.redis {
            self.redis(&place("redis"), hit, target)?
        } else if let Some(slow) = &written.slow {
            self.slow(&place("slow"), slow, groups)?
        } else if let Some(hit) = &written.proxy {
            self.proxy_fault(&place("proxy"), hit, groups)?
        } else if let Some(argv) = &written.command {
            self.command(&place("command"), argv, written.timeout)?
        } else {
            return Err(self.nothing_done(at, written));
        };
        Ok(Fault { name: written.name.clone(), at: written.at.0, deed })
    }

    fn one_deed(&self, at: usize, written: &file::Fault) -> Checked<()> {
        let place = |key: &str| format!("fault.{at}.{key}");
        if written.timeout.is_some() && written.command.is_none() {
            return Err(self.wrong(&place("timeout"), "`timeout` goes with `command`"));
        }
        let deeds = [
            ("disconnect", written.disconnect.is_some()),
            ("instance", written.instance.is_some()),
            ("redis", written.redis.is_some()),
            ("slow", written.slow.is_some()),
            ("proxy", written.proxy.is_some()),
            ("command", written.command.is_some()),
        ];
        let mut named = deeds.iter().filter(|(_, named)| *named).map(|(key, _)| *key);
        match (named.next(), named.next()) {
            (None, _) => Err(self.nothing_done(at, written)),
            (Some(first), Some(second)) => {
                let message = format!("`{first}` and `{second}` exclude each other");
                Err(self.wrong(&place(second), message).with_help("write a `[[fault]]` for each".to_owned()))
            }
            (Some(_), None) => Ok(()),
        }
    }

    fn nothing_done(&self, at: usize, written: &file::Fault) -> Diagnostic {
        let help = "write one of `disconnect`, `instance`, `redis`, `slow`, `proxy` and `command`, as in \
                    `disconnect = { clients = \"…\", percent = 30, how = \"rst\" }`";
        let message = format!("what `{}` does is not said", written.name);
        self.wrong(&format!("fault.{at}"), message).with_help(help.to_owned())
    }

    fn disconnect(&self, place: &str, written: &Disconnect, target: &Target, groups: &[Group]) -> Checked<Deed> {
        let how = written.how.0;
        if let (Cut::Close(_), Target::Foreign(_)) = (how, target) {
            let message = "a close frame comes from the server, and this one is not told to send any";
            let help = "write \"rst\", \"fin\" or \"blackhole\"; or `[server]` in place of `[target]`".to_owned();
            return Err(self.wrong(&format!("{place}.how"), message).with_help(help));
        }
        let clients = self.group_called(&format!("{place}.clients"), &written.clients, groups)?;
        Ok(Deed::Disconnect { clients, percent: self.share(&format!("{place}.percent"), written.percent)?, how })
    }

    fn slow(&self, place: &str, written: &Slow, groups: &[Group]) -> Checked<Deed> {
        let clients = self.group_called(&format!("{place}.clients"), &written.clients, groups)?;
        let percent = self.share(&format!("{place}.percent"), written.percent)?;
        Ok(Deed::Slow { clients, percent, read: written.read.0 })
    }

    fn command(&self, place: &str, argv: &[String], timeout: Option<file::Time>) -> Checked<Deed> {
        if argv.first().is_none_or(String::is_empty) {
            let help =
                "write the program and its arguments, as in `[\"kubectl\", \"rollout\", \"restart\", \"deploy/chat\"]`";
            return Err(self.wrong(place, "there is no command").with_help(help.to_owned()));
        }
        if !self.overrides.allow_commands {
            let message = "this runs a program on this machine, which a scenario may only do with leave";
            let help = "if you know what it does, add `--allow-commands`".to_owned();
            return Err(self.wrong(place, message).with_help(help));
        }
        match timeout.map_or(TIMEOUT, |time| time.0) {
            Duration::ZERO => {
                let place = place.replace("command", "timeout");
                Err(self.wrong(&place, "must be longer than 0s"))
            }
            timeout => Ok(Deed::Command { argv: argv.to_vec(), timeout }),
        }
    }

    /// The group called `name`, by its place.
    pub(super) fn group_called(&self, place: &str, name: &str, groups: &[Group]) -> Checked<GroupId> {
        let names: Vec<&str> = groups.iter().map(|group| group.name.as_str()).collect();
        let found = names.iter().position(|known| *known == name);
        found.map(|at| GroupId(at as u16)).ok_or_else(|| self.unknown(place, "group of clients", name, &names))
    }

    pub(super) fn share(&self, place: &str, percent: f64) -> Checked<f64> {
        match percent > 0.0 && percent <= 100.0 {
            true => Ok(percent),
            false => Err(self.wrong(place, format!("must be above 0 and at most 100 percent, not {percent}"))),
        }
    }

    fn instance(&self, place: &str, written: &file::Instance, target: &Target) -> Checked<Deed> {
        let bundled = self.own_server(place, "an instance", target)?;
        let all = bundled.instances;
        let index = u16::try_from(written.index.0).ok().filter(|index| *index < all).ok_or_else(|| {
            let message = format!("there is no instance {}: there are {all}, counted from 0", written.index.0);
            self.wrong(&format!("{place}.index"), message)
        })?;
        let restart_after = written.restart_after.map(|time| time.0);
        let action = match (written.action, written.duration) {
            (InstanceWord::Stop, _) if restart_after.is_some() => {
                let message = "`restart_after` goes with kill and drain; a stopped instance goes on by itself";
                return Err(self.wrong(&format!("{place}.restart_after"), message));
            }
            (InstanceWord::Stop, duration) => InstanceAction::Stop(self.lasting(place, "stop", duration)?),
            (_, Some(_)) => {
                let message = "`duration` goes with stop; how long it is away is `restart_after`";
                return Err(self.wrong(&format!("{place}.duration"), message));
            }
            (InstanceWord::Kill, None) => InstanceAction::Kill { restart_after },
            (InstanceWord::Drain, None) => InstanceAction::Drain { restart_after },
        };
        Ok(Deed::Instance { index, action })
    }

    fn redis(&self, place: &str, written: &file::Redis, target: &Target) -> Checked<Deed> {
        self.own_server(place, "Redis", target)?;
        let lasting = |word| self.lasting(place, word, written.duration);
        Ok(Deed::Redis(match written.action {
            RedisWord::Pause => RedisAction::Pause(lasting("pause")?),
            RedisWord::Kill => RedisAction::Kill(lasting("kill")?),
        }))
    }

    /// The bundled server, where every instance is a process of its own and Redis is ours.
    fn own_server<'t>(&self, place: &str, what: &str, target: &'t Target) -> Checked<&'t Bundled> {
        let remedy: Cow<'_, str> = match (target, &self.overrides.url) {
            (Target::Bundled(Bundled { broker: BrokerChoice::Memory, .. }), _) => {
                let message = "this needs Redis: one process per instance";
                let help = "write `broker = \"redis\"`, or \"auto\" with a redis-server or valkey-server on PATH";
                return Err(self.wrong(place, message).with_help(help.to_owned()));
            }
            (Target::Bundled(bundled), _) => return Ok(bundled),
            (Target::Foreign(_), Some(given)) => format!("leave out `{}`", given.place).into(),
            (Target::Foreign(_), None) => "write `[server]` in place of `[target]`".into(),
        };
        let message = format!("{what} can only be hit where wsbench has started it");
        Err(self.wrong(place, message).with_help(format!("{remedy}; {REMEDY}")))
    }

    pub(super) fn lasting(&self, place: &str, word: &str, written: Option<file::Time>) -> Checked<Duration> {
        match written.map(|time| time.0) {
            None => {
                let message = format!("for how long is not said: `{word}` needs a `duration`");
                Err(self.wrong(place, message).with_help("write `duration = \"2s\"`".to_owned()))
            }
            Some(Duration::ZERO) => Err(self.wrong(&format!("{place}.duration"), "must be longer than 0s")),
            Some(duration) => Ok(duration),
        }
    }

    /// What was killed, stopped or paused has to be back before it is hit again.
    fn nothing_hit_while_away(&self, faults: &[(usize, Fault)]) -> Checked<()> {
        for (later, (at, fault)) in faults.iter().enumerate() {
            let Some(what) = subject(&fault.deed) else { continue };
            let same = faults[..later].iter().rev().find(|(_, other)| subject(&other.deed).as_ref() == Some(&what));
            let Some((_, before)) = same else { continue };
            let back = before.deed.outage().map(|outage| before.at + outage);
            if back.is_some_and(|back| back <= fault.at) {
                continue;
            }
            let until =
                back.map_or("never comes back".to_owned(), |back| format!("is back at {}", print_duration(back)));
            let message = format!("{what} is away at this moment: it was hit by `{}` and {until}", before.name);
            return Err(self.wrong(&format!("fault.{at}.at"), message));
        }
        Ok(())
    }
}

/// The process that is hit, in words.
fn subject(deed: &Deed) -> Option<String> {
    match deed {
        Deed::Instance { index, .. } => Some(format!("instance {index}")),
        Deed::Redis(_) => Some("Redis".to_owned()),
        Deed::Disconnect { .. } | Deed::Slow { .. } | Deed::Proxy { .. } | Deed::Command { .. } => None,
    }
}
