//! Figures for trackers of benchmarks: Bencher's metric format, and the array github-action-benchmark reads. Smaller is
//! better in all of them.

use std::io::{self, Write};

use serde_json::{Map, Value, json};

use crate::report::{Report, Summary};

/// Distributions that are tracked, with the label that picks a part of them.
const TRACKED: &[(&str, Option<(&str, &str)>)] = &[
    ("delivery", None),
    ("delivery", Some(("hop", "cross"))),
    ("delivery", Some(("hop", "same"))),
    ("completion", None),
    ("reconnect.downtime", None),
];

/// A figure: of what, which, how much in which unit.
struct Figure {
    name: String,
    measure: &'static str,
    value: f64,
    unit: &'static str,
}

/// Bencher Metric Format: benchmark, measure, value.
pub(super) fn write_bmf(report: &Report, to: &mut dyn Write) -> io::Result<()> {
    let mut benchmarks = Map::new();
    for Figure { name, measure, value, .. } in figures(report) {
        let benchmark = benchmarks.entry(format!("{}/{name}", report.scenario.name)).or_insert_with(|| json!({}));
        benchmark[measure] = json!({ "value": value });
    }
    write_pretty(&Value::Object(benchmarks), to)
}

/// The array of github-action-benchmark's tool `customSmallerIsBetter`.
pub(super) fn write_benchmark(report: &Report, to: &mut dyn Write) -> io::Result<()> {
    let extra = format!("{} measured, seed {}", super::number::time(report.measured_ns as f64), report.scenario.seed);
    let entry = |Figure { name, measure, value, unit }: Figure| {
        let name = format!("{}/{name} {measure}", report.scenario.name);
        json!({ "name": name, "unit": unit, "value": value, "extra": extra })
    };
    write_pretty(&Value::Array(figures(report).into_iter().map(entry).collect()), to)
}

fn write_pretty(value: &Value, to: &mut dyn Write) -> io::Result<()> {
    serde_json::to_writer_pretty(&mut *to, value)?;
    to.write_all(b"\n")
}

fn figures(report: &Report) -> Vec<Figure> {
    let mut figures = Vec::new();
    for (metric, part) in TRACKED {
        let (entry, name) = match part {
            None => (report.distribution(metric), (*metric).to_owned()),
            Some((key, value)) => (report.distribution_with(metric, key, value), format!("{metric}{{{key}={value}}}")),
        };
        if let Some(entry) = entry {
            figures.extend(quantiles(&entry.summary()).map(|(measure, nanos)| Figure {
                name: name.clone(),
                measure,
                value: nanos as f64,
                unit: "ns",
            }));
        }
    }
    let count = |name: &str| Figure {
        name: name.to_owned(),
        measure: "count",
        value: report.counter(name) as f64,
        unit: "copies",
    };
    figures.extend(["deliveries.lost", "deliveries.duplicate", "deliveries.reordered"].map(count));
    let delivered = report.counter("deliveries.delivered");
    if delivered > 0 {
        let value = report.generator.cpu_seconds * 1e9 / delivered as f64;
        figures.push(Figure { name: "generator".to_owned(), measure: "cpu_per_delivery", value, unit: "ns" });
    }
    figures
}

/// The quantiles there are enough values for.
fn quantiles(summary: &Summary) -> impl Iterator<Item = (&'static str, u64)> + use<> {
    let all =
        [("p50", 1, summary.p50), ("p90", 10, summary.p90), ("p99", 100, summary.p99), ("p99_9", 1_000, summary.p99_9)];
    let count = summary.count;
    all.into_iter().filter(move |(_, needed, _)| count >= *needed).map(|(name, _, value)| (name, value))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::Broker;
    use crate::report::sample::{HELD, outcome, report};

    fn made(write: fn(&Report, &mut dyn Write) -> io::Result<()>) -> Value {
        let mut text = Vec::new();
        write(&report(&outcome(), Broker::Redis, HELD), &mut text).unwrap();
        serde_json::from_slice(&text).unwrap()
    }

    #[test]
    fn bencher_gets_benchmark_measure_and_value() {
        let made = made(write_bmf);
        for (benchmark, measures) in made.as_object().unwrap() {
            assert!(benchmark.starts_with("chat-staging/"), "{benchmark}");
            for (measure, value) in measures.as_object().unwrap() {
                assert!(value["value"].is_number(), "{benchmark} {measure}: {value}");
            }
        }
        assert!(made["chat-staging/delivery{hop=cross}"]["p99"]["value"].as_f64().unwrap() > 1e6);
        assert_eq!(made["chat-staging/deliveries.lost"]["count"]["value"], 0.0);
        assert_eq!(made["chat-staging/completion"].get("p99_9"), None, "200 values have none");
    }

    #[test]
    fn the_action_gets_name_unit_and_value() {
        let made = made(write_benchmark);
        let entries = made.as_array().unwrap();
        assert!(entries.iter().all(|e| e["name"].is_string() && e["unit"].is_string() && e["value"].is_number()));
        assert!(entries.iter().any(|entry| entry["name"] == "chat-staging/delivery p99" && entry["unit"] == "ns"));
        let mut names: Vec<&str> = entries.iter().map(|entry| entry["name"].as_str().unwrap()).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), entries.len(), "no name twice");
    }
}
