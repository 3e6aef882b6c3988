//! A distribution of nanoseconds: HDR from 1 µs to 1 h at three digits, with the exact extremes beside it.
//!
//! It is as large as its largest value wants it, 16 KiB up to a millisecond and 8 KiB more for each doubling beyond.

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
        let mut hdr = up_to(2 * LOWEST);
        hdr.auto(true);
        Self { hdr, min: u64::MAX, max: 0, sum: 0, clipped: 0 }
    }
}

/// An empty HDR histogram that has room for values up to `highest`.
fn up_to(highest: u64) -> hdrhistogram::Histogram<u64> {
    // The bounds are constants the constructor accepts, so this cannot fail.
    #[allow(clippy::unwrap_used)]
    hdrhistogram::Histogram::new_with_bounds(LOWEST, highest, DIGITS).unwrap()
}

impl Histogram {
    /// Adds one value in nanoseconds.
    pub fn record(&mut self, nanos: u64) {
        self.record_n(nanos, 1);
    }

    /// Adds one value in nanoseconds, `times` times.
    pub fn record_n(&mut self, nanos: u64, times: u64) {
        // It grows to what it is given, so nothing is out of range.
        if times == 0 || self.hdr.record_n(nanos.min(HIGHEST), times).is_err() {
            return;
        }
        self.min = self.min.min(nanos);
        self.max = self.max.max(nanos);
        self.sum += u128::from(nanos) * u128::from(times);
        self.clipped += if nanos > HIGHEST { times } else { 0 };
    }

    /// Adds everything `other` holds; the same as having recorded both in one.
    pub fn merge(&mut self, other: &Histogram) {
        // It grows to what the other holds, so nothing can be out of range.
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
        // It is part of this one, so nothing can be missing.
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

    /// The same with room for an hour: equal distributions are encoded alike, however they came about.
    fn whole(&self) -> Result<hdrhistogram::Histogram<u64>, String> {
        let mut whole = up_to(HIGHEST);
        whole.add(&self.hdr).map_err(|error| error.to_string())?;
        Ok(whole)
    }

    /// HDR V2-DEFLATE, base64.
    ///
    /// # Errors
    /// When the encoder fails, which it does only for want of memory.
    pub fn encode(&self) -> Result<String, String> {
        let mut bytes = Vec::new();
        V2DeflateSerializer::new().serialize(&self.whole()?, &mut bytes).map_err(|error| error.to_string())?;
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
        let mut whole = up_to(HIGHEST);
        whole.add(&hdr).and_then(|()| histogram.hdr.add(&whole)).map_err(|error| error.to_string())?;
        Ok(histogram)
    }
}

/// A histogram put aside, or on its way to another process: in little room, and nothing is lost, the extremes and the sum
/// included.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Packed {
    /// HDR V2, base64.
    hdr: String,
    min: u64,
    max: u64,
    /// Of 128 bits the upper and the lower half.
    sum: (u64, u64),
    clipped: u64,
}

impl Packed {
    /// `histogram` in as much room as its values in use need.
    ///
    /// # Errors
    /// When the encoder fails, which it does only for want of memory.
    pub fn of(histogram: &Histogram) -> Result<Self, String> {
        let mut bytes = Vec::new();
        V2Serializer::new().serialize(&histogram.hdr, &mut bytes).map_err(|error| error.to_string())?;
        let sum = ((histogram.sum >> 64) as u64, histogram.sum as u64);
        let Histogram { min, max, clipped, .. } = *histogram;
        Ok(Self { hdr: STANDARD.encode(bytes), min, max, sum, clipped })
    }

    /// The histogram as it was.
    ///
    /// # Errors
    /// When this is the encoding of no histogram, or of one with other bounds.
    pub fn unpack(&self) -> Result<Histogram, String> {
        let bytes = STANDARD.decode(&self.hdr).map_err(|error| error.to_string())?;
        let hdr: hdrhistogram::Histogram<u64> =
            Deserializer::new().deserialize(&mut bytes.as_slice()).map_err(|error| error.to_string())?;
        if (hdr.low(), hdr.sigfig()) != (LOWEST, DIGITS) || hdr.high() > HIGHEST.next_power_of_two() {
            return Err("a histogram with other bounds".to_owned());
        }
        let Self { min, max, sum, clipped, .. } = *self;
        let mut histogram =
            Histogram { min, max, sum: u128::from(sum.0) << 64 | u128::from(sum.1), clipped, ..Histogram::default() };
        histogram.hdr.add(&hdr).map_err(|error| error.to_string())?;
        Ok(histogram)
    }
}

impl Serialize for Histogram {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Packed::of(self).map_err(S::Error::custom)?.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Histogram {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Packed::deserialize(deserializer)?.unpack().map_err(D::Error::custom)
    }
}

#[cfg(test)]
#[path = "histogram_tests.rs"]
mod tests;
