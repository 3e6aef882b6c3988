//! The tables of the page.

use crate::output::figures::{HEADS, figures, way};
use crate::output::markup::xml;
use crate::output::number::ms;
use crate::output::rule::{bound, key, margin, place, value};
use crate::output::words;
use crate::report::{Fault, Report, Threshold};
use crate::units::human::{bytes, clock, column, count, grouped, moment, percent};

/// Rows of a table; the rest is counted.
const ROWS: usize = 400;

/// Bytes of a text from a stranger.
const LONGEST: usize = 2_000;

/// A table under a heading; nothing without rows. A head that begins with `#` is a column of numbers.
fn table(title: &str, heads: &[&str], rows: Vec<Vec<String>>) -> String {
    if rows.is_empty() {
        return String::new();
    }
    let number = |head: &str| head.starts_with('#');
    let head = |head: &&str| match head.strip_prefix('#') {
        Some(head) => format!("<th class=\"n\">{head}</th>"),
        None => format!("<th>{head}</th>"),
    };
    let heads_shown: String = heads.iter().map(head).collect();
    let cell = |(at, cell): (usize, &String)| {
        let class = if heads.get(at).is_some_and(|head| number(head)) { " class=\"n\"" } else { "" };
        format!("<td{class}>{cell}</td>")
    };
    let row = |row: &Vec<String>| format!("<tr>{}</tr>\n", row.iter().enumerate().map(cell).collect::<String>());
    let shown: String = rows.iter().take(ROWS).map(row).collect();
    let rest = match rows.len().checked_sub(ROWS) {
        None | Some(0) => String::new(),
        Some(rest) => format!("<p class=\"quiet\">and {rest} more</p>\n"),
    };
    format!(
        "<h2>{}</h2>\n<div class=\"scroll\"><table>\n<tr>{heads_shown}</tr>\n{shown}</table></div>\n{rest}",
        xml(title)
    )
}

/// A stranger's text, cut where it is longer than anybody reads.
fn text(text: &str) -> String {
    let end = (0..=text.len().min(LONGEST)).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
    let cut = if end < text.len() { "…" } else { "" };
    format!("{}{cut}", xml(&text[..end]))
}

/// Longer names do not fit into a column of a phone.
const FITS: usize = 16;

/// Escaped text that breaks behind dots and slashes before it breaks anywhere else.
fn breakable(escaped: &str) -> String {
    if escaped.len() <= FITS {
        return escaped.to_owned();
    }
    escaped.replace('.', ".<wbr>").replace('/', "/<wbr>")
}

pub(super) fn thresholds(report: &Report) -> String {
    let row = |rule: &Threshold| {
        let verdict = if rule.ok { "<span class=\"good\">ok</span>" } else { "<b class=\"bad\">FAIL</b>" };
        let place = format!("<small>{}</small>", breakable(&text(&place(rule, &report.scenario.path))));
        let metric = format!("<code>{}</code>{place}", breakable(&text(&key(rule))));
        // An operator stays with its number.
        let bound = format!("<code class=\"rule\">{}</code>", text(&bound(rule)).replacen(' ', "\u{a0}", 1));
        vec![verdict.to_owned(), metric, bound, value(rule), margin(rule)]
    };
    let mut rules: Vec<&Threshold> = report.thresholds.iter().collect();
    rules.sort_by_key(|rule| rule.ok);
    table("Thresholds", &["", "what", "must be", "#found", "#margin"], rules.into_iter().map(row).collect())
}

pub(super) fn arrivals(report: &Report) -> String {
    let heads = HEADS.map(|head| format!("#{head}"));
    let heads: Vec<&str> = ["publish", "to"].into_iter().chain(heads.iter().map(String::as_str)).collect();
    let rows = report.arrivals.iter().filter(|row| row.summary.count > 0).map(|row| {
        let figures = figures(&row.summary);
        [text(&row.publish), way(row.path).to_owned()].into_iter().chain(figures).collect()
    });
    let mut shown = table("How long until it arrived (ms, from the moment it was due)", &heads, rows.collect());
    if let Some(adds) = report.instance_adds_median_ns {
        let (size, side) = (ms(adds.unsigned_abs()), if adds < 0 { "was faster by" } else { "adds" });
        shown.push_str(&format!("<p class=\"quiet\">another instance {side} {size} ms (median)</p>\n"));
    }
    shown
}

pub(super) fn identity(report: &Report) -> String {
    let sides = report.identity;
    let [due, delivered, lost, excluded] = [sides.due, sides.delivered, sides.lost, sides.excluded].map(grouped);
    let equal = if sides.holds { "=" } else { "<b class=\"bad\">≠</b>" };
    let by = |name: &str, key: &str| {
        let parts = report.counter_by(name, key);
        let parts: Vec<String> = parts
            .iter()
            .map(|(word, number)| format!("{} {}", text(&word.replace('_', " ")), count(*number)))
            .collect();
        if parts.is_empty() { String::new() } else { format!(" ({})", parts.join(", ")) }
    };
    let (classes, reasons) = (by("deliveries.lost", "class"), by("deliveries.excluded", "reason"));
    let beside = ["duplicate", "reordered", "misrouted", "ghost", "late", "replayed"];
    let beside = beside.map(|name| format!("{name} {}", count(report.counter(&format!("deliveries.{name}")))));
    format!(
        "<h2>Did it arrive</h2>\n<p class=\"identity\">due {due} {equal} delivered {delivered} + lost {lost}{classes} + \
         excluded {excluded}{reasons}</p>\n<p class=\"quiet\">{}</p>\n",
        beside.join(" · ")
    )
}

