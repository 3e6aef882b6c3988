//! Times for columns: milliseconds as far as they fit, so that what stands below each other compares.

use crate::units::human::{count, grouped, significant};

/// Nanoseconds as milliseconds in three digits for a column of seven: `0.061`, `6.10`, `310`, `12 345`, `600s`.
pub(super) fn ms(nanos: u64) -> String {
    let value = nanos as f64 / 1e6;
    if value < 0.9995 {
        format!("{value:.3}")
    } else if value < 999.5 {
        significant(value, 3)
    } else if value < 99_999.5 {
        grouped(value.round() as u64)
    } else {
        format!("{:.0}s", value / 1e3)
    }
}

/// A time with its unit: `0.550 ms`, `84.0 ms`, `14.2 s`.
pub(super) fn time(nanos: f64) -> String {
    if nanos < 999.5e6 {
        return format!("{} ms", ms(nanos.max(0.0).round() as u64));
    }
    let seconds = nanos / 1e9;
    if seconds < 999.5 { format!("{} s", significant(seconds, 3)) } else { format!("{} s", count(seconds as u64)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_digits_are_three_digits() {
        let cases = [
            (0, "0.000"),
            (61_000, "0.061"),
            (999_400, "0.999"),
            (999_600, "1.00"),
            (6_104_000, "6.10"),
            (9_996_000, "10.0"),
            (19_440_000, "19.4"),
            (310_000_000, "310"),
            (12_345_000_000, "12 345"),
            (3_600_000_000_000, "3600s"),
        ];
        for (nanos, text) in cases {
            assert_eq!(ms(nanos), text);
        }
        assert_eq!(
            [time(84e6), time(550e3), time(14.2e9), time(5_000e9)],
            ["84.0 ms", "0.550 ms", "14.2 s", "5 000 s"]
        );
    }
}
