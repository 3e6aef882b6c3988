//! A distribution of nanoseconds: HDR from 1 µs to 1 h at three digits, with the exact extremes beside it.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hdrhistogram::serialization::{Deserializer, Serializer, V2DeflateSerializer, V2Serializer};
use serde::de::Error as _;
use serde::ser::Error as _;
use serde::{Deserialize, Serialize};

const LOWEST: u64 = 1_000;
const HIGHEST: u64 = 3_600_000_000_000;
const DIGITS: u8 = 3;

/// What is recorded beyond an hour is clipped there and counted.
#[derive(Clone, Debug)]
pub struct Histogram {
    hdr: hdrhistogram::Histogram<u64>,
    min: u64,
    max: u64,
    sum: u128,
    clipped: u64,
}

impl Default for Histogram {
    fn default() -> Self {
        // The bounds are constants the constructor accepts, so this cannot fail.
        #[allow(clippy::unwrap_used)]
        let hdr = hdrhistogram::Histogram::new_with_bounds(LOWEST, HIGHEST, DIGITS).unwrap();
        Self { hdr, min: u64::MAX, max: 0, sum: 0, clipped: 0 }
    }
}

impl Histogram {
    /// Adds one value in nanoseconds.
    pub fn record(&mut self, nanos: u64) {
        self.record_n(nanos, 1);
    }

    /// Adds one value in nanoseconds, `times` times.
    pub fn record_n(&mut self, nanos: u64, times: u64) {
        if times == 0 {
            return;
        }
        self.hdr.saturating_record_n(nanos, times);
        self.min = self.min.min(nanos);
        self.max = self.max.max(nanos);
        self.sum += u128::from(nanos) * u128::from(times);
        self.clipped += if nanos > HIGHEST { times } else { 0 };
    }

    /// Adds everything `other` holds; the same as having recorded both in one.
    pub fn merge(&mut self, other: &Histogram) {
        // Both have the same constant bounds, so nothing can be out of range.
        if self.hdr.add(&other.hdr).is_ok() {
            self.min = self.min.min(other.min);
            self.max = self.max.max(other.max);
            self.sum += other.sum;
            self.clipped += other.clipped;
        }
    }

    /// What is left when everything `earlier` holds, which must be part of this one, is taken away; the extremes are
    /// then exact only to a bucket.
    #[must_use]
    pub fn without(&self, earlier: &Histogram) -> Self {
        let mut left = self.clone();
        // It is part of this one and has the same constant bounds, so nothing can be missing.
        if earlier.count() > 0 && left.hdr.subtract(&earlier.hdr).is_ok() {
            (left.min, left.max) = match left.hdr.is_empty() {
                true => (u64::MAX, 0),
                false => (left.hdr.min().max(self.min), left.hdr.max().min(self.max)),
            };
            left.sum -= earlier.sum.min(left.sum);
            left.clipped -= earlier.clipped.min(left.clipped);
        }
        left
    }

    /// How many values.
    pub fn count(&self) -> u64 {
        self.hdr.len()
    }

    /// The smallest value, exactly; 0 when empty.
    pub fn min(&self) -> u64 {
        if self.count() == 0 { 0 } else { self.min }
    }

    /// The largest value, exactly; 0 when empty.
    pub fn max(&self) -> u64 {
        self.max
    }

    /// The mean of the values, exactly; 0 when empty.
    pub fn mean(&self) -> f64 {
        if self.count() == 0 { 0.0 } else { self.sum as f64 / self.count() as f64 }
    }

    /// How many values lay beyond an hour.
    pub fn clipped(&self) -> u64 {
        self.clipped
    }

    /// The value at quantile `q` of `[0, 1]`, never outside the exact extremes; 0 when empty.
    pub fn quantile(&self, q: f64) -> u64 {
        if self.count() == 0 {
            return 0;
        }
        self.hdr.value_at_quantile(q).clamp(self.min, self.max)
    }

