//! A flood is summarised: so many messages are shown a second, the rest is counted and told in one line.

use std::time::Duration;

use crate::time::Timestamp;

/// How many messages are shown within one stretch.
const SHOWN: u32 = 20;

/// How long a stretch is; a summary comes at its end.
const STRETCH: Duration = Duration::from_millis(500);

/// Whether everything is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Audience {
    /// A person: no more than can be read.
    Person,
    /// A program: everything.
    Program,
}

/// Counts what is shown and what is not.
#[derive(Debug)]
pub(super) struct Flood {
    audience: Audience,
    since: Timestamp,
    shown: u32,
    hidden: u64,
    bytes: u64,
}

impl Flood {
    pub(super) fn new(audience: Audience, now: Timestamp) -> Self {
        Self { audience, since: now, shown: 0, hidden: 0, bytes: 0 }
    }

    /// Whether a message of so many bytes, read at `at`, is to be shown; if not, it is counted.
    pub(super) fn admits(&mut self, at: Timestamp, bytes: usize) -> bool {
        if self.audience == Audience::Program {
            return true;
        }
        if self.hidden == 0 && at >= self.since + STRETCH {
            (self.since, self.shown) = (at, 0);
        }
        if self.shown < SHOWN {
            self.shown += 1;
            return true;
        }
        self.hidden += 1;
        self.bytes += bytes as u64;
        false
    }

    /// When a summary is due, if one is.
    pub(super) fn due(&self) -> Option<Timestamp> {
        (self.hidden > 0).then(|| self.since + STRETCH)
    }

    /// The summary of a stretch that is over.
    pub(super) fn summary(&mut self, now: Timestamp) -> Option<String> {
        if self.due().is_none_or(|due| due > now) {
            return None;
        }
        let seconds = now.since(self.since).as_secs_f64();
        let rate = (self.hidden + u64::from(self.shown)) as f64 / seconds;
        let words = format!(
            "… {} more messages, {} in all, not shown ({rate:.0} a second)",
            self.hidden,
            crate::units::human::bytes(self.bytes)
        );
        *self = Self::new(self.audience, now);
        Some(words)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_becomes_one_line_and_calm_is_shown_again() {
        let second = Timestamp::from_nanos(1_000_000_000);
        let mut flood = Flood::new(Audience::Person, second);
        let shown = (0..5_000).filter(|_| flood.admits(second, 10)).count();
        assert_eq!(shown, 20);
        assert_eq!(flood.summary(second), None, "the stretch is not over");
        let words = flood.summary(second + STRETCH).unwrap();
        assert!(words.starts_with("… 4980 more messages"), "{words}");
        assert!(words.ends_with("(10000 a second)"), "{words}");
        assert!(flood.admits(second + STRETCH, 10));
        assert_eq!(flood.due(), None);
    }

    #[test]
    fn a_program_gets_everything() {
        let now = Timestamp::from_nanos(0);
        let mut flood = Flood::new(Audience::Program, now);
        assert_eq!((0..5_000).filter(|_| flood.admits(now, 10)).count(), 5_000);
    }
}
