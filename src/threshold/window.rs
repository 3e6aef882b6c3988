//! The part of a run a rule is about: all of it, one incident (`during = "storm"`), or what lies outside them (`during =
//! "steady"`).

use std::time::Duration;

use super::error::{Misread, Problem, nearest};
use crate::metrics::Names;
use crate::observe::{Labels, Stretch};

/// What `during` says for everything outside any incident.
const STEADY: &str = "steady";

/// As many found incidents can be named before a run.
const FOUND: std::ops::RangeInclusive<u32> = 1..=9;

/// Names of incidents that a run may find.
pub(super) fn found() -> impl Iterator<Item = String> {
    FOUND.map(|number| format!("incident-{number}"))
}

/// Checks the name behind `during`: a planned fault, `steady`, or an incident that may be found.
pub(super) fn check(name: &str, names: &Names) -> Result<(), Misread> {
    let known: Vec<String> = names.incidents.iter().cloned().chain([STEADY.to_owned()]).chain(found()).collect();
    if known.iter().any(|known| known == name) {
        return Ok(());
    }
    let problem = Problem::UnknownIncident(name.to_owned());
    Err(Misread::new(0..name.len(), problem).meant(nearest(name, known)))
}

/// Whether `during` names an incident, and not what lies outside them.
pub(super) fn is_incident(during: &str) -> bool {
    during != STEADY
}

/// Which observations count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Window {
    /// All.
    Whole,
    /// Those outside every incident.
    Steady,
    /// Those of this incident, from its instant until every client it cut is back.
    Incident(u16),
}

impl Window {
    /// The window that `during` names in a run with these `names`.
    ///
    /// # Errors
    /// The name, if there was no such incident.
    pub(super) fn of<'a>(during: Option<&'a str>, names: &Names) -> Result<Self, &'a str> {
        match during {
            None => Ok(Self::Whole),
            Some(STEADY) => Ok(Self::Steady),
            Some(name) => {
                let place = names.incidents.iter().position(|known| known == name);
                place.and_then(|at| u16::try_from(at).ok()).map(Self::Incident).ok_or(name)
            }
        }
    }

    /// Whether what carries `labels` counts.
    pub(super) fn covers(self, labels: &Labels) -> bool {
        match self {
            Self::Whole => true,
            Self::Steady => !matches!(labels.phase.and_then(Stretch::incident), Some((_, true))),
            Self::Incident(incident) => labels.phase == Some(Stretch::during(incident)),
        }
    }
}

/// How long was measured: altogether, and in each incident.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Measured {
    whole: Duration,
    incidents: Vec<Duration>,
}

impl Measured {
    /// A measured phase of length `whole`, and beginning and end of each incident in nanoseconds from its start.
    pub fn new(whole: Duration, incidents: impl IntoIterator<Item = (i64, i64)>) -> Self {
        let within = |at: i64| Duration::from_nanos(u64::try_from(at).unwrap_or(0)).min(whole);
        let length = |(from, until): (i64, i64)| within(until).saturating_sub(within(from));
        Self { whole, incidents: incidents.into_iter().map(length).collect() }
    }

    pub(super) fn of(&self, window: Window) -> Duration {
        match window {
            Window::Whole => self.whole,
            Window::Steady => self.whole.saturating_sub(self.incidents.iter().sum()),
            Window::Incident(incident) => self.incidents.get(usize::from(incident)).copied().unwrap_or_default(),
        }
    }
}

impl From<Duration> for Measured {
    fn from(whole: Duration) -> Self {
        Self { whole, incidents: Vec::new() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names() -> Names {
        Names { incidents: vec!["storm".to_owned(), "crash".to_owned()], ..Names::default() }
    }

    #[test]
    fn only_faults_steady_and_incidents_that_may_be_found_are_known() {
        let nearest = |name: &str| check(name, &names()).map_err(|misread| misread.nearest);
        for known in ["storm", "crash", "steady", "incident-1", "incident-9"] {
            assert_eq!(nearest(known), Ok(()), "{known}");
        }
        assert_eq!(nearest("strom"), Err(Some("storm".to_owned())));
        assert_eq!(nearest("stedy"), Err(Some("steady".to_owned())));
        assert_eq!(nearest("incident1"), Err(Some("incident-1".to_owned())));
        assert_eq!(nearest("the weather"), Err(None));
    }

    #[test]
    fn every_observation_is_steady_or_in_one_incident() {
        let at = |phase| Labels { phase, ..Labels::default() };
        let stretches = [None, Some(Stretch::BEFORE), Some(Stretch::during(0)), Some(Stretch::after(0))];
        let seen = |window: Window| stretches.map(|phase| window.covers(&at(phase)));
        assert_eq!(seen(Window::Whole), [true; 4]);
        assert_eq!(seen(Window::Steady), [true, true, false, true]);
        assert_eq!(seen(Window::Incident(0)), [false, false, true, false]);
        assert_eq!(seen(Window::Incident(1)), [false; 4]);
    }

    #[test]
    fn only_what_was_measured_of_an_incident_counts() {
        let second = 1_000_000_000;
        let measured = Measured::new(Duration::from_secs(20), [(5 * second, 8 * second), (15 * second, 40 * second)]);
        let seconds = |window| measured.of(window).as_secs();
        let windows = [Window::Whole, Window::Steady, Window::Incident(0), Window::Incident(1), Window::Incident(2)];
        assert_eq!(windows.map(seconds), [20, 12, 3, 5, 0]);
    }
}
