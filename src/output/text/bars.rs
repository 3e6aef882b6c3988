//! Numbers over time as one line of blocks.

/// Lowest to highest.
const BLOCKS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/// Where there is nothing at all.
const NONE: char = '·';

/// A drawing, and how many values each of its blocks is the sum of.
pub(super) struct Bars {
    pub(super) drawing: String,
    pub(super) each: usize,
}

/// `values` in at most `columns` blocks, the tallest at full height.
pub(super) fn bars(values: &[u64], columns: usize) -> Bars {
    let each = values.len().div_ceil(columns.max(1)).max(1);
    let sum = |values: &[u64]| values.iter().fold(0u64, |sum, value| sum.saturating_add(*value));
    let sums: Vec<u64> = values.chunks(each).map(sum).collect();
    let most = sums.iter().copied().max().unwrap_or(0);
    Bars { drawing: sums.iter().map(|value| block(*value, most)).collect(), each }
}

fn block(value: u64, most: u64) -> char {
    if value == 0 {
        return NONE;
    }
    let eighths = (value as f64 / most as f64 * BLOCKS.len() as f64).ceil() as usize;
    BLOCKS[eighths.clamp(1, BLOCKS.len()) - 1]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tallest_fills_its_block_and_the_least_is_still_seen() {
        let drawn = |values: &[u64]| bars(values, 8).drawing;
        assert_eq!(drawn(&[1, 2, 3, 4, 5, 6, 7, 8]), "▁▂▃▄▅▆▇█");
        assert_eq!(drawn(&[0, 1_000_000, 1, 0]), "·█▁·");
        assert_eq!(drawn(&[u64::MAX, u64::MAX, 0]), "██·");
        assert_eq!(drawn(&[]), "");
    }

    #[test]
    fn what_is_too_long_is_summed_up() {
        let Bars { drawing, each } = bars(&[1; 17], 8);
        assert_eq!((drawing.as_str(), each), ("█████▆", 3));
    }
}
