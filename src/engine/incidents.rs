//! Faults and incidents as they unfold: who was cut, who tried, who is back. Pure; fed by the coordinator.

use std::collections::VecDeque;
use std::time::Duration;

use rustc_hash::{FxHashMap, FxHashSet};
use serde::{Deserialize, Serialize};

use super::books::signed;
use super::outcome::Incident;
use crate::observe::{ClientId, Stretch, Word};
use crate::time::Timestamp;
use crate::wire::InstanceTag;

/// Something that happened to a client's connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct ClientEvent {
    pub(super) client: ClientId,
    pub(super) at: Timestamp,
    pub(super) what: Turn,
}

/// How a connection ended that nobody asked to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Parting {
    pub(super) kind: Word,
    pub(super) instance: InstanceTag,
    /// How long it had lived.
    pub(super) age: Duration,
    /// How long nothing had been heard on it.
    pub(super) idle: Duration,
}

/// What happened to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Turn {
    /// It ended without being asked to.
    Lost(Parting),
    /// The client tries to come back.
    Tried,
    /// The attempt failed: stage and kind.
    Failed(Word, Word),
    /// It is back in all its rooms.
    Back,
}

/// Bins of the herd.
const BIN: Duration = Duration::from_millis(100);

/// At most ten minutes of bins.
const BINS: usize = 6_000;

/// Losses within this time belong together.
const TOGETHER: Duration = Duration::from_secs(1);

/// Share of the clients whose loss within [`TOGETHER`] is an incident though nobody declared one.
const NOTABLE: f64 = 0.01;

/// Fewer losses than this are no incident, however few clients there are.
const NOTABLE_LEAST: usize = 3;

/// Further incidents than this are not told apart any more: they go on the account of the last.
const MOST: usize = 32;

/// One that has begun.
#[derive(Debug)]
struct Open {
    incident: Incident,
    from: Timestamp,
    /// Its stretch ends no sooner.
    least: Timestamp,
    until: Option<Timestamp>,
    /// Clients that were cut and have not noticed: silence takes its time.
    cut: FxHashSet<ClientId>,
    /// Clients cut by it that are not back.
    out: FxHashMap<ClientId, Timestamp>,
    returned: Vec<Duration>,
}

/// All of them.
#[derive(Debug)]
pub(super) struct Incidents {
    open: Vec<Open>,
    declared: usize,
    recent: VecDeque<(Timestamp, ClientId, Parting)>,
    /// The incident each client that is out belongs to.
    blame: FxHashMap<ClientId, usize>,
}

/// A stretch that has begun, for the workers to know.
pub(super) type Boundary = (Timestamp, Stretch);

impl Incidents {
    /// The planned ones: name, what is done, instant, and how long it lasts by itself.
    pub(super) fn declared(faults: impl IntoIterator<Item = (String, String, Timestamp, Duration)>) -> Self {
        let open: Vec<Open> = faults
            .into_iter()
            .map(|(name, what, from, lasts)| Open::new(name, what, true, from, from + lasts))
            .collect();
        Self { declared: open.len(), open, recent: VecDeque::new(), blame: FxHashMap::default() }
    }

    /// A fault could not be carried out.
    pub(super) fn failed(&mut self, number: u16, why: String) {
        if let Some(open) = self.open.get_mut(usize::from(number)) {
            open.incident.failure.get_or_insert(why);
        }
    }

    /// The connection of `client` was cut at `at`; what it belongs to is not over before the client has noticed.
    pub(super) fn cut(&mut self, client: ClientId, at: Timestamp) {
        if let Some(number) = self.current(at) {
            self.open[number].cut.insert(client);
        }
    }

    /// The command of a fault has ended.
    pub(super) fn command_ended(&mut self, number: u16, status: Option<i32>) {
        if let Some(open) = self.open.get_mut(usize::from(number)) {
            open.incident.exit_status = status;
        }
    }

    /// Takes note of an event; `clients` is how many there are. Gives the boundary of an incident that is found by it.
    pub(super) fn note(&mut self, event: ClientEvent, clients: u64) -> Option<Boundary> {
        match event.what {
            Turn::Lost(parting) => {
                let found = self.lost(event, parting, clients);
                for open in &mut self.open {
                    open.cut.remove(&event.client);
                }
                return found;
            }
            Turn::Tried => {
                if let Some(open) = self.blamed(event.client) {
                    open.incident.attempts += 1;
                    let bin = (event.at.since(open.from).as_nanos() / BIN.as_nanos()) as usize;
                    if bin < BINS {
                        let bins = open.incident.herd.len().max(bin + 1);
                        open.incident.herd.resize(bins, 0);
                        open.incident.herd[bin] += 1;
                    }
                }
            }
            Turn::Failed(stage, kind) => {
                if let Some(open) = self.blamed(event.client) {
                    count(&mut open.incident.failures, |(s, k, _)| (*s, *k) == (stage, kind), (stage, kind, 0)).2 += 1;
                }
            }
            Turn::Back => {
                if let Some(open) = self.blamed(event.client) {
                    open.out.remove(&event.client);
                    open.incident.recovered += 1;
                    open.returned.push(event.at.since(open.from));
                }
                self.blame.remove(&event.client);
            }
        }
        None
    }

