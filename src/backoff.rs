//! Reconnect policies: how long a client waits before each attempt. Pure; randomness comes in as an argument.

use rand::{Rng, RngExt};
use std::time::Duration;

/// A connection that lived this long was healthy: the next loss counts attempts from 0 again.
pub const HEALTHY_AFTER: Duration = Duration::from_secs(10);

/// The shortest delay of the jittered policies unless something else is asked for.
pub const DEFAULT_BASE: Duration = Duration::from_millis(500);

/// The longest delay of the jittered policies unless something else is asked for.
pub const DEFAULT_CAP: Duration = Duration::from_secs(20);

/// What a browser page with the usual hand-written reconnect does.
const BROWSER_DELAY: Duration = Duration::from_secs(3);

/// What a browser's `EventSource` waits unless the server said otherwise.
const EVENT_SOURCE_DELAY: Duration = Duration::from_secs(3);

/// What Phoenix's client waits before its first attempts, in milliseconds; then [`PHOENIX_LATER`].
const PHOENIX: [u64; 9] = [10, 50, 100, 150, 200, 250, 500, 1_000, 2_000];

/// What it waits before all others.
const PHOENIX_LATER: Duration = Duration::from_secs(5);

/// Names of policies and a line about each.
pub const POLICIES: &[(&str, &str)] = &[
    ("none", "never reconnects"),
    ("browser", "3 s before each attempt, and nothing after a clean close"),
    ("full-jitter", "uniform on [0, min(cap, base x 2^attempt)]"),
    ("equal-jitter", "uniform on [half, all] of min(cap, base x 2^attempt)"),
    ("decorrelated", "uniform on [base, 3 x the delay before], at most cap"),
    ("fixed", "always base"),
    ("eventsource", "always base (3 s), as a browser's EventSource"),
    ("eventsource-client", "uniform on [half, all] of min(cap, base x 2^attempt); base 1 s, cap 60 s"),
    ("socket.io", "uniform on [half, one and a half] of min(cap, base x 2^attempt); base 1 s, cap 5 s"),
    ("phoenix", "10 50 100 150 200 250 500 ms 1 2 s, then 5 s; no jitter, and nothing after a clean close"),
    ("centrifuge", "base + uniform on [0, base x 2^attempt], at most cap; base 500 ms, cap 20 s"),
];

/// When to try again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Policy {
    /// Never.
    None,
    /// 3 s before each attempt; nothing after a clean close (1000 or 1001).
    Browser,
    /// A random duration, uniform on `[0, min(cap, base·2^attempt)]`.
    FullJitter {
        /// The first attempt's longest delay.
        base: Duration,
        /// The longest delay of all.
        cap: Duration,
    },
    /// A random duration, uniform on `[d/2, d]` with `d = min(cap, base·2^attempt)`.
    EqualJitter {
        /// The first attempt's longest delay.
        base: Duration,
        /// The longest delay of all.
        cap: Duration,
    },
    /// A random duration, uniform on `[base, min(cap, 3·max(base, previous))]`, where `previous` is the delay before.
    Decorrelated {
        /// The shortest delay.
        base: Duration,
        /// The longest delay.
        cap: Duration,
    },
    /// Always the same.
    Fixed(Duration),
    /// Always the same, as a browser's `EventSource`.
    EventSource(Duration),
    /// A random duration, uniform on `[d/2, d]` with `d = min(cap, base·2^attempt)`, as the crate `eventsource-client`
    /// (which counts attempts from 0 again after a connection of a minute).
    EventsourceClient {
        /// The first attempt's longest delay, unless the server said another one.
        base: Duration,
        /// The longest delay of all.
        cap: Duration,
    },
    /// A random duration, uniform on `[d/2, 3d/2]` with `d = min(cap, base·2^attempt)`.
    SocketIo {
        /// The middle of the first attempt's range.
        base: Duration,
        /// The middle of the longest range.
        cap: Duration,
    },
    /// 10, 50, 100, 150, 200, 250, 500 ms, 1 s, 2 s, then 5 s each time; nothing after a clean close.
    Phoenix,
    /// `base` and a random duration, uniform on `[0, base·2^attempt]`, on top; at most `cap`.
    Centrifuge {
        /// The shortest delay.
        base: Duration,
        /// The longest delay.
        cap: Duration,
    },
}