    /// The quantile when `missing` further values are infinitely large; `None` if it falls among those (or among none).
    pub fn quantile_with_missing(&self, q: f64, missing: u64) -> Option<u64> {
        let total = self.count() + missing;
        let rank = ((q * total as f64).ceil() as u64).max(1);
        (rank <= self.count()).then(|| self.quantile(rank as f64 / self.count() as f64))
    }

    /// `(value, cumulative count)` of every bucket in use, for percentile tables.
    pub fn buckets(&self) -> impl Iterator<Item = (u64, u64)> + '_ {
        let mut seen = 0;
        self.hdr.iter_recorded().map(move |step| {
            seen += step.count_since_last_iteration();
            (step.value_iterated_to(), seen)
        })
    }

    /// HDR V2-DEFLATE, base64.
    ///
    /// # Errors
    /// When the encoder fails, which it does only for want of memory.
    pub fn encode(&self) -> Result<String, String> {
        let mut bytes = Vec::new();
        V2DeflateSerializer::new().serialize(&self.hdr, &mut bytes).map_err(|error| error.to_string())?;
        Ok(STANDARD.encode(bytes))
    }

    /// Reads back what [`Self::encode`] wrote; extremes and mean are then exact only to a bucket.
    ///
    /// # Errors
    /// When the text is not such an encoding.
    pub fn decode(text: &str) -> Result<Self, String> {
        let bytes = STANDARD.decode(text).map_err(|error| error.to_string())?;
        let hdr: hdrhistogram::Histogram<u64> =
            Deserializer::new().deserialize(&mut bytes.as_slice()).map_err(|error| error.to_string())?;
        let mut histogram = Self { min: u64::MAX, max: 0, sum: 0, clipped: 0, ..Self::default() };
        if !hdr.is_empty() {
            histogram.min = hdr.min();
            histogram.max = hdr.max();
            histogram.sum = (hdr.mean() * hdr.len() as f64) as u128;
        }
        histogram.hdr.add(&hdr).map_err(|error| error.to_string())?;
        Ok(histogram)
    }
}

/// A histogram on its way to another process: nothing is lost, the extremes and the sum included.
#[derive(Serialize, Deserialize)]
struct Packed {
    /// HDR V2, base64.
    hdr: String,
    min: u64,
    max: u64,
    /// Of 128 bits the upper and the lower half.
    sum: (u64, u64),
    clipped: u64,
}

