//! Two results side by side on the screen.

use std::io::{self, Write};

use super::layout::{left, paint, wrap};
use crate::output::number::{ms, time};
use crate::report::{COMPARED, Change, Comparison, Shift, Side, Verdict};
use crate::threshold::{Dimension, Met};
use crate::ui::{Palette, fit};
use crate::units::human::{column, count, per_cent, significant};

const NAME: usize = 44;
const FILE: usize = 16;

/// Writes the comparison, and what became of the conditions that were asked.
///
/// # Errors
/// When `to` takes no more.
pub fn write_comparison(compared: &Comparison, met: &[Met], to: &mut dyn Write, palette: Palette) -> io::Result<()> {
    let sections =
        [head(compared, &palette), conditions(met, &palette), shifts(compared, &palette), changes(compared, &palette)];
    for (number, lines) in sections.iter().filter(|lines| !lines.is_empty()).enumerate() {
        if number > 0 {
            writeln!(to)?;
        }
        for line in lines {
            writeln!(to, "{}", line.trim_end())?;
        }
    }
    Ok(())
}

fn head(compared: &Comparison, palette: &Palette) -> Vec<String> {
    let mut lines = vec![paint(palette.head, "Side by side")];
    lines.extend([("base", &compared.base), ("new", &compared.new)].map(|(name, side)| self::side(name, side)));
    if !compared.differences.is_empty() {
        let text = format!("not the same experiment: {}", compared.differences.join("; "));
        let mut wrapped = wrap(&text, "  ", 6);
        if let Some(first) = wrapped.first_mut() {
            *first = paint(palette.warn, first);
        }
        lines.extend(wrapped);
    }
    lines
}

fn side(name: &str, side: &Side) -> String {
    let verdict = match side.verdict {
        _ if !side.complete => "incomplete",
        Verdict::Pass => "pass",
        Verdict::Fail => "fail",
        Verdict::Untrustworthy => "untrustworthy",
    };
    let broker = format!("{:?}", side.environment.broker).to_lowercase();
    let started = side.started.get(..16).unwrap_or(&side.started).replace('T', " ");
    // Of one scenario it is the time that tells two results apart: that is never what is cut.
    let what = format!("{} of {started}", fit(&side.scenario, 12));
    format!("  {name:<5} {} {} {} {verdict}", left(&tail(&side.file), FILE), left(&what, 32), left(&broker, 8))
}

/// The end of a path says more than its beginning.
fn tail(path: &str) -> String {
    let length = path.chars().count();
    match length > FILE {
        true => format!("…{}", path.chars().skip(length - FILE + 1).collect::<String>()),
        false => path.to_owned(),
    }
}

fn conditions(met: &[Met], palette: &Palette) -> Vec<String> {
    if met.is_empty() {
        return Vec::new();
    }
    let row = |one: &Met| {
        let status = if one.met { paint(palette.bad, "FAIL") } else { paint(palette.good, "ok  ") };
        let shown = |value: f64| match one.dimension {
            Dimension::Time => cost(value),
            Dimension::Count | Dimension::Rate | Dimension::Ratio => number(value),
        };
        let figures = format!("{:>10}{:>10}", shown(one.base), shown(one.new));
        format!("  {status}  {}{figures}", left(&one.condition, NAME + 4))
    };
    let title = format!("  {}{:>10}{:>10}", left("Must not be", NAME + 10), "base", "new");
    std::iter::once(paint(palette.head, title.trim_start())).chain(met.iter().map(row)).collect()
}

/// Nanoseconds that were spent: a message's are few, a run's many.
fn cost(nanos: f64) -> String {
    match nanos {
        nanos if !nanos.is_finite() => "-".to_owned(),
        nanos if nanos < 1e7 => format!("{} µs", significant(nanos / 1e3, 3)),
        nanos => time(nanos),
    }
}

/// A count, or a value that is none.
fn number(value: f64) -> String {
    match value {
        value if !value.is_finite() => "-".to_owned(),
        value if value.fract() == 0.0 => count(value as u64),
        value => significant(value, 4),
    }
}

fn shifts(compared: &Comparison, palette: &Palette) -> Vec<String> {
    if compared.shifts.is_empty() {
        return Vec::new();
    }
    let heads: String = COMPARED.iter().map(|(name, _)| format!("{name:>7}")).collect();
    let heads = format!("{}{:>8}{heads}{:>7}", " ".repeat(23), "count", "max");
    let mut lines =
        vec![paint(palette.head, "Where the time went (ms): shown, not judged"), paint(palette.dim, &heads)];
    lines.extend(compared.shifts.iter().flat_map(shift));
    lines.extend(wrap(
        "Two runs at different times differ by more than what they test; `wsbench gate` runs both side by side.",
        "  ",
        3,
    ));
    lines
}

fn shift(shift: &Shift) -> Vec<String> {
    let one = |at: usize| {
        let quantiles = shift.quantiles.iter().map(|pair| pair[at].map_or_else(|| "-".to_owned(), ms));
        let quantiles: String = quantiles.map(|value| format!("{value:>7}")).collect();
        format!("{:>8}{quantiles}{:>7}", column(shift.counts[at]), ms(shift.max[at]))
    };
    let moved: String = shift
        .quantiles
        .iter()
        .map(|pair| match *pair {
            [Some(base), Some(new)] => format!("{:>7}", moved(base as f64, new as f64)),
            _ => format!("{:>7}", "-"),
        })
        .collect();
    let most = moved_of(shift.max);
    vec![
        format!("  {}base{}", left(&shift.name, 17), one(0)),
        format!("  {}new {}", " ".repeat(17), one(1)),
        format!("  {}    {:>8}{moved}{most:>7}", " ".repeat(17), ""),
    ]
}

fn moved_of([base, new]: [u64; 2]) -> String {
    moved(base as f64, new as f64)
}

/// The change as a signed share of what was: `+12 %`, `x 14` where it is many times as much.
fn moved(base: f64, new: f64) -> String {
    if base == new {
        return "=".to_owned();
    }
    if base == 0.0 {
        return "new".to_owned();
    }
    match new / base - 1.0 {
        share if share.abs() < 0.000_5 => "=".to_owned(),
        share if share < 0.0 => format!("-{}%", per_cent(-share)),
        share if share < 9.995 => format!("+{}%", per_cent(share)),
        share => format!("x {:.0}", (share + 1.0).min(9_999.0)),
    }
}

fn changes(compared: &Comparison, palette: &Palette) -> Vec<String> {
    let head = format!("{}{:>12}{:>12}{:>8}", left("What they counted", NAME + 2), "base", "new", "");
    let row = |change: &Change| {
        let shown = |value: f64| match change.unit.as_str() {
            "ns" => cost(value),
            _ => number(value),
        };
        let figures =
            format!("{:>12}{:>12}{:>8}", shown(change.base), shown(change.new), moved(change.base, change.new));
        format!("  {}{figures}", left(&fit(&change.name, NAME), NAME))
    };
    std::iter::once(paint(palette.head, head.trim_end())).chain(compared.changes.iter().map(row)).collect()
}

#[cfg(test)]
#[path = "compare_tests.rs"]
mod tests;