impl Policy {
    /// The policy called `name`, with its base and cap or the defaults; `None` when there is none of that name.
    pub fn named(name: &str, base: Option<Duration>, cap: Option<Duration>) -> Option<Self> {
        let (usual_base, usual_cap) = match name {
            "eventsource" => (EVENT_SOURCE_DELAY, DEFAULT_CAP),
            "eventsource-client" => (Duration::from_secs(1), Duration::from_secs(60)),
            "socket.io" => (Duration::from_secs(1), Duration::from_secs(5)),
            _ => (DEFAULT_BASE, DEFAULT_CAP),
        };
        let base = base.unwrap_or(usual_base);
        let cap = cap.unwrap_or(usual_cap.max(base));
        Some(match name {
            "none" => Self::None,
            "browser" => Self::Browser,
            "full-jitter" => Self::FullJitter { base, cap },
            "equal-jitter" => Self::EqualJitter { base, cap },
            "decorrelated" => Self::Decorrelated { base, cap },
            "fixed" => Self::Fixed(base),
            "eventsource" => Self::EventSource(base),
            "eventsource-client" => Self::EventsourceClient { base, cap },
            "socket.io" => Self::SocketIo { base, cap },
            "phoenix" => Self::Phoenix,
            "centrifuge" => Self::Centrifuge { base, cap },
            _ => return None,
        })
    }

    /// Its name in scenarios.
    pub fn name(&self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Browser => "browser",
            Self::FullJitter { .. } => "full-jitter",
            Self::EqualJitter { .. } => "equal-jitter",
            Self::Decorrelated { .. } => "decorrelated",
            Self::Fixed(_) => "fixed",
            Self::EventSource(_) => "eventsource",
            Self::EventsourceClient { .. } => "eventsource-client",
            Self::SocketIo { .. } => "socket.io",
            Self::Phoenix => "phoenix",
            Self::Centrifuge { .. } => "centrifuge",
        }
    }

    /// Whether clients that go by it heed what a server says about coming back, unless a scenario says otherwise: ours
    /// do; those that stand for other people's do what those do.
    pub fn heeds_hints(&self) -> bool {
        match self {
            Self::None
            | Self::FullJitter { .. }
            | Self::EqualJitter { .. }
            | Self::Decorrelated { .. }
            | Self::Fixed(_) => true,
            Self::Browser
            | Self::EventSource(_)
            | Self::EventsourceClient { .. }
            | Self::SocketIo { .. }
            | Self::Phoenix
            | Self::Centrifuge { .. } => false,
        }
    }

    /// The policy when a stream of events said `retry:` with `base`; `None` where that is not listened to.
    pub fn based_on(&self, base: Duration) -> Option<Self> {
        match *self {
            Self::EventSource(_) => Some(Self::EventSource(base)),
            Self::EventsourceClient { cap, .. } => Some(Self::EventsourceClient { base, cap: cap.max(base) }),
            _ => None,
        }
    }

    /// How long to wait before attempt number `attempt` (0 is the first after a loss); `previous` is the wait before
    /// the attempt before, zero for the first. `None`: never try again.
    pub fn delay(&self, attempt: u32, previous: Duration, rng: &mut impl Rng) -> Option<Duration> {
        match *self {
            Self::None => None,
            Self::Browser => Some(BROWSER_DELAY),
            Self::FullJitter { base, cap } => Some(uniform(Duration::ZERO, doubled(base, cap, attempt), rng)),
            Self::EqualJitter { base, cap } | Self::EventsourceClient { base, cap } => {
                let all = doubled(base, cap, attempt);
                Some(uniform(all / 2, all, rng))
            }
            Self::Decorrelated { base, cap } => {
                let most = previous.max(base).saturating_mul(3).min(cap);
                Some(uniform(base.min(most), most, rng))
            }
            Self::Fixed(delay) | Self::EventSource(delay) => Some(delay),
            Self::SocketIo { base, cap } => {
                let middle = doubled(base, cap, attempt);
                Some(uniform(middle / 2, middle + middle / 2, rng))
            }
            Self::Phoenix => {
                let listed = PHOENIX.get(attempt as usize).map(|millis| Duration::from_millis(*millis));
                Some(listed.unwrap_or(PHOENIX_LATER))
            }
            Self::Centrifuge { base, cap } => {
                let most = base.saturating_mul(2u32.saturating_pow(attempt));
                Some(base.saturating_add(uniform(Duration::ZERO, most.min(cap), rng)).min(cap))
            }
        }
    }

    /// Whether a clean close by the server (1000 or 1001) is followed by an attempt as well.
    pub fn reconnects_after_clean_close(&self) -> bool {
        !matches!(self, Self::None | Self::Browser | Self::Phoenix)
    }
}

