//! What a judge has to know of a run beside what was recorded.

use std::sync::Arc;
use std::time::Duration;

use super::window::Window;
use crate::metrics::Snapshot;

/// How long was measured, altogether and in each incident; the gauges; what had been recorded by certain moments.
#[derive(Clone, Debug, Default)]
pub struct Measured {
    whole: Duration,
    /// From and until, within the measured phase.
    incidents: Vec<(Duration, Duration)>,
    gauges: Vec<(&'static str, f64)>,
    marks: Vec<Mark>,
}

/// Everything that had been recorded when the measured phase was so old.
pub type Mark = (Duration, Arc<Snapshot>);

impl Measured {
    /// A measured phase of length `whole`, and beginning and end of each incident in nanoseconds from its start.
    pub fn new(whole: Duration, incidents: impl IntoIterator<Item = (i64, i64)>) -> Self {
        let within = |at: i64| Duration::from_nanos(u64::try_from(at).unwrap_or(0)).min(whole);
        let incidents = incidents.into_iter().map(|(from, until)| (within(from), within(until).max(within(from))));
        Self { whole, incidents: incidents.collect(), ..Self::default() }
    }

    /// The same with the values of [`GAUGES`](super::GAUGES).
    #[must_use]
    pub fn with_gauges(self, gauges: impl IntoIterator<Item = (&'static str, f64)>) -> Self {
        Self { gauges: gauges.into_iter().collect(), ..self }
    }

    /// The same with what had been recorded by the moments of [`Judge::marks`](super::Judge::marks), as far as the run
    /// came.
    #[must_use]
    pub fn with_marks(self, marks: impl IntoIterator<Item = Mark>) -> Self {
        Self { marks: marks.into_iter().collect(), ..self }
    }

    pub(super) fn gauge(&self, name: &str) -> Option<f64> {
        self.gauges.iter().find(|(known, _)| *known == name).map(|(_, value)| *value)
    }

    /// What had been recorded `at` that moment, if the run came so far.
    pub(super) fn mark(&self, at: Duration) -> Option<&Snapshot> {
        self.marks.iter().find(|(moment, _)| *moment == at).map(|(_, recorded)| &**recorded)
    }

    /// The same from that moment on.
    pub(super) fn since(&self, at: Duration) -> Self {
        Self { whole: self.whole.saturating_sub(at), ..self.clone() }
    }

    pub(super) fn of(&self, window: Window) -> Duration {
        let length = |(from, until): &(Duration, Duration)| *until - *from;
        match window {
            Window::Whole => self.whole,
            Window::Steady => self.whole.saturating_sub(self.incidents.iter().map(length).sum()),
            Window::Incident(incident) => self.incidents.get(usize::from(incident)).map(length).unwrap_or_default(),
            Window::After(incident) => {
                let Some((_, over)) = self.incidents.get(usize::from(incident)) else { return Duration::ZERO };
                let next = self.incidents.iter().map(|(from, _)| *from).filter(|from| from >= over).min();
                next.unwrap_or(self.whole) - *over
            }
        }
    }
}

impl From<Duration> for Measured {
    fn from(whole: Duration) -> Self {
        Self { whole, ..Self::default() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_was_measured_of_an_incident_counts() {
        let second = 1_000_000_000;
        let measured = Measured::new(Duration::from_secs(20), [(5 * second, 8 * second), (15 * second, 40 * second)]);
        let seconds = |window| measured.of(window).as_secs();
        let windows = [Window::Whole, Window::Steady, Window::Incident(0), Window::Incident(1), Window::Incident(2)];
        assert_eq!(windows.map(seconds), [20, 12, 3, 5, 0]);
        assert_eq!([Window::After(0), Window::After(1), Window::After(2)].map(seconds), [7, 0, 0]);
        assert_eq!(measured.since(Duration::from_secs(12)).of(Window::Whole).as_secs(), 8);
    }
}
