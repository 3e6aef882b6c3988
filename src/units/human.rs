//! Numbers for eyes: three significant digits and the unit that suits, as the screen and the reports print them.

/// Three significant digits, no exponent: `7.42`, `84.0`, `310`, `1 204`.
fn three(value: f64) -> String {
    let rounded = |digits: usize| format!("{value:.digits$}");
    let text = rounded(2);
    match text.find('.') {
        Some(1) if value < 9.995 => text,
        _ if value < 99.95 => rounded(1),
        _ => rounded(0),
    }
}

/// A time in nanoseconds: `820 ns`, `7.42 ms`, `14.2 s`, `2m 05s`, `1h 02m`.
pub fn duration(nanos: u64) -> String {
    let value = nanos as f64;
    match nanos {
        0 => "0".to_owned(),
        1..1_000 => format!("{nanos} ns"),
        1_000..999_500 => format!("{} us", three(value / 1e3)),
        999_500..999_500_000 => format!("{} ms", three(value / 1e6)),
        999_500_000..119_500_000_000 => format!("{} s", three(value / 1e9)),
        _ => clock((nanos + 500_000_000) / 1_000_000_000),
    }
}

fn clock(seconds: u64) -> String {
    match seconds {
        0..3_600 => format!("{}m {:02}s", seconds / 60, seconds % 60),
        _ => format!("{}h {:02}m", seconds / 3_600, seconds % 3_600 / 60),
    }
}

/// A time in nanoseconds as bare milliseconds, for a column headed `ms`: `6.10`, `19.4`, `310`.
pub fn millis(nanos: u64) -> String {
    three(nanos as f64 / 1e6)
}

/// An amount: exact below 10,000 (`1 204`), three digits above (`90.0k`, `14.1M`).
pub fn count(amount: u64) -> String {
    let value = amount as f64;
    match amount {
        0..10_000 => grouped(amount),
        10_000..999_500 => format!("{}k", three(value / 1e3)),
        999_500..999_500_000 => format!("{}M", three(value / 1e6)),
        _ => format!("{}G", three(value / 1e9)),
    }
}

/// An amount in full, in groups of three: `14 120 000`.
pub fn grouped(amount: u64) -> String {
    let digits = amount.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(' ');
        }
        text.push(digit);
    }
    text
}

/// A number of bytes: `412 KiB`, `1.50 MiB`.
pub fn bytes(amount: u64) -> String {
    let value = amount as f64;
    match amount {
        0..1_024 => format!("{amount} B"),
        1_024..1_048_064 => format!("{} KiB", three(value / 1_024.0)),
        1_048_064..1_073_217_536 => format!("{} MiB", three(value / 1_048_576.0)),
        _ => format!("{} GiB", three(value / 1_073_741_824.0)),
    }
}

/// A rate per second, three digits: `200/s`, `12.5k/s`, `0.50/s`.
pub fn rate(per_second: f64) -> String {
    if per_second < 9_999.5 {
        format!("{}/s", trimmed(per_second))
    } else {
        format!("{}/s", count(per_second.round() as u64))
    }
}

fn trimmed(value: f64) -> String {
    let text = if value < 1_000.0 { three(value) } else { grouped(value.round() as u64) };
    match text.split_once('.') {
        Some((whole, fraction)) if fraction.chars().all(|c| c == '0') => whole.to_owned(),
        _ => text,
    }
}

/// A share: `0.3` is `30 %`.
pub fn percent(share: f64) -> String {
    format!("{} %", trimmed(share * 100.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_three_digits_and_a_unit() {
        let times = [
            0,
            820,
            1_500,
            999_499,
            999_600,
            7_420_000,
            83_961_000,
            14_200_000_000,
            125_000_000_000,
            3_720_000_000_000,
        ];
        let printed: Vec<String> = times.into_iter().map(duration).collect();
        assert_eq!(
            printed,
            ["0", "820 ns", "1.50 us", "999 us", "1.00 ms", "7.42 ms", "84.0 ms", "14.2 s", "2m 05s", "1h 02m"]
        );
        assert_eq!([millis(6_100_000), millis(9_996_000), millis(310_200_000)], ["6.10", "10.0", "310"]);
    }

    #[test]
    fn amounts_are_exact_when_small() {
        let printed: Vec<String> =
            [0, 911, 1_204, 9_999, 90_000, 999_600, 14_120_000, 2_000_000_000].into_iter().map(count).collect();
        assert_eq!(printed, ["0", "911", "1 204", "9 999", "90.0k", "1.00M", "14.1M", "2.00G"]);
        assert_eq!(grouped(14_120_000), "14 120 000");
        assert_eq!([bytes(17), bytes(421_888), bytes(1_572_864)], ["17 B", "412 KiB", "1.50 MiB"]);
        assert_eq!([rate(200.0), rate(0.5), rate(18_000.0), rate(1_204.0)], ["200/s", "0.50/s", "18.0k/s", "1 204/s"]);
        assert_eq!([percent(0.3), percent(0.666)], ["30 %", "66.6 %"]);
    }
}