impl Serialize for Histogram {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut bytes = Vec::new();
        V2Serializer::new().serialize(&self.hdr, &mut bytes).map_err(|error| S::Error::custom(error.to_string()))?;
        let sum = ((self.sum >> 64) as u64, self.sum as u64);
        let Self { min, max, clipped, .. } = *self;
        Packed { hdr: STANDARD.encode(bytes), min, max, sum, clipped }.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Histogram {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Packed { hdr, min, max, sum, clipped } = Packed::deserialize(deserializer)?;
        let bytes = STANDARD.decode(hdr).map_err(D::Error::custom)?;
        let hdr: hdrhistogram::Histogram<u64> = Deserializer::new()
            .deserialize(&mut bytes.as_slice())
            .map_err(|error| D::Error::custom(error.to_string()))?;
        if (hdr.low(), hdr.high(), hdr.sigfig()) != (LOWEST, HIGHEST, DIGITS) {
            return Err(D::Error::custom("a histogram with other bounds"));
        }
        Ok(Self { hdr, min, max, sum: u128::from(sum.0) << 64 | u128::from(sum.1), clipped })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::{prop_assert, prop_assert_eq, proptest};

    fn of(values: &[u64]) -> Histogram {
        let mut histogram = Histogram::default();
        values.iter().for_each(|v| histogram.record(*v));
        histogram
    }

    proptest! {
        #[test]
        fn merging_equals_recording_in_one(a in proptest::collection::vec(0u64..HIGHEST, 0..50), b in proptest::collection::vec(0u64..HIGHEST, 0..50)) {
            let mut merged = of(&a);
            merged.merge(&of(&b));
            let one = of(&[a, b].concat());
            prop_assert_eq!(merged.buckets().collect::<Vec<_>>(), one.buckets().collect::<Vec<_>>());
            prop_assert_eq!((merged.min(), merged.max(), merged.count()), (one.min(), one.max(), one.count()));
            prop_assert!((merged.mean() - one.mean()).abs() < 1.0);
        }

        #[test]
        fn a_quantile_is_within_a_thousandth_of_the_sorted_truth(mut values in proptest::collection::vec(1_000u64..HIGHEST, 1..200), q in 0.0f64..=1.0) {
            let got = of(&values).quantile(q);
            values.sort_unstable();
            let rank = ((q * values.len() as f64).ceil() as usize).clamp(1, values.len());
            let truth = values[rank - 1];
            prop_assert!(got.abs_diff(truth) as f64 <= truth as f64 / 1_000.0 + 512.0, "{} {}", got, truth);
        }

        #[test]
        fn encoding_round_trips(values in proptest::collection::vec(0u64..HIGHEST, 0..50)) {
            let histogram = of(&values);
            let back = Histogram::decode(&histogram.encode().unwrap()).unwrap();
            prop_assert_eq!(histogram.buckets().collect::<Vec<_>>(), back.buckets().collect::<Vec<_>>());
        }
    }

    #[test]
    fn another_process_is_told_everything() {
        for values in [&[][..], &[7, 2_000_000, HIGHEST + 5, HIGHEST]] {
            let told = of(values);
            let heard: Histogram = serde_json::from_str(&serde_json::to_string(&told).unwrap()).unwrap();
            assert_eq!(heard.buckets().collect::<Vec<_>>(), told.buckets().collect::<Vec<_>>());
            assert_eq!(
                (heard.min(), heard.max(), heard.count(), heard.clipped(), heard.sum),
                (told.min(), told.max(), told.count(), told.clipped(), told.sum)
            );
            let mut both = heard.clone();
            both.merge(&told);
            assert_eq!(both.count(), 2 * told.count(), "it adds up with those of this process");
        }
        let other = r#"{"hdr":"","min":0,"max":0,"sum":[0,0],"clipped":0}"#;
        assert!(serde_json::from_str::<Histogram>(other).is_err());
    }

    #[test]
    fn what_is_left_is_what_came_later() {
        let (earlier, later) = (of(&[2_000_000, 7_000_000]), of(&[3_000_000, 5_000_000]));
        let mut all = earlier.clone();
        all.merge(&later);
        let left = all.without(&earlier);
        assert_eq!(left.buckets().collect::<Vec<_>>(), later.buckets().collect::<Vec<_>>());
        assert_eq!((left.count(), left.mean()), (2, 4_000_000.0));
        assert!(left.min().abs_diff(3_000_000) < 3_000 && left.max().abs_diff(5_000_000) < 5_000);
        let none = all.without(&all);
        assert_eq!((none.count(), none.min(), none.max(), none.quantile(0.5)), (0, 0, 0, 0));
    }

    #[test]
    fn missing_values_are_infinitely_late() {
        let histogram = of(&(1..=99).map(|n| n * 1_000_000).collect::<Vec<_>>());
        assert!(histogram.quantile_with_missing(0.99, 1).is_some());
        assert_eq!(histogram.quantile_with_missing(0.99, 2), None);
        assert_eq!(Histogram::default().quantile_with_missing(0.5, 0), None);
    }

    #[test]
    fn the_extremes_are_exact_and_clipping_is_counted() {
        let histogram = of(&[7, HIGHEST + 5]);
        assert_eq!((histogram.min(), histogram.max(), histogram.clipped()), (7, HIGHEST + 5, 1));
    }
}
