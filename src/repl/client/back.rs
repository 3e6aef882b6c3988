//! The way back after a loss that nobody asked for: when it is tried again.

use std::sync::Arc;
use std::time::Duration;

use super::{Client, State};
use crate::backoff::{HEALTHY_AFTER, Policy};
use crate::session::{Dialer, Hint};
use crate::time::Timestamp;

/// Attempts since the last healthy connection.
#[derive(Debug, Default)]
pub(super) struct Way {
    /// Since when there is no connection; only while it is to be made anew unasked.
    lost: Option<Timestamp>,
    /// When it is tried next, unless that is under way.
    due: Option<Timestamp>,
    /// When the last connection came about.
    up: Option<Timestamp>,
    attempt: u32,
    previous: Duration,
    /// The server asked not to be tried before this is over.
    least: Duration,
}

impl Way {
    /// A connection came about; gives for how long there was none, if one was lost.
    pub(super) fn arrive(&mut self, now: Timestamp) -> Option<Duration> {
        self.up = Some(now);
        self.due = None;
        self.lost.take().map(|lost| now.since(lost))
    }

    /// Takes note of what a server says about coming back.
    pub(super) fn heed(&mut self, hint: Option<Hint>) {
        match hint {
            Some(Hint::Within(least, _) | Hint::NotBefore(least)) => self.least = least,
            Some(Hint::Base(_)) | None => {}
        }
    }
}

impl Client {
    /// The connection is to be made anew; gives after how long, or nothing where the policy is never to or it leaves.
    pub(in crate::repl) fn come_back(&mut self, policy: &Policy, now: Timestamp) -> Option<Duration> {
        if self.leaving {
            return None;
        }
        let way = &mut self.way;
        if way.up.take().is_some_and(|up| now.since(up) >= HEALTHY_AFTER) {
            (way.attempt, way.previous) = (0, Duration::ZERO);
        }
        let own = policy.delay(way.attempt, way.previous, &mut rand::rng())?;
        (way.attempt, way.previous) = (way.attempt.saturating_add(1), own);
        let delay = own.max(std::mem::take(&mut way.least));
        way.lost.get_or_insert(now);
        way.due = Some(now + delay);
        Some(delay)
    }

    /// Tries again, if it is time to.
    pub(in crate::repl) fn try_again(&mut self, dialer: &Arc<Dialer>, urls: usize) {
        if self.way.due.is_some_and(|due| due <= dialer.clock.now()) {
            self.way.due = None;
            self.connect(dialer, urls);
        }
    }

    /// When it tries again.
    pub(in crate::repl) fn due(&self) -> Option<Timestamp> {
        self.way.due
    }

    /// Whether its connection was lost unasked and is being made anew.
    pub(in crate::repl) fn is_lost(&self) -> bool {
        self.way.lost.is_some()
    }

    /// Does not come back by itself; gives whether it was about to.
    pub(in crate::repl) fn stay_lost(&mut self) -> bool {
        self.way.due = None;
        let was_lost = self.way.lost.take().is_some();
        if was_lost && matches!(self.state, State::Dialing(..)) {
            self.state = State::Down;
        }
        was_lost
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dialect::{AuthStyle, Identity};
    use crate::observe::{ClientId, TransportKind};
    use crate::repl::Who;

    fn client() -> Client {
        let identity = Identity { client: ClientId(0), user: "ada".to_owned(), token: None, auth: AuthStyle::None };
        Client::new("ada", Who { identity, login: None }, TransportKind::WebSocket, 0)
    }

    #[test]
    fn the_policy_says_when_and_a_server_not_before_when() {
        let (mut client, second) = (client(), Duration::from_secs(1));
        let (policy, start) = (Policy::Fixed(second), Timestamp::from_nanos(0));
        assert_eq!(client.come_back(&policy, start), Some(second));
        assert_eq!((client.due(), client.is_lost()), (Some(start + second), true));
        client.way.heed(Some(Hint::NotBefore(second * 5)));
        assert_eq!(client.come_back(&policy, start + second), Some(second * 5), "it is asked once");
        assert_eq!(client.come_back(&policy, start + second), Some(second));
        assert_eq!(client.way.arrive(start + second * 7), Some(second * 7), "from the loss on");
        assert!(!client.is_lost());
    }

    #[test]
    fn attempts_are_counted_from_the_beginning_after_a_healthy_connection() {
        let (mut client, start) = (client(), Timestamp::from_nanos(0));
        let next = |client: &mut Client, at| client.come_back(&Policy::Phoenix, at).unwrap().as_millis();
        assert_eq!([next(&mut client, start), next(&mut client, start)], [10, 50]);
        client.way.arrive(start);
        assert_eq!(next(&mut client, start + Duration::from_secs(1)), 100);
        client.way.arrive(start);
        assert_eq!(next(&mut client, start + HEALTHY_AFTER), 10);
    }

    #[test]
    fn what_is_given_up_stays_lost_and_a_policy_may_be_never_to_come_back() {
        let (mut client, now) = (client(), Timestamp::from_nanos(0));
        assert!(!client.stay_lost());
        assert_eq!(client.come_back(&Policy::None, now), None);
        assert!(client.come_back(&Policy::Browser, now).is_some() && client.stay_lost());
        assert_eq!((client.due(), client.is_lost()), (None, false));
    }
}
