//! The only reader of clocks in this package: microseconds for the stamps on the wire, wall time for people, deadlines
//! for timers.

use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};
use tokio::time::Instant;

/// Microseconds of CLOCK_MONOTONIC: comparable between the processes of one machine, never between machines.
pub(crate) fn micros() -> u64 {
    read(ClockId::Monotonic).as_micros() as u64
}

/// The processor time this process has used so far.
pub(crate) fn process_cpu() -> Duration {
    read(ClockId::ProcessCPUTime)
}

/// Seconds since 1970, for the expiry of tokens.
pub(crate) fn unix_seconds() -> u64 {
    read(ClockId::Realtime).as_secs()
}

/// The moment on the [`micros`] scale that is `seconds` after 1970, if the wall clock goes on as it does now.
pub(crate) fn at_unix(seconds: u64) -> u64 {
    let ahead = seconds.saturating_mul(1_000_000).saturating_sub(read(ClockId::Realtime).as_micros() as u64);
    micros().saturating_add(ahead)
}

/// The wall clock as `2026-11-24T03:25:35.123Z`.
pub(crate) fn timestamp() -> Rfc3339 {
    Rfc3339(read(ClockId::Realtime))
}

/// The timer deadline that lies at `at` on the [`micros`] scale.
#[allow(clippy::disallowed_methods)] // the one place that may
pub(crate) fn deadline(at: u64) -> Instant {
    Instant::now() + Duration::from_micros(at.saturating_sub(micros()))
}

/// `duration` on the [`micros`] scale.
pub(crate) fn as_micros(duration: Duration) -> u64 {
    duration.as_micros() as u64
}

fn read(clock: ClockId) -> Duration {
    let now = clock_gettime(clock);
    Duration::new(now.tv_sec as u64, now.tv_nsec as u32)
}

/// A moment that prints itself as RFC 3339 in UTC with milliseconds.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rfc3339(Duration);

impl From<Duration> for Rfc3339 {
    /// A time since 1970.
    fn from(since: Duration) -> Self {
        Self(since)
    }
}

impl From<Rfc3339> for Duration {
    fn from(moment: Rfc3339) -> Self {
        moment.0
    }
}

impl std::fmt::Display for Rfc3339 {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let seconds = self.0.as_secs();
        let (year, month, day) = civil_date((seconds / 86_400) as i64);
        let (hour, minute, second) = (seconds / 3_600 % 24, seconds / 60 % 60, seconds % 60);
        let millis = self.0.subsec_millis();
        write!(f, "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{millis:03}Z")
    }
}

/// Days since 1970-01-01 to year, month, day in the Gregorian calendar (the usual era arithmetic).
fn civil_date(days: i64) -> (i64, i64, i64) {
    let z = days + 719_468;
    let era = z.div_euclid(146_097);
    let day_of_era = z.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    (year_of_era + era * 400 + i64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prints_known_moments() {
        let check = |seconds: u64, millis: u64, expected: &str| {
            let moment = Rfc3339(Duration::from_millis(seconds * 1_000 + millis));
            assert_eq!(moment.to_string(), expected);
        };
        check(0, 0, "1970-01-01T00:00:00.000Z");
        check(951_782_399, 7, "2000-02-28T23:59:59.007Z");
        check(951_782_400, 0, "2000-02-29T00:00:00.000Z");
        check(1_709_251_199, 999, "2024-02-29T23:59:59.999Z");
        check(1_795_490_735, 123, "2026-11-24T03:25:35.123Z");
    }

    #[test]
    fn moments_of_the_wall_clock_have_one_on_the_other_scale() {
        let ahead = at_unix(unix_seconds() + 100) - micros();
        assert!((98_900_000..=100_000_000).contains(&ahead), "{ahead}");
        assert!(at_unix(u64::MAX) > u64::MAX / 2);
        assert!(at_unix(0) <= micros());
    }

    #[test]
    fn the_monotonic_clock_does_not_go_back() {
        let first = micros();
        assert!(micros() >= first);
    }
}
