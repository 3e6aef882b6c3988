//! Numbers for eyes: three significant digits and the unit that suits, as the screen and the reports print them. What
//! depends on a column's width is not here but in `output`.

/// `value` in `digits` significant digits, no exponent; all of its whole part.
pub fn significant(value: f64, digits: usize) -> String {
    let whole = |places: usize| format!("{value:.places$}");
    let before = |text: &str| text.trim_start_matches('-').split('.').next().map_or(1, str::len);
    let mut places = digits.saturating_sub(1);
    while places > 0 && before(&whole(places)) + places > digits {
        places -= 1;
    }
    whole(places)
}

/// A time in nanoseconds: `820 ns`, `7.42 ms`, `14.2 s`, `2m 05s`, `1h 02m`.
pub fn duration(nanos: u64) -> String {
    let value = nanos as f64;
    match nanos {
        0 => "0".to_owned(),
        1..1_000 => format!("{nanos} ns"),
        1_000..999_500 => format!("{} us", significant(value / 1e3, 3)),
        999_500..999_500_000 => format!("{} ms", significant(value / 1e6, 3)),
        999_500_000..119_500_000_000 => format!("{} s", significant(value / 1e9, 3)),
        _ => in_minutes((nanos + 500_000_000) / 1_000_000_000),
    }
}

fn in_minutes(seconds: u64) -> String {
    match seconds {
        0..3_600 => format!("{}m {:02}s", seconds / 60, seconds % 60),
        _ => format!("{}h {:02}m", seconds / 3_600, seconds % 3_600 / 60),
    }
}

/// A moment on the run's time axis, in nanoseconds: `0:10.2`, `-0:03.1`.
pub fn moment(nanos: i64) -> String {
    let tenths = nanos.unsigned_abs() / 100_000_000;
    let sign = if nanos < 0 && tenths > 0 { "-" } else { "" };
    format!("{sign}{}:{:02}.{}", tenths / 600, tenths / 10 % 60, tenths % 10)
}

/// The same in whole seconds: `0:10`.
pub fn clock(nanos: i64) -> String {
    let seconds = nanos.unsigned_abs() / 1_000_000_000;
    let sign = if nanos < 0 && seconds > 0 { "-" } else { "" };
    format!("{sign}{}:{:02}", seconds / 60, seconds % 60)
}

/// An amount in a sentence, or wherever there is room: exact below ten million (`180 000`), four digits above (`14.12M`).
pub fn count(amount: u64) -> String {
    exact_below(10_000_000, amount)
}

/// An amount in a table's column of figures, which has seven places: exact below a million (`194 040`), four digits above
/// (`9.612M`). What stands below each other is exact, or too much to be read so.
pub fn column(amount: u64) -> String {
    exact_below(1_000_000, amount)
}

fn exact_below(limit: u64, amount: u64) -> String {
    if amount < limit { grouped(amount) } else { scaled(amount as f64) }
}

fn scaled(amount: f64) -> String {
    const UNITS: [(f64, &str); 3] = [(1e6, "M"), (1e9, "G"), (1e12, "T")];
    let mut shown = String::new();
    for (worth, unit) in UNITS {
        shown = format!("{}{unit}", significant(amount / worth, 4));
        if amount / worth < 999.5 {
            break;
        }
    }
    shown
}

/// `1 warning`, `2 warnings`.
pub fn many(amount: u64, one: &str) -> String {
    if amount == 1 { format!("1 {one}") } else { format!("{} {one}s", count(amount)) }
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
        1_024..1_048_064 => format!("{} KiB", significant(value / 1_024.0, 3)),
        1_048_064..1_073_217_536 => format!("{} MiB", significant(value / 1_048_576.0, 3)),
        _ => format!("{} GiB", significant(value / 1_073_741_824.0, 3)),
    }
}

/// A rate per second, three digits at least: `200/s`, `12 500/s`, `0.50/s`.
pub fn rate(per_second: f64) -> String {
    if per_second < 999.5 {
        format!("{}/s", trimmed(per_second))
    } else {
        format!("{}/s", count(per_second.round() as u64))
    }
}

fn trimmed(value: f64) -> String {
    let text = significant(value, 3);
    match text.split_once('.') {
        Some((whole, fraction)) if fraction.chars().all(|c| c == '0') => whole.to_owned(),
        _ => text,
    }
}

/// A share in per cent: `51 %`, `0.4 %`, `99.9 %`.
pub fn percent(share: f64) -> String {
    format!("{} %", per_cent(share))
}

/// The same without its sign. What is less than the whole never reads as 100.
pub fn per_cent(share: f64) -> String {
    let percent = share * 100.0;
    match percent {
        small if small > 0.0 && small < 9.95 => format!("{small:.1}"),
        most if (99.5..100.0).contains(&most) => format!("{:.1}", most.min(99.9)),
        other => format!("{other:.0}"),
    }
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
        assert_eq!([moment(10_200_000_000), moment(-3_100_000_000), moment(0)], ["0:10.2", "-0:03.1", "0:00.0"]);
        assert_eq!([clock(70_900_000_000), clock(-3_100_000_000), clock(-1)], ["1:10", "-0:03", "0:00"]);
    }

    #[test]
    fn amounts_are_exact_when_small() {
        let printed: Vec<String> =
            [0, 911, 1_204, 9_999, 90_000, 999_600, 14_120_000, 2_000_000_000].into_iter().map(count).collect();
        assert_eq!(printed, ["0", "911", "1 204", "9 999", "90 000", "999 600", "14.12M", "2.000G"]);
        assert_eq!(grouped(14_120_000), "14 120 000");
        assert_eq!([bytes(17), bytes(421_888), bytes(1_572_864)], ["17 B", "412 KiB", "1.50 MiB"]);
        assert_eq!([rate(200.0), rate(0.5), rate(18_000.0), rate(1_204.0)], ["200/s", "0.50/s", "18 000/s", "1 204/s"]);
    }

    #[test]
    fn amounts_keep_their_digits_where_they_are_shortened() {
        assert_eq!([count(9_612_345), count(9_999_999), count(14_120_004)], ["9 612 345", "9 999 999", "14.12M"]);
        assert_eq!([column(999_999), column(9_612_345), column(999_960_000)], ["999 999", "9.612M", "1.000G"]);
        assert!([999_999, 1_000_000, 999_400_000, 1 << 40].iter().all(|amount| column(*amount).len() <= 7));
        assert_eq!([count(999_960_000), count(u64::MAX)], ["1.000G", "18446744T"]);
        assert_eq!([bytes(812), bytes(2_202_009), bytes(1_048_500)], ["812 B", "2.10 MiB", "1.00 MiB"]);
        assert_eq!([rate(999.4), rate(999.7), rate(9_999.7)], ["999/s", "1 000/s", "10 000/s"]);
    }

    #[test]
    fn less_than_the_whole_is_not_all() {
        assert_eq!([percent(0.3), percent(0.51), percent(0.004), percent(0.0)], ["30 %", "51 %", "0.4 %", "0 %"]);
        let nearly: Vec<String> = [0.994, 0.996, 0.999_2, 0.999_999, 1.0, 1.003].into_iter().map(percent).collect();
        assert_eq!(nearly, ["99 %", "99.6 %", "99.9 %", "99.9 %", "100 %", "100 %"]);
    }
}
