//! One block: what one side's clients saw while it was that side's turn. Written as a line of JSON, read back the same.

use serde::{Deserialize, Serialize};

use crate::metrics::Histogram;

/// Which of the two targets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Side {
    /// What is known to be good.
    Base,
    /// What is judged.
    New,
}

impl Side {
    /// Both, base first.
    pub const BOTH: [Self; 2] = [Self::Base, Self::New];

    /// Its one word.
    pub fn name(self) -> &'static str {
        match self {
            Self::Base => "base",
            Self::New => "new",
        }
    }
}

/// What was measured in one block.
#[derive(Clone, Debug)]
pub struct Block {
    /// Which pair it is half of, from 0, warm-up included.
    pub pair: u32,
    /// Which start of the two sides it was measured in, from 0.
    pub start: u32,
    /// Whose turn it was.
    pub side: Side,
    /// Due time to arrival of everything due in it.
    pub delivery: Histogram,
    /// Due time to the moment it was sent.
    pub send_lag: Histogram,
    /// Share of the machine's time the hypervisor took meanwhile, in millionths.
    pub steal_ppm: u32,
}

/// A block as it stands in a recording.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    pair: u32,
    #[serde(default)]
    start: u32,
    side: Side,
    steal_ppm: u32,
    /// For eyes and scripts; the histogram is what counts.
    p50_ns: u64,
    p90_ns: u64,
    p99_ns: u64,
    delivery: String,
    send_lag: String,
}

impl Block {
    /// The block as a recording gives it back: extremes exact to a bucket only, so that a replay sees what was seen.
    ///
    /// # Errors
    /// When the encoder fails, which it does only for want of memory.
    pub fn new(
        (start, pair): (u32, u32),
        side: Side,
        delivery: &Histogram,
        send_lag: &Histogram,
        steal_ppm: u32,
    ) -> Result<Self, String> {
        let again = |histogram: &Histogram| Histogram::decode(&histogram.encode()?);
        Ok(Self { pair, start, side, delivery: again(delivery)?, send_lag: again(send_lag)?, steal_ppm })
    }

    /// Its quantile `q` of the delivery latency, nanoseconds; at least 1, so that it has a logarithm.
    pub fn quantile(&self, q: f64) -> f64 {
        self.delivery.quantile(q).max(1) as f64
    }

    /// One line of a recording.
    ///
    /// # Errors
    /// When the encoder fails, which it does only for want of memory.
    pub fn line(&self) -> Result<String, String> {
        let line = Line {
            pair: self.pair,
            start: self.start,
            side: self.side,
            steal_ppm: self.steal_ppm,
            p50_ns: self.delivery.quantile(0.5),
            p90_ns: self.delivery.quantile(0.9),
            p99_ns: self.delivery.quantile(0.99),
            delivery: self.delivery.encode()?,
            send_lag: self.send_lag.encode()?,
        };
        serde_json::to_string(&line).map_err(|error| error.to_string())
    }

    /// Reads a line of a recording.
    ///
    /// # Errors
    /// When it is not one.
    pub fn read(line: &str) -> Result<Self, String> {
        let line: Line = serde_json::from_str(line).map_err(|error| error.to_string())?;
        Ok(Self {
            pair: line.pair,
            start: line.start,
            side: line.side,
            delivery: Histogram::decode(&line.delivery)?,
            send_lag: Histogram::decode(&line.send_lag)?,
            steal_ppm: line.steal_ppm,
        })
    }
}

/// The two halves of a pair.
#[derive(Clone, Debug)]
pub(super) struct Pair {
    pub(super) base: Block,
    pub(super) new: Block,
}

impl Pair {
    /// How much later new was at quantile `q`, as a log ratio.
    pub(super) fn difference(&self, q: f64) -> f64 {
        (self.new.quantile(q) / self.base.quantile(q)).ln()
    }
}

/// A log ratio as a share: 0.1 is 10 % more.
pub(super) fn share(log_ratio: f64) -> f64 {
    log_ratio.exp_m1()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_is_read_back_as_it_was_written() {
        let mut delivery = Histogram::default();
        [1_234_567, 2_000_001, 90_000_017].into_iter().for_each(|nanos| delivery.record(nanos));
        let block = Block::new((2, 7), Side::New, &delivery, &Histogram::default(), 125_000).unwrap();
        let again = Block::read(&block.line().unwrap()).unwrap();
        assert_eq!((again.start, again.pair, again.side, again.steal_ppm), (2, 7, Side::New, 125_000));
        let old = block.line().unwrap().replace(r#""start":2,"#, "");
        assert_eq!(Block::read(&old).unwrap().start, 0, "recordings of one start do not say so");
        for q in [0.0, 0.5, 0.99, 1.0] {
            assert_eq!(again.quantile(q), block.quantile(q));
        }
        assert_eq!(again.line().unwrap(), block.line().unwrap());
        assert!(Block::read(r#"{"pair":1}"#).is_err());
    }
}
