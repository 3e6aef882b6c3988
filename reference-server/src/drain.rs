//! How an instance goes away: what it says, and when each connection is closed. Pure.

use rand::RngExt;
use tokio_tungstenite::tungstenite::Utf8Bytes;

use crate::{config::Drain, history::Position, protocol, time};

/// The close code of an instance that goes away.
pub(crate) const CODE: u16 = 1012;

/// The frame that says that closes will follow.
pub(crate) fn hint(config: &Drain) -> Utf8Bytes {
    protocol::drain(config.window.as_millis(), config.retry_min.as_millis(), config.retry_max.as_millis())
}

/// The same for a stream that stands at `place`, with its own random time to come back after.
pub(crate) fn event(config: &Drain, place: Option<Position>, rng: &mut impl RngExt) -> Utf8Bytes {
    let (shortest, longest) = (config.retry_min.as_millis() as u64, config.retry_max.as_millis() as u64);
    let retry = rng.random_range(shortest..=longest.max(shortest));
    protocol::event(place, Some(retry.into()), &hint(config))
}

/// The reason of the closes.
pub(crate) fn reason(config: &Drain) -> String {
    protocol::drain_reason(config.retry_min.as_millis(), config.retry_max.as_millis())
}

/// When to close a connection: a random, uniform moment in `(now, now + window]`.
pub(crate) fn moment(config: &Drain, now: u64, rng: &mut impl RngExt) -> u64 {
    now + rng.random_range(1..=time::as_micros(config.window).max(1))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn closes_are_spread_over_the_window() {
        let config = Drain { window: Duration::from_secs(1), ..Drain::default() };
        let mut tenths = [0; 10];
        for _ in 0..1_000 {
            let moment = moment(&config, 5, &mut rand::rng());
            assert!((6..=1_000_005).contains(&moment));
            tenths[((moment - 6) / 100_000) as usize] += 1;
        }
        assert!(tenths.iter().all(|&count| (50..=150).contains(&count)), "{tenths:?}");
    }

    #[test]
    fn the_reason_fits_a_close_frame() {
        let config = Drain { retry_max: Duration::from_secs(86_400), ..Drain::default() };
        assert!(reason(&config).len() <= 123);
    }
}
