//! Whether pairs can be believed: what the machine did to them, told from what the servers did.

use super::block::{Block, Pair};
use crate::metrics::Histogram;

/// Above this share of time taken by the hypervisor a block says nothing; millionths.
const STEAL_PPM: u32 = 200_000;

/// Lateness below this is no reason for doubt, nanoseconds.
const TOLERATED_LAG: u64 = 1_000_000;

/// Lateness above this share of the latency puts the latency in doubt.
const DOUBTFUL_SHARE: f64 = 0.25;

/// Where more than this share of the pairs is left out, what is left is not believed.
const LEFT_OUT: f64 = 0.30;

/// Whether both halves of `pair` can be believed; one alone spoils both, so that neither side gains by it.
pub(super) fn keeps(pair: &Pair) -> bool {
    let spoilt = |block: &Block| {
        block.steal_ppm > STEAL_PPM || block.delivery.count() == 0 || doubtful(&block.send_lag, &block.delivery, 0.9)
    };
    !spoilt(&pair.base) && !spoilt(&pair.new)
}

fn doubtful(lag: &Histogram, delivery: &Histogram, q: f64) -> bool {
    let late = lag.quantile(q);
    late > TOLERATED_LAG && late as f64 > delivery.quantile(q) as f64 * DOUBTFUL_SHARE
}

/// Why the whole is not to be believed: so many pairs were measured, and these of them kept.
pub(super) fn doubts(measured: usize, kept: &[Pair]) -> Vec<String> {
    let mut doubts = Vec::new();
    let left_out = measured - kept.len();
    if left_out as f64 > LEFT_OUT * measured as f64 {
        doubts.push(format!(
            "{left_out} of {measured} pairs were left out: the generator sent late, or the hypervisor took more than \
             {} % of the machine; use a quieter one, or a lower rate (-r)",
            STEAL_PPM / 10_000
        ));
    }
    let (mut lag, mut delivery) = (Histogram::default(), Histogram::default());
    for block in kept.iter().flat_map(|pair| [&pair.base, &pair.new]) {
        lag.merge(&block.send_lag);
        delivery.merge(&block.delivery);
    }
    if doubtful(&lag, &delivery, 0.99) {
        let ms = |of: &Histogram| of.quantile(0.99) as f64 / 1e6;
        doubts.push(format!(
            "sends left late ({:.2} ms at p99, against a delivery p99 of {:.2} ms): give the generator more of the \
             machine, or a lower rate (-r)",
            ms(&lag),
            ms(&delivery)
        ));
    }
    doubts
}

/// Values a warm-up must end with.
pub(super) const STEADY: usize = 5;

/// Kendall's S from which on five values have a trend: 1 in 24 by chance, each way.
const TREND: i32 = 8;

/// Whether the last five of `values` rise or fall no more than chance lets them.
pub(super) fn is_steady(values: &[f64]) -> bool {
    let Some(last) = values.len().checked_sub(STEADY).map(|from| &values[from..]) else { return false };
    let later = |at: usize| last[at + 1..].iter().map(move |next| last[at].total_cmp(next) as i32);
    (0..STEADY).flat_map(later).sum::<i32>().abs() < TREND
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gate::Side;

    fn block(side: Side, delivery_ms: u64, lag_ms: u64, steal_ppm: u32) -> Block {
        let of = |ms: u64| {
            let mut histogram = Histogram::default();
            histogram.record_n(ms * 1_000_000, 100);
            histogram
        };
        Block::new((0, 0), side, &of(delivery_ms), &of(lag_ms), steal_ppm).unwrap()
    }

    fn pair(lag_ms: u64, steal: u32) -> Pair {
        Pair { base: block(Side::Base, 10, 0, 0), new: block(Side::New, 10, lag_ms, steal) }
    }

    #[test]
    fn a_late_sender_and_a_stolen_machine_spoil_both_halves() {
        assert!(keeps(&pair(0, 0)) && keeps(&pair(2, 190_000)));
        assert!(!keeps(&pair(5, 0)) && !keeps(&pair(0, 210_000)));
        let silent = Pair {
            base: block(Side::Base, 10, 0, 0),
            new: Block::new((0, 0), Side::New, &Histogram::default(), &Histogram::default(), 0).unwrap(),
        };
        assert!(!keeps(&silent));
    }

    #[test]
    fn too_many_spoilt_pairs_and_sends_late_on_the_whole_are_doubts() {
        let kept = vec![pair(0, 0); 7];
        assert!(doubts(10, &kept).is_empty());
        assert!(doubts(11, &kept)[0].contains("4 of 11 pairs"));
        assert!(doubts(7, &vec![pair(5, 0); 7])[0].contains("sends left late"));
    }

    #[test]
    fn a_warm_up_ends_when_nothing_rises_or_falls() {
        assert!(!is_steady(&[5.0, 5.0, 5.0, 5.0]));
        assert!(is_steady(&[9.0, 5.0, 5.0, 5.0, 5.0, 5.0]));
        assert!(is_steady(&[2.0, 3.0, 1.0, 5.0, 4.0]));
        assert!(!is_steady(&[9.0, 8.0, 7.0, 6.0, 5.0]) && !is_steady(&[1.0, 2.0, 3.0, 5.0, 4.0]));
    }
}
