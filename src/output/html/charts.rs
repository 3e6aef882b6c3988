//! The charts of a result.

use super::axis::Axis;
use super::chart::{Chart, Series, Shape};
use crate::metrics::Histogram;
use crate::output::number::{ms, time};
use crate::report::{Distribution, Fault, Point, Report, Summary};
use crate::units::human::{clock, column, count, grouped};

/// Steps of the percentile curves for each nine.
const STEPS: u32 = 12;

/// Bars of a herd; more bins are folded.
const BARS: usize = 120;

/// Faults that get a chart of their own.
const HERDS: usize = 24;

/// Round lengths of time, in seconds.
const ROUND: [f64; 18] = [
    0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 15.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1_800.0, 3_600.0, 7_200.0, 14_400.0,
    28_800.0,
];

const OWN: [(&str, &str); 2] = [("cross", "another instance"), ("same", "same instance")];

/// All of them.
pub(super) fn all(report: &Report) -> String {
    let charts = [percentiles(report), latency(report), rates(report)];
    let herds = report.faults.iter().filter(|fault| fault.herd.iter().any(|bin| *bin > 0)).take(HERDS).map(herd);
    charts.into_iter().flatten().chain(herds).map(|chart| chart.figure()).collect()
}

/// How long until it arrived, from the first copy to the last: to another instance, to the same, to everyone.
fn percentiles(report: &Report) -> Option<Chart> {
    let mut curves: Vec<(&str, usize, &Distribution)> = Vec::new();
    for (colour, (hop, name)) in OWN.into_iter().enumerate() {
        curves.extend(report.distribution_with("delivery", "hop", hop).map(|found| (name, colour, found)));
    }
    if curves.is_empty() {
        curves.extend(report.distribution("delivery").map(|found| ("all copies", 1, found)));
    }
    curves.extend(report.distribution("completion").map(|found| ("everyone has it", 2, found)));
    let most = curves.iter().map(|(.., entry)| entry.count).max()?;
    let x = Axis::quantiles(most);
    let places = quantiles(x.end());
    let series: Vec<Series> = curves.iter().map(|(name, colour, entry)| curve(name, *colour, entry, &places)).collect();
    let y = latency_axis(&series)?;
    // As many digits as there are nines.
    let digits = |q: f64| -(1.0 - q).log10() as usize;
    let name = |q: &f64| (*q, format!("{:.*} % within", digits(*q), q * 100.0));
    Some(Chart {
        title: "How long until it arrived".to_owned(),
        caption: "share of the copies that had arrived, by time since they were due (ms, log)".to_owned(),
        places: places.iter().map(name).collect(),
        x,
        y,
        series,
        shape: Shape::Lines,
        bands: Vec::new(),
        marks: Vec::new(),
    })
}

/// Quantiles that are equally far apart on the axis.
fn quantiles(end: f64) -> Vec<f64> {
    let nines = -(1.0 - end).log10();
    let steps = (nines * f64::from(STEPS)).round() as u32;
    (0..=steps).map(|step| 1.0 - 0.1f64.powf(f64::from(step) / f64::from(STEPS))).collect()
}

fn curve(name: &str, colour: usize, entry: &Distribution, places: &[f64]) -> Series {
    let whole = entry.decode();
    let value = |q: &f64| {
        // Beyond what so many values can tell, a quantile is only the largest of them.
        let known = (1.0 - q) * entry.count as f64 >= 0.999;
        let nanos = known.then(|| quantile(whole.as_ref(), entry, *q))??;
        Some((nanos as f64 / 1e6, format!("{} ms", ms(nanos))))
    };
    Series { name: name.to_owned(), colour, values: places.iter().map(value).collect() }
}

/// Of a distribution that was not kept, the next lower of the figures that were.
fn quantile(whole: Option<&Histogram>, entry: &Distribution, q: f64) -> Option<u64> {
    if let Some(whole) = whole {
        return Some(whole.quantile(q).clamp(entry.min, entry.max));
    }
    let Summary { min, p50, p90, p95, p99, p99_9, .. } = entry.summary();
    let figures = [(0.0, min), (0.5, p50), (0.9, p90), (0.95, p95), (0.99, p99), (0.999, p99_9)];
    figures.into_iter().rev().find(|(known, _)| *known <= q + 1e-9).map(|(_, value)| value)
}

fn latency_axis(series: &[Series]) -> Option<Axis> {
    let values = || series.iter().flat_map(|series| series.values.iter().flatten()).map(|(value, _)| *value);
    let least = values().fold(f64::INFINITY, f64::min).max(0.001);
    let most = values().fold(0.0, f64::max);
    least.is_finite().then(|| Axis::log(least, most, trimmed))
}

