//! OpenMetrics text, for a push gateway or a text-file collector. Times are in seconds, as that world has them.
//!
//! A family holds its total and its parts by each label side by side, as the result does: sum over one label, not over
//! all samples.

use std::collections::BTreeMap;
use std::io::{self, Write};

use crate::metrics::{METRICS, Metric};
use crate::report::{Distribution, Generator, Report, Summary, Verdict};

pub(super) fn write(report: &Report, to: &mut dyn Write) -> io::Result<()> {
    let verdict = match report.verdict {
        Verdict::Pass => "pass",
        Verdict::Fail => "fail",
        Verdict::Untrustworthy => "untrustworthy",
    };
    run(report, &[("verdict", verdict)], to)?;
    recorded(report, to)?;
    gauges(&generator(&report.generator), to)?;
    writeln!(to, "# EOF")
}

/// The same of a run that goes on: without the verdict and the generator's figures, which only its end gives. Thresholds
/// are judged as if it ended now.
pub fn write_so_far(report: &Report, to: &mut dyn Write) -> io::Result<()> {
    run(report, &[], to)?;
    recorded(report, to)?;
    let clients = report.generator.clients as f64;
    gauges(&[("clients", clients, "clients in all their rooms")], to)?;
    writeln!(to, "# EOF")
}

fn recorded(report: &Report, to: &mut dyn Write) -> io::Result<()> {
    for metric in METRICS {
        counters(report, metric, to)?;
        summaries(report, metric, to)?;
    }
    thresholds(report, to)
}

/// `reconnect.downtime` as `wsbench_reconnect_downtime`.
fn family(name: &str) -> String {
    format!("wsbench_{}", name.replace('.', "_"))
}

fn run(report: &Report, verdict: &[(&str, &str)], to: &mut dyn Write) -> io::Result<()> {
    let seed = report.scenario.seed.to_string();
    let mut labels = vec![("scenario", report.scenario.name.as_str()), ("seed", &seed)];
    labels.extend(verdict);
    labels.extend([("wsbench", report.environment.wsbench.as_str()), ("started", &report.started)]);
    writeln!(to, "# TYPE wsbench_run info\n# HELP wsbench_run What ran, and what it came to.")?;
    writeln!(to, "wsbench_run_info{} 1", braced(&labels))
}

fn counters(report: &Report, metric: &Metric, to: &mut dyn Write) -> io::Result<()> {
    let mut entries = report.counters.iter().filter(|counter| counter.name == metric.name).peekable();
    if entries.peek().is_none() {
        return Ok(());
    }
    let family = family(metric.name);
    writeln!(to, "# TYPE {family} counter\n# HELP {family} {}.", escaped(metric.help))?;
    for entry in entries {
        writeln!(to, "{family}_total{} {}", braced(&pairs(&entry.labels)), entry.value)?;
    }
    Ok(())
}

fn summaries(report: &Report, metric: &Metric, to: &mut dyn Write) -> io::Result<()> {
    let mut entries = report.histograms.iter().filter(|entry| entry.name == metric.name).peekable();
    if entries.peek().is_none() {
        return Ok(());
    }
    let family = format!("{}_seconds", family(metric.name));
    writeln!(to, "# TYPE {family} summary\n# UNIT {family} seconds\n# HELP {family} {}.", escaped(metric.help))?;
    entries.try_for_each(|entry| summary(&family, entry, to))
}

fn summary(family: &str, entry: &Distribution, to: &mut dyn Write) -> io::Result<()> {
    let Summary { count, mean, p50, p90, p95, p99, p99_9, .. } = entry.summary();
    let labels = pairs(&entry.labels);
    for (quantile, nanos) in [("0.5", p50), ("0.9", p90), ("0.95", p95), ("0.99", p99), ("0.999", p99_9)] {
        let with: Vec<(&str, &str)> = labels.iter().copied().chain([("quantile", quantile)]).collect();
        writeln!(to, "{family}{} {}", braced(&with), nanos as f64 / 1e9)?;
    }
    let labels = braced(&labels);
    writeln!(to, "{family}_count{labels} {count}\n{family}_sum{labels} {}", mean * count as f64 / 1e9)
}

fn thresholds(report: &Report, to: &mut dyn Write) -> io::Result<()> {
    if report.thresholds.is_empty() {
        return Ok(());
    }
    let family = "wsbench_threshold_ok";
    writeln!(to, "# TYPE {family} gauge\n# HELP {family} 1 where the threshold holds, else 0.")?;
    for (number, rule) in report.thresholds.iter().enumerate() {
        // The number keeps two rules of the same words apart.
        let number = number.to_string();
        let during = rule.during.as_deref().unwrap_or_default();
        let labels = [("metric", rule.metric.as_str()), ("rule", &rule.rule), ("during", during), ("number", &number)];
        writeln!(to, "{family}{} {}", braced(&labels), u8::from(rule.ok))?;
    }
    Ok(())
}

