//! The part of a run a rule is about: all of it, one incident (`during = "storm"`), what lies outside them (`during =
//! "steady"`), or what came later (`after = "storm"`, `after = "10s"`).

use std::time::Duration;

use super::error::{Misread, Problem, nearest};
use crate::metrics::Names;
use crate::observe::{Labels, Stretch};
use crate::units::parse_duration;

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
    known(name, names.incidents.iter().cloned().chain([STEADY.to_owned()]).chain(found()).collect())
}

/// What `after` says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum After {
    /// Only what was recorded from then on, counted from the start of the measured phase.
    Time(Duration),
    /// Only what lies between the end of this incident and the next.
    Incident(String),
}

/// Reads what stands behind `after`: a time, a planned fault, or an incident that may be found.
pub(super) fn after(text: &str, names: &Names) -> Result<After, Misread> {
    let incidents: Vec<String> = names.incidents.iter().cloned().chain(found()).collect();
    match parse_duration(text) {
        Ok(time) if !incidents.iter().any(|name| name == text) => Ok(After::Time(time)),
        _ => known(text, incidents).map(|()| After::Incident(text.to_owned())),
    }
}

fn known(name: &str, known: Vec<String>) -> Result<(), Misread> {
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
    /// Those from then on, to the next incident or the end.
    After(u16),
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
            Some(name) => place(name, names).map(Self::Incident),
        }
    }

    /// The window that begins where the incident `name` is over.
    ///
    /// # Errors
    /// The name, if there was no such incident.
    pub(super) fn after<'a>(name: &'a str, names: &Names) -> Result<Self, &'a str> {
        place(name, names).map(Self::After)
    }

    /// Whether what carries `labels` counts.
    pub(super) fn covers(self, labels: &Labels) -> bool {
        match self {
            Self::Whole => true,
            Self::Steady => !matches!(labels.phase.and_then(Stretch::incident), Some((_, true))),
            Self::Incident(incident) => labels.phase == Some(Stretch::during(incident)),
            Self::After(incident) => labels.phase == Some(Stretch::after(incident)),
        }
    }
}

fn place<'a>(name: &'a str, names: &Names) -> Result<u16, &'a str> {
    let place = names.incidents.iter().position(|known| known == name);
    place.and_then(|at| u16::try_from(at).ok()).ok_or(name)
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
    fn after_is_a_time_or_an_incident() {
        let read = |text: &str| after(text, &names()).map_err(|misread| misread.nearest);
        assert_eq!(read("10s"), Ok(After::Time(Duration::from_secs(10))));
        for incident in ["storm", "incident-1"] {
            assert_eq!(read(incident), Ok(After::Incident(incident.to_owned())));
        }
        assert_eq!(read("strom"), Err(Some("storm".to_owned())));
        assert_eq!(read("steady"), Err(None), "what lies outside of all incidents is never over");
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
        assert_eq!(seen(Window::After(0)), [false, false, false, true]);
    }
}
