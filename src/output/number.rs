//! Numbers for columns: three significant digits, grouped thousands.

/// `1 204`.
pub(super) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() * 4 / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(' ');
        }
        text.push(digit);
    }
    text
}

/// Exact below ten thousand, then three digits: `9 999`, `90.0k`, `9.61M`.
pub(super) fn short(number: u64) -> String {
    if number < 10_000 {
        return grouped(number);
    }
    scaled(number as f64, 3)
}

/// Exact below ten million, then four digits: `180 000`, `14.12M`.
pub(super) fn long(number: u64) -> String {
    if number < 10_000_000 { grouped(number) } else { scaled(number as f64, 4) }
}

fn scaled(number: f64, digits: usize) -> String {
    const UNITS: [(f64, &str); 4] = [(1e3, "k"), (1e6, "M"), (1e9, "G"), (1e12, "T")];
    let mut shown = String::new();
    for (worth, unit) in UNITS {
        shown = format!("{}{unit}", significant(number / worth, digits));
        if number / worth < 999.5 {
            break;
        }
    }
    shown
}

/// `value` in `digits` significant digits; all of its whole part.
pub(super) fn significant(value: f64, digits: usize) -> String {
    let whole = |places: usize| format!("{value:.places$}");
    let before = |text: &str| text.trim_start_matches('-').split('.').next().map_or(1, str::len);
    let mut places = digits.saturating_sub(1);
    while places > 0 && before(&whole(places)) + places > digits {
        places -= 1;
    }
    whole(places)
}

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
    if seconds < 999.5 { format!("{} s", significant(seconds, 3)) } else { format!("{} s", long(seconds as u64)) }
}

/// A moment on the run's time axis: `0:10.2`, `-0:03.1`.
pub(super) fn moment(nanos: i64) -> String {
    let tenths = nanos.unsigned_abs() / 100_000_000;
    let sign = if nanos < 0 && tenths > 0 { "-" } else { "" };
    format!("{sign}{}:{:02}.{}", tenths / 600, tenths / 10 % 60, tenths % 10)
}

/// The same in whole seconds: `0:10`.
pub(super) fn clock(nanos: i64) -> String {
    let seconds = nanos.unsigned_abs() / 1_000_000_000;
    let sign = if nanos < 0 && seconds > 0 { "-" } else { "" };
    format!("{sign}{}:{:02}", seconds / 60, seconds % 60)
}

/// A share of `whole` in per cent: `51 %`, `0.4 %`.
pub(super) fn percent(share: f64) -> String {
    let percent = share * 100.0;
    if percent > 0.0 && percent < 9.95 { format!("{percent:.1} %") } else { format!("{percent:.0} %") }
}

/// A file's size.
pub(super) fn size(bytes: u64) -> String {
    const KIB: f64 = 1024.0;
    match bytes as f64 {
        small if small < KIB => format!("{bytes} B"),
        medium if medium < KIB * KIB => format!("{} KiB", significant(medium / KIB, 3)),
        large => format!("{} MiB", significant(large / KIB / KIB, 3)),
    }
}

/// `1 warning`, `2 warnings`.
pub(super) fn many(number: u64, one: &str) -> String {
    if number == 1 { format!("1 {one}") } else { format!("{} {one}s", long(number)) }
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
        assert_eq!([short(9_999), short(90_000), short(9_612_345)], ["9 999", "90.0k", "9.61M"]);
        assert_eq!([short(999_999), short(99_960), short(u64::MAX)], ["1.00M", "100k", "18446744T"]);
        assert_eq!([long(1_204), long(9_999_999), long(14_120_004)], ["1 204", "9 999 999", "14.12M"]);
        assert_eq!(
            [time(84e6), time(550e3), time(14.2e9), time(5_000e9)],
            ["84.0 ms", "0.550 ms", "14.2 s", "5 000 s"]
        );
        assert_eq!([moment(10_200_000_000), moment(-3_100_000_000), moment(0)], ["0:10.2", "-0:03.1", "0:00.0"]);
        assert_eq!([clock(70_900_000_000), clock(-3_100_000_000), clock(-1)], ["1:10", "-0:03", "0:00"]);
        assert_eq!([percent(0.51), percent(0.004), percent(0.0)], ["51 %", "0.4 %", "0 %"]);
        assert_eq!([size(812), size(421_888), size(2_202_009)], ["812 B", "412 KiB", "2.10 MiB"]);
    }
}