type Gauge = (&'static str, f64, &'static str);

fn generator(generator: &Generator) -> [Gauge; 6] {
    [
        ("healthy", f64::from(u8::from(generator.healthy)), "1 where the measurement can be believed, else 0"),
        ("cpu_seconds", generator.cpu_seconds, "CPU seconds of the generator in the measured phase"),
        ("rss_peak_bytes", generator.rss_peak_bytes as f64, "largest resident size of the generator"),
        ("clients", generator.clients as f64, "clients at their most"),
        ("loop_lag_p99_seconds", generator.loop_lag_p99_ns as f64 / 1e9, "how late a worker's loop came round"),
        ("sends_late", generator.sends_late as f64, "publications sent more than 10 ms after they were due"),
    ]
}

fn gauges(gauges: &[Gauge], to: &mut dyn Write) -> io::Result<()> {
    for (name, value, help) in gauges {
        let family = format!("wsbench_generator_{name}");
        writeln!(to, "# TYPE {family} gauge\n# HELP {family} {help}.\n{family} {value}")?;
    }
    Ok(())
}

fn pairs(labels: &BTreeMap<String, String>) -> Vec<(&str, &str)> {
    labels.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect()
}

fn braced(labels: &[(&str, &str)]) -> String {
    if labels.is_empty() {
        return String::new();
    }
    let pair = |(key, value): &(&str, &str)| format!("{key}=\"{}\"", escaped(value));
    format!("{{{}}}", labels.iter().map(pair).collect::<Vec<_>>().join(","))
}

/// A label's value, or a help text, as the format wants it.
fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::Broker;
    use crate::report::sample::{HELD, report, storm, stormy};

    fn made(report: &Report) -> String {
        let mut text = Vec::new();
        write(report, &mut text).unwrap();
        String::from_utf8(text).unwrap()
    }

    #[test]
    fn every_sample_belongs_to_the_family_announced_last_and_none_is_there_twice() {
        let text = made(&report(&stormy(vec![storm()]), Broker::Redis, HELD));
        let (mut family, mut families, mut samples) = ("", Vec::new(), Vec::new());
        for line in text.lines().filter(|line| *line != "# EOF") {
            if let Some(announced) = line.strip_prefix("# TYPE ") {
                family = announced.split(' ').next().unwrap();
                families.push(family);
            } else if !line.starts_with('#') {
                let (name, value) = line.rsplit_once(' ').unwrap();
                assert!(name.starts_with(family) && value.parse::<f64>().is_ok(), "{line}");
                samples.push(name);
            }
        }
        assert!(text.ends_with("\n# EOF\n") && families.len() > 20, "{families:?}");
        for mut names in [families, samples] {
            let number = names.len();
            names.sort_unstable();
            names.dedup();
            assert_eq!(names.len(), number);
        }
        assert!(text.contains("\nwsbench_deliveries_due_total{group=\"listeners\"} "), "{text}");
        assert!(text.contains("\nwsbench_delivery_seconds{hop=\"cross\",quantile=\"0.99\"} 0."), "{text}");
    }

    #[test]
    fn a_run_that_goes_on_has_the_same_figures_and_no_last_word() {
        let report = report(&stormy(vec![storm()]), Broker::Redis, HELD);
        let mut text = Vec::new();
        write_so_far(&report, &mut text).unwrap();
        let (live, whole) = (String::from_utf8(text).unwrap(), made(&report));
        let last_word = |line: &&str| line.starts_with("wsbench_generator_") || line.starts_with("wsbench_run_info");
        let figures = |text: &str| -> Vec<String> {
            text.lines().filter(|line| !line.starts_with('#') && !last_word(line)).map(str::to_owned).collect()
        };
        assert_eq!(figures(&live), figures(&whole));
        assert!(figures(&live).len() > 20 && live.ends_with("\n# EOF\n"), "{live}");
        for unknown in ["verdict=", "_healthy", "cpu_seconds", "sends_late"] {
            assert!(!live.contains(unknown) && whole.contains(unknown), "{unknown}: {live}");
        }
    }

    #[test]
    fn names_cannot_break_out_of_their_quotes() {
        let mut hostile = report(&stormy(vec![storm()]), Broker::Redis, HELD);
        hostile.scenario.name = "a\"} 1\nevil{x=\"\\".to_owned();
        let text = made(&hostile);
        assert!(text.contains("scenario=\"a\\\"} 1\\nevil{x=\\\"\\\\\",seed="), "{text}");
    }
}
