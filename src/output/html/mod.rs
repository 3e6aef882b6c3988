//! One page that needs nothing but itself: verdict, charts, tables, the scenario. It opens offline, prints, and follows
//! the reader's choice of light or dark.
//!
//! Names and messages are strangers' text: all of it passes `markup::xml`, the script sets text only, and the page's own
//! policy allows this script and this style and no request at all.

mod axis;
mod chart;
mod charts;
mod tables;

use std::io::{self, Write};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest as _, Sha256};

use super::markup::xml;
use super::number::time;
use super::verdict::{because, thresholds, warnings, word};
use crate::report::Report;

const STYLE: &str = include_str!("page.css");
const SCRIPT: &str = include_str!("page.js");

/// Bytes of the scenario that are shown: the page stays small whatever was run.
const SCENARIO: usize = 256 << 10;

/// Reasons and warnings that are listed.
const LISTED: usize = 40;

pub(super) fn write(report: &Report, to: &mut dyn Write) -> io::Result<()> {
    let title = format!("{} {}", word(report), xml(&report.scenario.name));
    let policy = format!(
        "default-src 'none'; style-src 'sha256-{}'; script-src 'sha256-{}'; img-src data:; base-uri 'none'; \
         form-action 'none'",
        digest(STYLE),
        digest(SCRIPT)
    );
    writeln!(to, "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">")?;
    writeln!(to, "<meta http-equiv=\"Content-Security-Policy\" content=\"{policy}\">")?;
    writeln!(to, "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">")?;
    writeln!(to, "<meta name=\"generator\" content=\"wsbench {}\">", xml(&report.environment.wsbench))?;
    writeln!(
        to,
        "<link rel=\"icon\" href=\"data:,\">\n<title>{title}</title>\n<style>{STYLE}</style>\n</head>\n<body>"
    )?;
    head(report, to)?;
    write!(to, "{}", tables::thresholds(report))?;
    let charts = charts::all(report);
    if !charts.is_empty() {
        writeln!(to, "<h2>How it went</h2>\n<div class=\"charts\">\n{charts}</div>")?;
    }
    for section in [tables::arrivals, tables::identity, tables::faults, tables::errors, tables::generator] {
        write!(to, "{}", section(report))?;
    }
    scenario(report, to)?;
    writeln!(to, "<script>{SCRIPT}</script>\n</body>\n</html>")
}

fn digest(text: &str) -> String {
    STANDARD.encode(Sha256::digest(text.as_bytes()))
}

fn head(report: &Report, to: &mut dyn Write) -> io::Result<()> {
    let word = word(report);
    let class = match word {
        "PASS" | "DONE" => "good",
        "FAIL" => "bad",
        _ => "warn",
    };
    let name = xml(&report.scenario.name);
    writeln!(to, "<header class=\"{class}\">\n<span class=\"word\">{word}</span> <h1>{name}</h1>")?;
    writeln!(to, "<p>{} · exit {}</p>", thresholds(report), report.exit_code)?;
    let notes = because(report).into_iter().chain(warnings(report).into_iter().map(|text| format!("warning: {text}")));
    let notes: String = notes.take(LISTED).map(|note| format!("<li>{}</li>\n", xml(&note))).collect();
    if !notes.is_empty() {
        writeln!(to, "<ul>\n{notes}</ul>")?;
    }
    let measured = time(report.measured_ns as f64);
    let environment = &report.environment;
    let broker = format!("{:?}", environment.broker).to_lowercase();
    writeln!(
        to,
        "<p class=\"quiet\">{} · {measured} measured · broker {broker}, instances {} · {}, {} cores · seed {}</p>\n</header>",
        xml(&report.started),
        environment.instances,
        xml(&environment.os),
        environment.cores,
        report.scenario.seed
    )
}

fn scenario(report: &Report, to: &mut dyn Write) -> io::Result<()> {
    let scenario = &report.scenario;
    let end = (0..=scenario.text.len().min(SCENARIO)).rev().find(|at| scenario.text.is_char_boundary(*at)).unwrap_or(0);
    let cut = if end < scenario.text.len() { "\n…" } else { "" };
    writeln!(
        to,
        "<h2>The scenario</h2>\n<p class=\"quiet\">{} · sha256 {}</p>",
        xml(&scenario.path),
        xml(&scenario.sha256)
    )?;
    // Line breaks are text here; escaped ones would be the same, and unreadable in the source.
    let text = xml(&scenario.text[..end]).replace("&#10;", "\n").replace("&#9;", "\t");
    writeln!(
        to,
        "<details open>\n<summary>as it was given, before any expansion</summary>\n<pre>{text}{cut}</pre>\n</details>"
    )
}

#[cfg(test)]
mod tests;
