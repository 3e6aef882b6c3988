//! When a connection is pinged and when it is dead. Pure: time comes in as microseconds.

use rand::RngExt;

/// The heartbeat of one connection.
#[derive(Debug)]
pub(crate) struct Heartbeat {
    interval: u64,
    timeout: u64,
    next_ping: u64,
}

/// What is to be done now.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Beat {
    /// Nothing.
    Rest,
    /// Send a ping.
    Ping,
    /// Not a byte for the whole timeout.
    Dead,
}

impl Heartbeat {
    /// Starts at a random, uniform phase in `[0, interval)`, so that connections made together are not pinged together.
    pub(crate) fn new(now: u64, interval: u64, timeout: u64, rng: &mut impl RngExt) -> Self {
        Self { interval, timeout, next_ping: now + 1 + rng.random_range(0..interval.max(1)) }
    }

    /// Judges the connection, whose last byte came at `last_byte`.
    pub(crate) fn beat(&mut self, now: u64, last_byte: u64) -> Beat {
        if now >= last_byte + self.timeout {
            return Beat::Dead;
        }
        if now < self.next_ping {
            return Beat::Rest;
        }
        let missed = (now - self.next_ping) / self.interval;
        self.next_ping += (missed + 1) * self.interval;
        Beat::Ping
    }

    /// When to judge next.
    pub(crate) fn next(&self, last_byte: u64) -> u64 {
        self.next_ping.min(last_byte + self.timeout)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pings_once_per_interval_and_dies_of_silence() {
        let mut heart = Heartbeat::new(0, 100, 250, &mut rand::rng());
        let mut pings = 0;
        for now in 0..250 {
            match heart.beat(now, 0) {
                Beat::Ping => pings += 1,
                Beat::Rest => assert!(heart.next(0) > now),
                Beat::Dead => panic!("dead at {now}"),
            }
        }
        assert!((2..=3).contains(&pings), "{pings} pings in 250 at an interval of 100");
        assert_eq!(heart.beat(250, 0), Beat::Dead);
        assert_ne!(heart.beat(250, 1), Beat::Dead);
    }

    #[test]
    fn phases_differ() {
        let phases: std::collections::BTreeSet<u64> =
            (0..100).map(|_| Heartbeat::new(0, 1_000_000, 2_000_000, &mut rand::rng()).next_ping).collect();
        assert!(phases.len() > 90, "only {} different phases", phases.len());
        assert!(phases.iter().all(|&phase| (1..=1_000_000).contains(&phase)));
    }

    #[test]
    fn a_late_judge_does_not_cause_a_burst() {
        let mut heart = Heartbeat::new(0, 100, 10_000, &mut rand::rng());
        assert_eq!(heart.beat(5_000, 5_000), Beat::Ping);
        assert_eq!(heart.beat(5_000, 5_000), Beat::Rest);
    }
}