    fn lost(&mut self, event: ClientEvent, parting: Parting, clients: u64) -> Option<Boundary> {
        if let Some(at) = self.current(event.at) {
            self.charge(at, event, parting.kind);
            return None;
        }
        self.recent.push_back((event.at, event.client, parting));
        while self.recent.front().is_some_and(|(at, ..)| event.at.since(*at) > TOGETHER) {
            self.recent.pop_front();
        }
        let notable = ((clients as f64 * NOTABLE).ceil() as usize).max(NOTABLE_LEAST);
        if self.recent.len() < notable || self.open.len() >= MOST {
            return None;
        }
        let from = self.recent.iter().map(|(at, ..)| *at).min().unwrap_or(event.at);
        let number = self.open.len();
        let name = format!("incident-{}", number - self.declared + 1);
        self.open.push(Open::new(
            name,
            "connections lost that no fault accounts for".to_owned(),
            false,
            from,
            from + TOGETHER,
        ));
        for (at, client, parting) in std::mem::take(&mut self.recent) {
            self.charge(number, ClientEvent { client, at, what: Turn::Lost(parting) }, parting.kind);
        }
        Some((from, Stretch::during(number as u16)))
    }

    /// The incident a loss at `at` belongs to: the last one that had begun and was not over.
    fn current(&self, at: Timestamp) -> Option<usize> {
        let begun = |open: &Open| open.from <= at && open.until.is_none_or(|until| at <= until);
        self.open.iter().rposition(begun)
    }

    /// Whether a loss at `at` belongs to a fault that was planned.
    pub(super) fn planned(&self, at: Timestamp) -> bool {
        self.current(at).is_some_and(|number| self.open[number].incident.declared)
    }

    /// The stretch of the incident a loss at `at` belongs to, as far as it is known.
    pub(super) fn stretch_at(&self, at: Timestamp) -> Option<Stretch> {
        self.current(at).map(|number| Stretch::during(number as u16))
    }

    fn charge(&mut self, number: usize, event: ClientEvent, kind: Word) {
        let open = &mut self.open[number];
        open.incident.lost += 1;
        count(&mut open.incident.causes, |(k, _)| *k == kind, (kind, 0)).1 += 1;
        open.out.insert(event.client, event.at);
        if let Some(before) = self.blame.insert(event.client, number).filter(|before| *before != number) {
            self.open[before].out.remove(&event.client);
        }
    }

    fn blamed(&mut self, client: ClientId) -> Option<&mut Open> {
        self.open.get_mut(*self.blame.get(&client)?)
    }

    /// Ends the stretches of incidents that are over by `now`; gives their boundaries.
    pub(super) fn settle(&mut self, now: Timestamp) -> Vec<Boundary> {
        let mut boundaries = Vec::new();
        let instants: Vec<Timestamp> = self.open.iter().map(|open| open.from).collect();
        for (number, open) in self.open.iter_mut().enumerate() {
            let next = instants.iter().filter(|from| **from > open.from).min().copied();
            let overtaken = next.is_some_and(|next| next <= now);
            let quiet = open.out.is_empty() && open.cut.is_empty() && open.least <= now;
            if open.until.is_none() && open.from <= now && (quiet || overtaken) {
                let until = if overtaken { next.unwrap_or(now) } else { now };
                open.until = Some(until);
                // An overtaken one has no aftermath of its own: the next one's stretch begins at that moment.
                if !overtaken {
                    boundaries.push((until, Stretch::after(number as u16)));
                }
            }
        }
        boundaries
    }

    /// Names, in order.
    pub(super) fn names(&self) -> Vec<String> {
        self.open.iter().map(|open| open.incident.name.clone()).collect()
    }

    /// What became of them, the run having ended at `end`; moments count from `measured`. Faults whose instant did not
    /// come are left out at the end of the list.
    pub(super) fn conclude(self, measured: Timestamp, end: Timestamp) -> Vec<Incident> {
        self.open.into_iter().map(|open| open.conclude(measured, end)).collect()
    }
}

impl Open {
    fn new(name: String, what: String, declared: bool, from: Timestamp, least: Timestamp) -> Self {
        let incident = Incident {
            name,
            declared,
            what,
            at_ns: 0,
            until_ns: 0,
            lost: 0,
            recovered: 0,
            never: 0,
            attempts: 0,
            failures: Vec::new(),
            causes: Vec::new(),
            herd: Vec::new(),
            back: [None; 4],
            failure: None,
            exit_status: None,
        };
        Self {
            incident,
            from,
            least,
            until: None,
            cut: FxHashSet::default(),
            out: FxHashMap::default(),
            returned: Vec::new(),
        }
    }

    fn conclude(mut self, measured: Timestamp, end: Timestamp) -> Incident {
        self.returned.sort_unstable();
        let lost = self.incident.lost as usize;
        let back = |share: f64| {
            let nth = (lost as f64 * share).ceil() as usize;
            nth.checked_sub(1).and_then(|at| self.returned.get(at)).copied()
        };
        Incident {
            at_ns: signed(self.from, measured),
            until_ns: signed(self.until.unwrap_or(end).max(self.from), measured),
            never: self.incident.lost - self.incident.recovered,
            back: [0.5, 0.95, 0.99, 1.0].map(back),
            ..self.incident
        }
    }
}

/// The entry that `is` the one, made from `new` if there is none.
fn count<T: Copy>(entries: &mut Vec<T>, is: impl Fn(&T) -> bool, new: T) -> &mut T {
    let at = entries.iter().position(is).unwrap_or_else(|| {
        entries.push(new);
        entries.len() - 1
    });
    &mut entries[at]
}

#[cfg(test)]
#[path = "incidents_tests.rs"]
mod tests;