/// Median, 99th percentile and slowest, over the run.
fn latency(report: &Report) -> Option<Chart> {
    let figure = |name: &str, colour: usize, pick: fn(&Summary) -> u64| {
        let value = |point: &Point| {
            let nanos = pick(point.histograms.get("delivery")?);
            Some((nanos as f64 / 1e6, format!("{} ms", ms(nanos))))
        };
        Series { name: name.to_owned(), colour, values: report.series.iter().map(value).collect() }
    };
    let series = vec![
        figure("median", 1, |summary| summary.p50),
        figure("p99", 0, |summary| summary.p99),
        figure("slowest", 2, |summary| summary.max),
    ];
    let y = latency_axis(&series)?;
    over_time(report, "Latency over time", "ms, log; shaded from a fault until all are back", y, series)
}

/// Copies per second.
fn rates(report: &Report) -> Option<Chart> {
    let rate = |name: &str, colour: usize, counter: &str| {
        let value = |point: &Point| {
            let seconds = point.span_ns as f64 / 1e9;
            let gained = point.counters.get(counter).copied().unwrap_or(0);
            (seconds > 0.0)
                .then(|| (gained as f64 / seconds, format!("{}/s", count((gained as f64 / seconds).round() as u64))))
        };
        Series { name: name.to_owned(), colour, values: report.series.iter().map(value).collect() }
    };
    let mut series = vec![rate("due", 2, "deliveries.due"), rate("delivered", 1, "deliveries.delivered")];
    if report.counter("deliveries.lost") > 0 {
        series.push(rate("lost", 0, "deliveries.lost"));
    }
    let most = series.iter().flat_map(|series| series.values.iter().flatten()).map(|(value, _)| *value);
    let y = Axis::linear(most.fold(1.0, f64::max), |at| column(at as u64));
    over_time(report, "Copies per second", "what was due, and what arrived", y, series)
}

fn over_time(report: &Report, title: &str, caption: &str, y: Axis, series: Vec<Series>) -> Option<Chart> {
    let end = report.series.last().map(|point| seconds(point.t_ns) + point.span_ns as f64 / 1e9)?;
    let middle = |point: &Point| {
        let at = seconds(point.t_ns) + point.span_ns as f64 / 2e9;
        (at, format!("at {}", clock(point.t_ns + i64::try_from(point.span_ns / 2).unwrap_or(0))))
    };
    let within = |fault: &&Fault| seconds(fault.at_ns) < end;
    let band = |fault: &Fault| (seconds(fault.at_ns), seconds(fault.until_ns).min(end), fault.name.clone());
    Some(Chart {
        title: title.to_owned(),
        caption: caption.to_owned(),
        x: Axis::time(end, &ROUND, |at| clock((at * 1e9) as i64)),
        y,
        places: report.series.iter().map(middle).collect(),
        series,
        shape: Shape::Lines,
        bands: report.faults.iter().filter(within).take(HERDS).map(band).collect(),
        marks: Vec::new(),
    })
}

/// The attempts to come back after a fault.
fn herd(fault: &Fault) -> Chart {
    let each = fault.herd.len().div_ceil(BARS).max(1);
    let bins: Vec<u64> = fault.herd.chunks(each).map(|bins| bins.iter().sum()).collect();
    let width = fault.herd_bin_ns as f64 * each as f64 / 1e9;
    let place = |(number, _): (usize, &u64)| {
        let from = number as f64 * width;
        (from, format!("{} to {} s after it", trimmed(from), trimmed(from + width)))
    };
    let value = |bin: &u64| Some((*bin as f64, format!("{} attempts", grouped(*bin))));
    let end = bins.len() as f64 * width;
    let back = fault.reconnect.back_ns;
    let mark = |(name, nanos): (&str, Option<u64>)| {
        let at = nanos? as f64 / 1e9;
        (at <= end).then(|| (at, format!("{name} back: {}", time(at * 1e9))))
    };
    let marks = [("half", back.p50), ("95 %", back.p95), ("all", back.all)].into_iter().filter_map(mark).collect();
    let what = if fault.what.is_empty() { String::new() } else { format!("{}; ", fault.what) };
    Chart {
        title: format!("Who came back when: {}", fault.name),
        caption: format!("{what}attempts to connect per {} s, by seconds after it", trimmed(width)),
        x: Axis::time(end, &ROUND, trimmed),
        y: Axis::linear(bins.iter().copied().max().unwrap_or(1) as f64, |at| grouped(at as u64)),
        places: bins.iter().enumerate().map(place).collect(),
        series: vec![Series { name: "attempts".to_owned(), colour: 1, values: bins.iter().map(value).collect() }],
        shape: Shape::Bars,
        bands: Vec::new(),
        marks,
    }
}

fn seconds(nanos: i64) -> f64 {
    (nanos as f64 / 1e9).max(0.0)
}

/// A number without zeros that say nothing.
fn trimmed(value: f64) -> String {
    let text = format!("{value:.4}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}
