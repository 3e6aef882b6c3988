//! Logging in before a connection: one request for each user, for a token and for cookies. What is asked and with whose
//! words comes from outside; here is when it is asked, how many at once, and what is taken from the answer.

use serde_json::Value;
use std::fmt;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::Semaphore;

use super::Cookies;
use super::pass::Granted;
use crate::time::{Clock, Timestamp, nanos};
use crate::transport::{Answered, ConnectError, Exchanges};
use crate::wire::Ask;

/// How users log in.
#[derive(Clone, Debug, PartialEq)]
pub struct LoginRule {
    /// A JSON Pointer to the token in the answer; without one only cookies are taken.
    pub token: Option<String>,
    /// Whether each connection wants a login of its own, and not only the first.
    pub again: bool,
    /// How long an answer may take.
    pub within: Duration,
    /// How many logins there may be at the same time, in all processes together.
    pub at_once: u32,
    /// The least time between the beginnings of two, wherever they are.
    pub apart: Duration,
    /// Which part of that is this process's.
    pub part: Part,
    /// None begins before.
    pub not_before: Timestamp,
}

/// A process's part of what all that share a run's clients may do together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Part {
    /// The number of the process, below `of`.
    pub number: u8,
    /// How many there are.
    pub of: u8,
}

impl Part {
    /// All of it.
    pub const WHOLE: Self = Self { number: 0, of: 1 };

    /// How many of so many `places` are this process's: with at least as many as processes, each has one.
    pub fn places(self, places: u32) -> u32 {
        let of = u32::from(self.of.max(1));
        places / of + u32::from(u32::from(self.number) < places % of)
    }

    /// The first moment from `at` on that is this process's. Processes share a clock: of the moments on it that are
    /// `apart` from each other, each process has every `of`-th, so nobody need be asked.
    fn moment(self, at: Timestamp, apart: Duration) -> Timestamp {
        if self.of <= 1 {
            return at;
        }
        let (apart, of) = (nanos(apart).max(1), u64::from(self.of));
        let next = at.nanos().div_ceil(apart);
        let wait = (u64::from(self.number) + of - next % of) % of;
        Timestamp::from_nanos((next + wait) * apart)
    }
}

/// Where all users of a run log in. Shared by all workers of a process; a login is no message.
pub struct Login {
    exchanges: Exchanges,
    rule: LoginRule,
    places: Semaphore,
    next: Mutex<Timestamp>,
    learnt: Box<dyn Fn(&str) + Send + Sync>,
}

impl fmt::Debug for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Login").field("exchanges", &self.exchanges).field("rule", &self.rule).finish_non_exhaustive()
    }
}

impl Login {
    /// Logins by way of `exchanges`; `learnt` is called with every secret that one of them gives, before it is used.
    pub fn new(exchanges: Exchanges, rule: LoginRule, learnt: Box<dyn Fn(&str) + Send + Sync>) -> Self {
        let places = Semaphore::new(rule.part.places(rule.at_once) as usize);
        Self { exchanges, places, next: Mutex::new(rule.not_before), rule, learnt }
    }

    /// Whether each connection wants a login of its own.
    pub(super) fn is_repeated(&self) -> bool {
        self.rule.again
    }

    /// Logs in with `ask`, when it is its turn; gives what came of it, and how long it took, the waiting left out.
    pub(super) async fn log_in(&self, ask: &Ask, clock: &Clock) -> Result<(Granted, Duration), ConnectError> {
        self.turn(clock).await;
        // Never closed: there is always a place in the end.
        let _place = self.places.acquire().await.ok();
        let began = clock.now();
        let exchange = self.exchanges.with(0)?;
        let answered = exchange.ask(ask, self.rule.within).await?;
        let took = clock.now() - began;
        let granted = self.granted(&answered).map_err(|what| exchange.lacks(&answered, &what))?;
        Ok((granted, took))
    }

    /// Waits until the next login may begin.
    async fn turn(&self, clock: &Clock) {
        if self.rule.apart.is_zero() {
            return;
        }
        let at = {
            let mut next = self.next.lock().unwrap_or_else(PoisonError::into_inner);
            let at = self.rule.part.moment(clock.now().max(*next), self.rule.apart);
            *next = at + self.rule.apart;
            at
        };
        clock.sleep_until(at).await;
    }

    /// What `answered` gives, or what it lacks.
    fn granted(&self, answered: &Answered) -> Result<Granted, String> {
        let mut cookies = Cookies::default();
        cookies.take(&answered.headers());
        let token = match &self.rule.token {
            Some(pointer) => Some(token(answered, pointer)?),
            None if cookies.shown().is_none() => {
                return Err("without a cookie; is there a token to be taken (`token`)?".to_owned());
            }
            None => None,
        };
        token.iter().map(String::as_str).chain(cookies.values()).for_each(&self.learnt);
        Ok(Granted { token, cookies })
    }
}

/// So many keys of an answer are told.
const SHOWN: usize = 12;

/// The token that stands at `pointer`, or why none does.
fn token(answered: &Answered, pointer: &str) -> Result<String, String> {
    let value: Value = serde_json::from_slice(answered.body())
        .map_err(|_| format!("with no JSON in which {pointer} could lead to a token"))?;
    match value.pointer(pointer) {
        Some(Value::String(token)) if !token.is_empty() => Ok(token.clone()),
        Some(_) => Err(format!("but what stands at {pointer} is no text")),
        None => {
            let names = value.as_object().into_iter().flatten().map(|(name, _)| name.escape_debug().to_string());
            let names = names.take(SHOWN).collect::<Vec<_>>().join(", ");
            Err(format!("but {pointer} leads nowhere; there are: {names}"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_all_processes_may_do_together_is_shared_out_and_no_more() {
        for (places, of) in [(50, 3), (3, 3), (64, 64), (7, 2)] {
            let each: Vec<u32> = (0..of).map(|number| Part { number, of }.places(places)).collect();
            assert_eq!(each.iter().sum::<u32>(), places, "{each:?}");
            assert!(each.iter().all(|own| *own > 0), "{each:?}");
        }
        assert_eq!(Part::WHOLE.places(50), 50);
    }

    #[test]
    fn logins_of_several_processes_begin_apart_and_use_every_moment() {
        let apart = Duration::from_millis(20);
        let mut begun = Vec::new();
        for number in 0..3 {
            let part = Part { number, of: 3 };
            let mut at = Timestamp::from_nanos(1_234_567_891);
            for _ in 0..10 {
                at = part.moment(at, apart);
                begun.push(at);
                at = at + apart;
            }
        }
        begun.sort_unstable();
        assert!(begun.windows(2).all(|pair| pair[1].since(pair[0]) == apart), "{begun:?}");
        assert!(begun[0].since(Timestamp::from_nanos(1_234_567_891)) < apart);
        let now = Timestamp::from_nanos(1_234_567_891);
        assert_eq!(Part::WHOLE.moment(now, apart), now, "one process waits for nobody");
    }
}
