//! The way back: which URL, after how long, with which pass. Pure but for the seed it was made with.

use std::time::Duration;

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::scenario::plan::Life;
use crate::scenario::{Failover, Reconnect};
use crate::session::{Hint, Pass};

/// No server keeps a client away for longer.
const LONGEST: Duration = Duration::from_secs(86_400);

/// A client's attempts, from its first connect on.
pub(super) struct Comeback<'r> {
    reconnect: &'r Reconnect,
    rng: ChaCha8Rng,
    url: usize,
    urls: usize,
    attempt: u32,
    previous: Duration,
    hint: Option<Hint>,
    pass: Pass,
}

impl<'r> Comeback<'r> {
    pub(super) fn new(seed: u64, life: &Life, reconnect: &'r Reconnect, urls: usize) -> Self {
        Self {
            reconnect,
            rng: ChaCha8Rng::seed_from_u64(seed ^ (u64::from(life.client.0) << 20) ^ 0x5ca1_ab1e),
            url: life.url as usize % urls,
            urls,
            attempt: 0,
            previous: Duration::ZERO,
            hint: None,
            pass: Pass::default(),
        }
    }

    /// Where to connect.
    pub(super) fn url(&self) -> usize {
        self.url
    }

    /// The same with `pass` in hand.
    pub(super) fn carrying(self, pass: Pass) -> Self {
        Self { pass, ..self }
    }

    /// What it has to show; no cookies of earlier connections where each is to be like the first.
    pub(super) fn pass(&mut self) -> &mut Pass {
        if !self.reconnect.keeps_cookies {
            self.pass.forget_cookies();
        }
        &mut self.pass
    }

    /// Takes note of what the server said about coming back.
    pub(super) fn heed(&mut self, hint: Option<Hint>) {
        if hint.is_some() {
            self.hint = hint;
        }
    }

    /// The connection was a healthy one: the next loss counts attempts from the beginning.
    pub(super) fn start_over(&mut self) {
        (self.attempt, self.previous) = (0, Duration::ZERO);
    }

    /// How long to wait before the next attempt, and turns to its URL; `None`: there is none. A hint counts once.
    pub(super) fn next(&mut self) -> Option<Duration> {
        let own = self.reconnect.policy.delay(self.attempt, self.previous, &mut self.rng)?;
        let delay = match self.hint.take() {
            Some(Hint::Within(min, max)) if self.reconnect.hints => self.rng.random_range(min..=max.max(min)),
            Some(Hint::NotBefore(least)) if self.reconnect.hints => least.min(LONGEST).saturating_add(own),
            Some(Hint::Base(base)) => {
                let told = self.reconnect.policy.based_on(base);
                told.and_then(|policy| policy.delay(self.attempt, self.previous, &mut self.rng)).unwrap_or(own)
            }
            _ => own,
        };
        (self.attempt, self.previous) = (self.attempt + 1, delay);
        self.url = match self.reconnect.failover {
            Failover::Next => (self.url + 1) % self.urls,
            Failover::Same => self.url,
            Failover::Random => self.rng.random_range(0..self.urls),
        };
        Some(delay)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::{ClientId, GroupId, TransportKind};
    use crate::scenario::plan::Start;

    fn life() -> Life {
        let (client, group, start) = (ClientId(1), GroupId(0), Start::BeforeT0(Duration::ZERO));
        let rooms = std::sync::Arc::from([]);
        Life {
            client,
            group,
            user: 1,
            transport: TransportKind::WebSocket,
            url: 0,
            rooms,
            mailbox: None,
            start,
            leave: None,
        }
    }

    fn reconnect(policy: &str, hints: bool) -> Reconnect {
        let policy = crate::backoff::Policy::named(policy, Some(Duration::from_secs(2)), None).unwrap();
        let give_up = Duration::from_secs(300);
        Reconnect { policy, give_up, resume: true, failover: Failover::Next, hints, keeps_cookies: true }
    }

    #[test]
    fn a_hint_counts_once_and_only_where_it_is_heeded() {
        let second = Duration::from_secs;
        let heeds = reconnect("fixed", true);
        let mut way = Comeback::new(1, &life(), &heeds, 3);
        way.heed(Some(Hint::Within(second(10), second(11))));
        let first = way.next().unwrap();
        assert!((second(10)..=second(11)).contains(&first), "{first:?}");
        assert_eq!(way.next(), Some(second(2)), "the policy's own again");
        way.heed(Some(Hint::NotBefore(second(30))));
        assert_eq!(way.next(), Some(second(32)), "a wait on top, lest all come back at once");
        assert_eq!(way.url(), 0, "three URLs further is the first again");
        way.heed(Some(Hint::NotBefore(Duration::MAX)));
        assert_eq!(way.next(), Some(LONGEST + second(2)), "no server keeps a client away for ever");
        let deaf = reconnect("fixed", false);
        let mut way = Comeback::new(1, &life(), &deaf, 1);
        way.heed(Some(Hint::Within(second(10), second(11))));
        assert_eq!(way.next(), Some(second(2)));
    }

    #[test]
    fn a_stream_says_how_long_a_browser_waits() {
        let reconnect = reconnect("eventsource", false);
        let mut way = Comeback::new(1, &life(), &reconnect, 1);
        assert_eq!(way.next(), Some(Duration::from_secs(2)));
        way.heed(Some(Hint::Base(Duration::from_millis(700))));
        assert_eq!(way.next(), Some(Duration::from_millis(700)));
        let other = self::reconnect("fixed", false);
        let mut way = Comeback::new(1, &life(), &other, 1);
        way.heed(Some(Hint::Base(Duration::from_millis(700))));
        assert_eq!(way.next(), Some(Duration::from_secs(2)), "other policies are their own");
    }
}
