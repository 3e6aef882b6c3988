//! How many frames a connection may send, and how much a user may publish over HTTP: token buckets.

mod quotas;

pub(crate) use self::quotas::Quotas;

/// The bucket of one connection or user. Pure; costs 24 bytes and no timer.
#[derive(Debug)]
pub(crate) struct RateLimit {
    per_second: u32,
    burst: u32,
    /// Millionths of a frame.
    level: u64,
    at: u64,
    refused: u32,
}

/// What to do with a frame.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Take it.
    Accept,
    /// Refuse it and say so.
    Refuse,
    /// The client does not listen: as many refusals in a row as its burst. Close it.
    Close,
}

impl RateLimit {
    pub(crate) fn new(now: u64, per_second: u32, burst: u32) -> Self {
        Self { per_second, burst, level: u64::from(burst) * 1_000_000, at: now, refused: 0 }
    }

    /// Whether at `now` (microseconds) it is as if it were new.
    fn is_full(&self, now: u64) -> bool {
        let full = u64::from(self.burst) * 1_000_000;
        let gained = now.saturating_sub(self.at).saturating_mul(u64::from(self.per_second));
        self.level.saturating_add(gained) >= full
    }

    /// Judges a frame that came at `now` (microseconds).
    pub(crate) fn frame(&mut self, now: u64) -> Verdict {
        let gained = now.saturating_sub(self.at).saturating_mul(u64::from(self.per_second));
        self.level = self.level.saturating_add(gained).min(u64::from(self.burst) * 1_000_000);
        self.at = now;
        if self.level >= 1_000_000 {
            self.level -= 1_000_000;
            self.refused = 0;
            return Verdict::Accept;
        }
        self.refused = self.refused.saturating_add(1);
        if self.refused >= self.burst.max(16) { Verdict::Close } else { Verdict::Refuse }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn allows_the_burst_then_the_rate() {
        let mut limit = RateLimit::new(0, 10, 20);
        let accepted = |limit: &mut RateLimit, now, n| (0..n).filter(|_| limit.frame(now) == Verdict::Accept).count();
        assert_eq!(accepted(&mut limit, 0, 30), 20);
        assert_eq!(accepted(&mut limit, 1_000_000, 15), 10);
        assert_eq!(accepted(&mut limit, 1_000_000_000, 25), 20, "never more than the burst");
    }

    #[test]
    fn closes_a_client_that_does_not_listen() {
        let mut limit = RateLimit::new(0, 1, 20);
        let verdicts: Vec<_> = (0..40).map(|_| limit.frame(0)).collect();
        assert!(verdicts[..20].iter().all(|v| *v == Verdict::Accept));
        assert!(verdicts[20..39].iter().all(|v| *v == Verdict::Refuse));
        assert_eq!(verdicts[39], Verdict::Close);
    }
}
