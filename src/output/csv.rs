//! Every counter and distribution as a row, for spreadsheets and data frames. Times are in nanoseconds.

use std::collections::BTreeMap;
use std::io::{self, Write};

use crate::report::{Distribution, Report};

const COLUMNS: [&str; 12] =
    ["name", "labels", "unit", "value", "count", "min", "mean", "p50", "p90", "p95", "p99", "p99_9"];

pub(super) fn write(report: &Report, to: &mut dyn Write) -> io::Result<()> {
    let mut table = csv::Writer::from_writer(to);
    table.write_record(COLUMNS.iter().copied().chain(["max"]))?;
    for counter in &report.counters {
        let (labels, value) = (labels(&counter.labels), counter.value.to_string());
        let empty = [""; COLUMNS.len() - 3];
        table.write_record([counter.name.as_str(), &labels, "count", &value].into_iter().chain(empty))?;
    }
    for distribution in &report.histograms {
        table.write_record(row(distribution))?;
    }
    table.flush()
}

fn row(distribution: &Distribution) -> Vec<String> {
    let summary = distribution.summary();
    let head = [distribution.name.clone(), labels(&distribution.labels), distribution.unit.clone(), String::new()];
    let figures = [summary.p50, summary.p90, summary.p95, summary.p99, summary.p99_9, summary.max];
    let first = [summary.count.to_string(), summary.min.to_string(), summary.mean.to_string()];
    head.into_iter().chain(first).chain(figures.map(|value| value.to_string())).collect()
}

/// `hop=cross;publish=chat`
fn labels(labels: &BTreeMap<String, String>) -> String {
    labels.iter().map(|(key, value)| format!("{key}={value}")).collect::<Vec<_>>().join(";")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::Broker;
    use crate::report::sample::{HELD, outcome, report};

    #[test]
    fn every_entry_is_a_row_with_as_many_fields_as_the_head() {
        let mut report = report(&outcome(), Broker::Redis, HELD);
        report.counters[0].labels.insert("group".to_owned(), "a \"quoted\", name\nof two lines".to_owned());
        let mut text = Vec::new();
        write(&report, &mut text).unwrap();
        let mut table = csv::Reader::from_reader(text.as_slice());
        assert_eq!(table.headers().unwrap().len(), 13);
        let rows: Vec<csv::StringRecord> = table.records().map(Result::unwrap).collect();
        assert_eq!(rows.len(), report.counters.len() + report.histograms.len());
        assert_eq!(&rows[0][1], "group=a \"quoted\", name\nof two lines");
        let cross = rows.iter().find(|row| &row[0] == "delivery" && &row[1] == "hop=cross").unwrap();
        let entry = report.distribution_with("delivery", "hop", "cross").unwrap();
        assert_eq!((&cross[4], &cross[10]), (&*entry.count.to_string(), &*entry.p99.to_string()));
    }
}