fn doubled(base: Duration, cap: Duration, attempt: u32) -> Duration {
    base.saturating_mul(2u32.saturating_pow(attempt)).min(cap)
}

fn uniform(least: Duration, most: Duration, rng: &mut impl Rng) -> Duration {
    Duration::from_nanos(rng.random_range(crate::time::nanos(least)..=crate::time::nanos(most)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::{any, prop_assert, prop_assert_eq, proptest};
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;

    proptest! {
        #[test]
        fn delays_stay_in_their_range(seed in any::<u64>(), attempt in 0u32..200, previous in 0u64..100_000) {
            let mut rng = ChaCha8Rng::seed_from_u64(seed);
            let (base, cap) = (DEFAULT_BASE, DEFAULT_CAP);
            let ceiling = (base.as_secs_f64() * 2f64.powi(attempt.cast_signed())).min(cap.as_secs_f64());
            let ceiling = Duration::from_secs_f64(ceiling);
            let previous = Duration::from_millis(previous);
            let mut delay = |policy: Policy| policy.delay(attempt, previous, &mut rng).unwrap();
            let full = delay(Policy::FullJitter { base, cap });
            prop_assert!(full <= ceiling);
            let equal = delay(Policy::EqualJitter { base, cap });
            prop_assert!(equal <= ceiling && equal >= ceiling / 2);
            let decorrelated = delay(Policy::Decorrelated { base, cap });
            prop_assert!(decorrelated >= base && decorrelated <= cap.min(previous.max(base) * 3));
            let socket_io = delay(Policy::SocketIo { base, cap });
            prop_assert!(socket_io >= ceiling / 2 && socket_io <= ceiling + ceiling / 2);
            let centrifuge = delay(Policy::Centrifuge { base, cap });
            prop_assert!(centrifuge >= base && centrifuge <= cap.min(base + ceiling));
        }

        #[test]
        fn the_same_seed_waits_the_same(seed in any::<u64>(), attempt in 0u32..20) {
            let policy = Policy::named("full-jitter", None, None).unwrap();
            let draw = || policy.delay(attempt, Duration::ZERO, &mut ChaCha8Rng::seed_from_u64(seed));
            prop_assert_eq!(draw(), draw());
        }
    }

    #[test]
    fn every_listed_policy_can_be_made() {
        for (name, _) in POLICIES {
            assert_eq!(Policy::named(name, None, None).unwrap().name(), *name);
        }
        assert_eq!(Policy::named("guesswork", None, None), None);
    }

    #[test]
    fn phoenix_hurries_without_jitter_and_then_waits_five_seconds() {
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        let delays =
            (0..11).map(|attempt| Policy::Phoenix.delay(attempt, Duration::ZERO, &mut rng).unwrap().as_millis());
        assert_eq!(delays.collect::<Vec<_>>(), [10, 50, 100, 150, 200, 250, 500, 1_000, 2_000, 5_000, 5_000]);
        assert!(!Policy::Phoenix.reconnects_after_clean_close());
    }

    #[test]
    fn the_crate_doubles_from_a_second_to_a_minute_and_waits_at_least_half() {
        let policy = Policy::named("eventsource-client", None, None).unwrap();
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        for (attempt, most) in [1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 60_000, 60_000].into_iter().enumerate() {
            let delays: Vec<_> =
                (0..200).map(|_| policy.delay(attempt as u32, Duration::ZERO, &mut rng).unwrap().as_millis()).collect();
            let (least, longest) = (delays.iter().min().unwrap(), delays.iter().max().unwrap());
            assert!(
                (most / 2..most * 6 / 10).contains(least) && (most * 9 / 10..=most).contains(longest),
                "{delays:?}"
            );
        }
        assert!(policy.reconnects_after_clean_close());
        let told = policy.based_on(Duration::from_millis(10)).unwrap();
        assert!(told.delay(1, Duration::ZERO, &mut rng).unwrap().as_millis() <= 20);
    }

    #[test]
    fn a_browser_waits_three_seconds_and_takes_a_clean_close_for_the_end() {
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        let delays: Vec<_> = (0..3).map(|attempt| Policy::Browser.delay(attempt, Duration::ZERO, &mut rng)).collect();
        assert_eq!(delays, [Some(Duration::from_secs(3)); 3]);
        assert!(!Policy::Browser.reconnects_after_clean_close());
        assert_eq!(Policy::None.delay(0, Duration::ZERO, &mut rng), None);
    }
}