pub(super) fn faults(report: &Report) -> String {
    let heads = [
        "fault",
        "#when",
        "#lost",
        "#half back",
        "#95 % back",
        "#all back",
        "#never",
        "#missed",
        "#replayed",
        "#bystanders' p99",
    ];
    table("What broke, and who came back", &heads, report.faults.iter().map(fault).collect())
}

fn fault(fault: &Fault) -> Vec<String> {
    let back = |nanos: Option<u64>| nanos.map_or_else(|| "-".to_owned(), |nanos| format!("{} ms", ms(nanos)));
    let returns = &fault.reconnect;
    let causes: Vec<String> = returns
        .causes
        .iter()
        .take(4)
        .map(|cause| format!("{} {}", count(cause.count), text(&words::kind(&cause.kind))))
        .collect();
    let mut what = text(&fault.what);
    if let Some(failure) = &fault.failure {
        what.push_str(&format!("; <b class=\"bad\">not carried out: {}</b>", text(failure)));
    }
    if !causes.is_empty() {
        what.push_str(&format!("; ended: {}", causes.join(", ")));
    }
    let near = |nanos: Option<u64>| nanos.map_or_else(|| "-".to_owned(), ms);
    let bystanders = [fault.bystanders.before, fault.bystanders.during, fault.bystanders.after].map(near).join(" → ");
    vec![
        format!("{}<small>{what}</small>", text(&fault.name)),
        format!("{} to {}", clock(fault.at_ns), clock(fault.until_ns)),
        column(returns.lost),
        back(returns.back_ns.p50),
        back(returns.back_ns.p95),
        back(returns.back_ns.all),
        column(returns.never),
        column(returns.missed),
        column(returns.replayed),
        bystanders,
    ]
}

pub(super) fn errors(report: &Report) -> String {
    let rows = report.errors.iter().map(|failure| {
        let first = failure.first.as_ref().map_or_else(String::new, |first| {
            format!("{}, {}<small>{}</small>", moment(first.at_ns), text(&first.client), text(&first.detail))
        });
        vec![column(failure.count), text(&failure.stage), text(&words::kind(&failure.kind)), first]
    });
    let mut shown = table("Errors", &["#count", "stage", "kind", "first"], rows.collect());
    if !report.unknown_frames.is_empty() {
        let frames: Vec<String> = report.unknown_frames.iter().take(10).map(|frame| text(frame)).collect();
        shown.push_str(&format!(
            "<h2>Frames that were not understood, the first</h2>\n<pre>{}</pre>\n",
            frames.join("\n")
        ));
    }
    shown
}

pub(super) fn generator(report: &Report) -> String {
    let generator = &report.generator;
    let word =
        if generator.healthy { "<span class=\"good\">healthy</span>" } else { "<b class=\"warn\">untrustworthy</b>" };
    let reasons: String =
        generator.reasons.iter().take(20).map(|reason| format!("<li>{}</li>\n", text(reason))).collect();
    let reasons = if reasons.is_empty() { reasons } else { format!("<ul>\n{reasons}</ul>\n") };
    let cores = f64::from(generator.cores.max(1));
    let lag = report.distribution("send_lag");
    let lag = lag.map_or_else(|| "unknown".to_owned(), |lag| format!("{} ms, p99 {} ms", ms(lag.p50), ms(lag.p99)));
    let facts = [
        ("clients", count(generator.clients)),
        ("cpu", format!("{} of {} cores", percent(generator.cpu_share / cores), generator.cores)),
        ("cpu seconds", format!("{:.2}", generator.cpu_seconds)),
        ("stolen by the hypervisor", percent(generator.steal_share)),
        ("memory at most", bytes(generator.rss_peak_bytes)),
        ("send lag, median", lag),
        ("sends more than 10 ms late", count(generator.sends_late)),
        ("loop lag p99", format!("{} ms", ms(generator.loop_lag_p99_ns))),
        ("hiccups p99", format!("{} ms", ms(generator.hiccup_p99_ns))),
        ("waited for a core", format!("{:.2} s", generator.run_queue_wait_seconds)),
        ("files open at most", format!("{} of {}", count(generator.fds_used), count(generator.fds_limit))),
        ("messages unsent", count(report.counter("messages.unsent"))),
    ];
    let fact = |(name, value): &(&str, String)| format!("<div><dt>{name}</dt><dd>{value}</dd></div>\n");
    let facts: String = facts.iter().map(fact).collect();
    let instances: Vec<String> = report
        .instances
        .iter()
        .take(40)
        .map(|instance| format!("{} {}", text(&instance.name), count(instance.clients)))
        .collect();
    let instances = match instances.is_empty() {
        true => String::new(),
        false => format!("<p class=\"quiet\">clients per instance: {}</p>\n", instances.join(" · ")),
    };
    format!(
        "<h2>Generator</h2>\n<p>The generator was {word}.</p>\n{reasons}<dl class=\"facts\">\n{facts}</dl>\n{instances}"
    )
}
