//! `[[clients]]`: how many, when, in which rooms, and what they do about a lost connection.

use std::sync::Arc;
use std::time::Duration;

use super::rooms::{MOST, Rooms};
use super::{Check, Checked};
use crate::backoff::{POLICIES, Policy};
use crate::dialect::AuthStyle;
use crate::profile::{Constant, Joined, Point, RateShape, Spacing, Steps};
use crate::scenario::file::{
    Arrive, Auth, Clients, CookiesWord, Course, FailoverWord, File, RatePoint, Reconnect as Written, WordOr,
};
use crate::scenario::plan::apportion;
use crate::scenario::{Failover, Group, Login, Population, Reconnect, Target, Users};
use crate::units::Rate;

/// Starts per second of a ramp whose length is not said.
const RAMP_PER_SECOND: u32 = crate::scenario::plan::RAMP_PER_SECOND;

impl Check<'_> {
    pub(super) fn groups(
        &self,
        file: &File,
        target: &Target,
        users: (&Users, Option<&Login>),
        rooms: &mut Rooms,
    ) -> Checked<Vec<Group>> {
        let written = &file.clients;
        if written.is_empty() {
            let help = "write `[[clients]]` with a `name` and a `count`".to_owned();
            return Err(self.wrong("", "there are no clients").with_help(help));
        }
        self.different_names("clients", written.iter().map(|group| group.name.as_str()))?;
        if written.len() > usize::from(u16::MAX) {
            return Err(self.wrong("clients", "there are too many groups"));
        }
        let populations = self.populations(written)?;
        let sizes: Vec<Option<u32>> = written.iter().map(fixed_count).collect();
        let memberships = self.memberships(written, &sizes, rooms)?;
        let groups = written.iter().enumerate().zip(populations).zip(memberships);
        let groups = groups.map(|(((at, group), population), rooms)| {
            Ok(Group {
                transports: self.transports(at, file, target, &rooms)?,
                name: group.name.clone(),
                population,
                rooms,
                stay: group.stay.map(|stay| stay.0),
                auth: auth(group, target, users),
                reconnect: self.reconnect(at, group)?,
            })
        });
        groups.collect()
    }

    pub(super) fn different_names<'n>(&self, key: &str, names: impl Iterator<Item = &'n str>) -> Checked<()> {
        let mut seen = std::collections::HashSet::new();
        for (at, name) in names.enumerate() {
            let path = format!("{key}.{at}.name");
            if name.is_empty() {
                return Err(self.wrong(&path, "the name is empty"));
            }
            if !seen.insert(name) {
                return Err(self.wrong(&path, format!("there are two `[[{key}]]` called `{name}`")));
            }
        }
        Ok(())
    }

    fn populations(&self, groups: &[Clients]) -> Checked<Vec<Population>> {
        let plain = groups.iter().enumerate().map(|(at, group)| self.population(at, group));
        let mut plain = plain.collect::<Checked<Vec<Population>>>()?;
        if let Some(wanted) = self.overrides.clients {
            self.scale(&mut plain, wanted)?;
        }
        for (population, (at, group)) in plain.iter_mut().zip(groups.iter().enumerate()) {
            if let Population::Ramp { count, over } = population {
                let default = Duration::from_secs_f64(f64::from(*count) / f64::from(RAMP_PER_SECOND));
                *over = group.ramp.map_or(default, |ramp| ramp.0);
            } else if group.ramp.is_some() {
                let message = "`ramp` goes with a fixed `count`; these clients come after t0";
                return Err(self.wrong(&format!("clients.{at}.ramp"), message));
            }
        }
        Ok(plain)
    }

    fn population(&self, at: usize, group: &Clients) -> Checked<Population> {
        let place = |key: &str| format!("clients.{at}.{key}");
        match (&group.count, &group.arrive) {
            (Some(_), Some(_)) => Err(self.wrong(&place("arrive"), "`count` and `arrive` exclude each other")),
            (None, None) => {
                let help = "write `count = 100`, or `arrive = { rate = \"10/s\" }`".to_owned();
                let message = format!("how many clients `{}` has is not said", group.name);
                Err(self.wrong(&format!("clients.{at}"), message).with_help(help))
            }
            (Some(Course::Always(count)), None) => match count.0 > MOST {
                true => Err(self.wrong(&place("count"), format!("there may be {MOST} clients at most"))),
                false => Ok(Population::Ramp { count: count.0, over: Duration::ZERO }),
            },
            (Some(Course::Points(points)), None) => {
                let ordered: Vec<Duration> = points.iter().map(|point| point.at.0).collect();
                self.in_order(&place("count"), &ordered)?;
                let steps: Vec<(Duration, u32)> = points.iter().map(|point| (point.at.0, point.n.0)).collect();
                match steps.iter().map(|(_, n)| *n).max() {
                    Some(1..=MOST) => Ok(Population::Steps(steps)),
                    Some(0) => Err(self.wrong(&place("count"), "there is never a client")),
                    _ => Err(self.wrong(&place("count"), format!("there may be {MOST} clients at most"))),
                }
            }
            (None, Some(arrive)) => self.arrivals(&place("arrive"), arrive),
        }
    }

    fn arrivals(&self, path: &str, arrive: &Arrive) -> Checked<Population> {
        let rate = self.rate_shape(&format!("{path}.rate"), &arrive.rate, arrive.ramp, Duration::ZERO)?;
        let spacing = arrive.arrival.map_or(Spacing::Poisson, |arrival| arrival.0);
        Ok(Population::Arrive { rate, spacing })
    }

    /// A rate over time; points count from `zero`, which itself counts from t0.
    pub(super) fn rate_shape(
        &self,
        path: &str,
        rate: &Course<crate::scenario::file::RateText, RatePoint>,
        joined: bool,
        zero: Duration,
    ) -> Checked<Arc<dyn RateShape>> {
        let points = match rate {
            Course::Always(rate) if rate.0.get() > 0.0 => return Ok(Arc::new(Constant::new(rate.0.get()))),
            Course::Always(_) => return Err(self.wrong(path, "the rate must be above zero")),
            Course::Points(points) => points,
        };
        self.in_order(path, &points.iter().map(|point| point.at.0).collect::<Vec<_>>())?;
        if points.iter().all(|point| point.rate.0 == Rate::per_second(0.0)) {
            return Err(self.wrong(path, "the rate is never above zero"));
        }
        let points: Vec<Point> =
            points.iter().map(|point| Point { at: zero + point.at.0, rate: point.rate.0.get() }).collect();
        Ok(if joined { Arc::new(Joined::new(&points)) } else { Arc::new(Steps::new(&points)) })
    }

    fn in_order(&self, path: &str, moments: &[Duration]) -> Checked<()> {
        if moments.is_empty() {
            return Err(self.wrong(path, "the list is empty"));
        }
        match moments.windows(2).position(|pair| pair[1] < pair[0]) {
            Some(at) => Err(self.wrong(&format!("{path}.{}.at", at + 1), "this moment is before the one above it")),
            None => Ok(()),
        }
    }

    /// Makes the groups with a count have `wanted` clients in all, in the file's proportions.
    fn scale(&self, populations: &mut [Population], wanted: u32) -> Checked<()> {
        let size = |population: &Population| match population {
            Population::Ramp { count, .. } => *count,
            Population::Steps(points) => points.iter().map(|(_, n)| *n).max().unwrap_or(0),
            Population::Arrive { .. } => 0,
        };
        let sizes: Vec<u32> = populations.iter().map(size).collect();
        let flag = |message: String| super::Diagnostic::without_place("-c", message);
        if sizes.iter().all(|size| *size == 0) {
            return Err(flag("no group of this scenario has a count".to_owned()));
        }
        if wanted > MOST {
            return Err(flag(format!("there may be {MOST} clients at most")));
        }
        let mut shares = apportion(u64::from(wanted), &sizes);
        // Nobody is left out as long as there is somebody to spare.
        for at in 0..shares.len() {
            let most = (0..shares.len()).max_by_key(|other| shares[*other]).unwrap_or(at);
            if sizes[at] > 0 && shares[at] == 0 && shares[most] > 1 {
                shares[most] -= 1;
                shares[at] += 1;
            }
        }
        for (population, (size, share)) in populations.iter_mut().zip(sizes.iter().zip(shares)) {
            if *size > 0 && share == 0 {
                return Err(flag(format!("{wanted} clients are too few for the groups of this scenario")));
            }
            match population {
                Population::Ramp { count, .. } => *count = share as u32,
                Population::Steps(points) => points.iter_mut().for_each(|(_, n)| {
                    *n = (u64::from(*n) * share).div_ceil(u64::from(*size)) as u32;
                }),
                Population::Arrive { .. } => {}
            }
        }
        Ok(())
    }

    fn reconnect(&self, at: usize, group: &Clients) -> Checked<Reconnect> {
        let place = format!("clients.{at}.reconnect");
        let (written, policy_place) = match &group.reconnect {
            None => (Written::default(), place.clone()),
            Some(WordOr::Word(word)) => (Written { policy: Some(word.clone()), ..Written::default() }, place.clone()),
            Some(WordOr::Table(table)) => (table.clone(), format!("{place}.policy")),
        };
        let name = written.policy.as_deref().unwrap_or("full-jitter");
        let (base, cap) = (written.base.map(|time| time.0), written.cap.map(|time| time.0));
        let Some(policy) = Policy::named(name, base, cap) else {
            let known: Vec<&str> = POLICIES.iter().map(|(name, _)| *name).collect();
            return Err(self.unknown(&policy_place, "policy", name, &known));
        };
        if base.is_some_and(|base| base.is_zero()) {
            return Err(self.wrong(&format!("{place}.base"), "must be longer than 0s"));
        }
        if let (Some(cap), base) = (cap, base.unwrap_or(crate::backoff::DEFAULT_BASE))
            && cap < base
        {
            return Err(self.wrong(&format!("{place}.cap"), "the cap is below the base"));
        }
        Ok(Reconnect {
            hints: written.hints.unwrap_or_else(|| policy.heeds_hints()),
            keeps_cookies: written.cookies != Some(CookiesWord::Fresh),
            policy,
            give_up: written.give_up.map_or(Duration::from_secs(300), |time| time.0),
            resume: written.resume.unwrap_or(true),
            failover: match written.failover.unwrap_or(FailoverWord::Next) {
                FailoverWord::Next => Failover::Next,
                FailoverWord::Same => Failover::Same,
                FailoverWord::Random => Failover::Random,
            },
        })
    }
}

fn fixed_count(group: &Clients) -> Option<u32> {
    match &group.count {
        Some(Course::Always(count)) => Some(count.0),
        Some(Course::Points(points)) => points.iter().map(|point| point.n.0).max(),
        None => None,
    }
}

fn auth(group: &Clients, target: &Target, (users, login): (&Users, Option<&Login>)) -> AuthStyle {
    let granted = login.is_some_and(|login| login.token.is_some());
    let tokens = granted
        || match (target, users) {
            (Target::Bundled(_), _) | (_, Users::Minted { .. }) => true,
            (_, Users::Rows { columns, .. }) => columns.iter().any(|column| column == "token"),
            (_, Users::Numbered) => false,
        };
    match group.auth {
        Some(Auth::QueryToken) => AuthStyle::QueryToken,
        Some(Auth::FirstMessage) => AuthStyle::FirstMessage,
        Some(Auth::Header) => AuthStyle::Header,
        Some(Auth::Cookie) => AuthStyle::Cookie,
        Some(Auth::None) => AuthStyle::None,
        None if tokens => AuthStyle::FirstMessage,
        None => AuthStyle::None,
    }
}
