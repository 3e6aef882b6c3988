//! The percentile table of HdrHistogram (`.hgrm`), in milliseconds, of all deliveries.

use std::io::{self, Write};

use crate::metrics::Histogram;
use crate::report::Report;

/// Lines per halving of what is left to 100 %.
const STEPS: u32 = 5;

pub(super) fn write(report: &Report, to: &mut dyn Write) -> io::Result<()> {
    let entry = report.distribution("delivery");
    let histogram = entry.and_then(|entry| entry.decode()).unwrap_or_default();
    write_table(&histogram, entry.map_or(0, |entry| entry.max), to)
}

fn write_table(histogram: &Histogram, max: u64, to: &mut dyn Write) -> io::Result<()> {
    writeln!(to, "{:>12} {:>14} {:>10} {:>14}\n", "Value", "Percentile", "TotalCount", "1/(1-Percentile)")?;
    let buckets: Vec<(u64, u64)> = histogram.buckets().collect();
    let count = histogram.count();
    let mut reached = 0;
    for quantile in quantiles(count) {
        let rank = ((quantile * count as f64).ceil() as u64).max(1);
        let at = buckets.partition_point(|(_, seen)| *seen < rank);
        let Some((value, seen)) = buckets.get(at) else { break };
        if *seen <= reached && quantile > 0.0 {
            continue;
        }
        reached = *seen;
        let value = (*value).min(max) as f64 / 1e6;
        writeln!(to, "{value:12.3} {quantile:14.12} {seen:10} {:14.2}", 1.0 / (1.0 - quantile))?;
    }
    if count > 0 {
        writeln!(to, "{:12.3} {:14.12} {count:10}", max as f64 / 1e6, 1.0)?;
    }
    let (mean, deviation) = moments(&buckets);
    writeln!(to, "#[Mean    = {:12.3}, StdDeviation   = {:12.3}]", mean / 1e6, deviation / 1e6)?;
    writeln!(to, "#[Max     = {:12.3}, Total count    = {:12}]", max as f64 / 1e6, count)
}

/// Steps towards 1 that halve every [`STEPS`], as far as `count` values can tell them apart.
fn quantiles(count: u64) -> impl Iterator<Item = f64> {
    let step = |at: u32| {
        let (halving, part) = (at / STEPS, f64::from(at % STEPS) / f64::from(STEPS));
        let left = 0.5f64.powi(halving as i32);
        1.0 - left + left / 2.0 * part
    };
    (0..).map(step).take_while(move |quantile| *quantile < 1.0 && (1.0 - quantile) * count as f64 >= 0.5)
}

fn moments(buckets: &[(u64, u64)]) -> (f64, f64) {
    let mut before = 0;
    let weighted: Vec<(f64, f64)> = buckets
        .iter()
        .map(|(value, seen)| {
            let weight = seen - before;
            before = *seen;
            (*value as f64, weight as f64)
        })
        .collect();
    let count = before.max(1) as f64;
    let mean = weighted.iter().map(|(value, weight)| value * weight).sum::<f64>() / count;
    let variance = weighted.iter().map(|(value, weight)| (value - mean).powi(2) * weight).sum::<f64>() / count;
    (mean, variance.sqrt())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(values: impl Iterator<Item = u64>) -> String {
        let mut histogram = Histogram::default();
        values.for_each(|value| histogram.record(value));
        let mut text = Vec::new();
        write_table(&histogram, histogram.max(), &mut text).unwrap();
        String::from_utf8(text).unwrap()
    }

    #[test]
    fn the_table_rises_to_the_largest_value() {
        let text = table((1..=1_000).map(|ms| ms * 1_000_000));
        let rows: Vec<Vec<f64>> = text
            .lines()
            .skip(2)
            .take_while(|line| !line.starts_with('#'))
            .map(|line| line.split_whitespace().map(|word| word.parse().unwrap()).collect())
            .collect();
        assert!(rows.windows(2).all(|pair| pair[0][0] <= pair[1][0] && pair[0][1] < pair[1][1]), "{text}");
        let median = rows.iter().find(|row| row[1] == 0.5).unwrap();
        assert!((median[0] - 500.0).abs() < 1.0 && median[2] == 500.0, "{median:?}");
        assert_eq!(rows.last().unwrap(), &[1_000.0, 1.0, 1_000.0]);
        assert!(text.contains("Total count    =         1000]"), "{text}");
    }

    #[test]
    fn nothing_delivered_is_an_empty_table() {
        assert!(table(std::iter::empty()).contains("Total count    =            0]"));
    }
}
