//! A gate's verdict for eyes, 80 columns wide: the verdict first, then each metric, then why. Its other formats are below.

use std::io::{self, Write};

use super::number::ms;
use super::{Formats, Kind};
use crate::gate::{Finding, Report, Ruling, Verdict};
use crate::ui::{Palette, printable};
use crate::units::human::count;

mod json;
mod junit;

impl Formats for Ruling {
    const KINDS: &'static [Kind<Self>] = &[
        Kind { name: "text", help: "the screen, without colours", write: text },
        Kind { name: "json", help: "the whole report, for machines and for `wsbench report`", write: json::write },
        Kind { name: "junit", help: "JUnit XML, a case per gated metric", write: junit::write },
    ];

    fn write_screen(&self, to: &mut dyn Write, palette: Palette) -> io::Result<()> {
        write_gate(&self.report, to, palette)
    }
}

fn text(ruling: &Ruling, to: &mut dyn Write) -> io::Result<()> {
    write_gate(&ruling.report, to, Palette::plain())
}

fn write_gate(report: &Report, out: &mut dyn Write, palette: Palette) -> io::Result<()> {
    let style = match report.verdict {
        Verdict::NotRegressed => palette.good,
        Verdict::Regressed => palette.bad,
        Verdict::Inconclusive | Verdict::Untrustworthy => palette.warn,
    };
    let verdict = report.verdict.name().to_uppercase();
    let about = &report.about;
    writeln!(out, "{style}{verdict}{}  {}", style.render_reset(), printable(&about.scenario))?;
    for reason in &report.reasons {
        wrapped(out, &printable(reason))?;
    }
    if !report.metrics.is_empty() {
        writeln!(out, "\nHow much later new is (each pair: a block of base, a block of new)")?;
        writeln!(out, "{:7}{:>11}{:>11}{:>9}{:>19}{:>10}", "", "base", "new", "later", "between", "allowed")?;
        report.metrics.iter().try_for_each(|finding| line(out, finding, palette))?;
        writeln!(out, "\nIt could have seen")?;
        for finding in &report.metrics {
            let (detectable, caught) = (percent(finding.detectable), percent(finding.caught));
            writeln!(out, "  {:5} {detectable:>7} at the least; {caught} in nine gates of ten", finding.metric)?;
        }
    }
    writeln!(out, "\nPairs  {} looked at of {} measured", report.looked_at, report.measured)?;
    writeln!(out, "  {} warm-up, {} left out, blocks of {} ms", report.warm_up, report.left_out, about.block_ms)?;
    let sides = [("base", &about.base, &report.base), ("new", &about.new, &report.new)];
    for (name, target, side) in sides {
        let (deliveries, lag) = (count(side.deliveries), ms(side.send_lag_p99_ns));
        writeln!(out, "  {name:5} {deliveries} deliveries, send lag p99 {lag} ms")?;
        wrapped(out, &format!("      {}", printable(target)))?;
    }
    about.notes.iter().try_for_each(|note| wrapped(out, &format!("note: {}", printable(note))))
}

fn line(out: &mut dyn Write, finding: &Finding, palette: Palette) -> io::Result<()> {
    let style = match finding.verdict {
        Verdict::NotRegressed => palette.good,
        Verdict::Regressed => palette.bad,
        Verdict::Inconclusive | Verdict::Untrustworthy => palette.warn,
    };
    let time = |nanos: f64| format!("{} ms", ms(nanos as u64));
    let between = format!("{} .. {}", signed(finding.interval[0]), signed(finding.interval[1]));
    writeln!(
        out,
        "  {:5}{:>11}{:>11}{:>9}{between:>19}{:>10}  {style}{}{}",
        finding.metric,
        time(finding.base),
        time(finding.new),
        signed(finding.effect),
        percent(finding.applied),
        word(finding.verdict),
        style.render_reset(),
    )
}

fn word(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::NotRegressed => "ok",
        Verdict::Regressed => "SLOWER",
        Verdict::Inconclusive | Verdict::Untrustworthy => "open",
    }
}

/// A change, always with one decimal: what was found stands below and beside what was allowed.
fn percent(share: f64) -> String {
    if share.is_finite() { format!("{:.1} %", share * 100.0) } else { "?".to_owned() }
}

fn signed(share: f64) -> String {
    if share.is_finite() { format!("{:+.1} %", share * 100.0) } else { "?".to_owned() }
}

/// Writes `text` in lines of at most 80 columns, two in.
fn wrapped(out: &mut dyn Write, text: &str) -> io::Result<()> {
    let mut line = String::new();
    for word in text.split(' ') {
        if !line.is_empty() && line.chars().count() + 1 + word.chars().count() > 78 {
            writeln!(out, "  {line}")?;
            line.clear();
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    writeln!(out, "  {line}")
}

#[cfg(test)]
mod tests;
