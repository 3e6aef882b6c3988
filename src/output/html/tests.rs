use super::*;
use crate::report::sample::{HELD, outcome, report, storm, stormy};
use crate::report::{Broker, Ending, Failure, Sample};

fn page(report: &Report) -> String {
    let mut text = Vec::new();
    write(report, &mut text).unwrap();
    String::from_utf8(text).unwrap()
}

fn calm() -> Report {
    report(&stormy(vec![storm()]), Broker::Redis, HELD)
}

/// What a stranger may try.
const HOSTILE: &str =
    "</script></style></pre><img src=x onerror=alert(1)>\"'><script>alert(2)</script><!-- &lt; \u{1b}[2J";

/// A report in which every text is hostile.
fn hostile() -> Report {
    let mut report = calm();
    let evil = || HOSTILE.to_owned();
    report.scenario.name = evil();
    report.scenario.path = evil();
    report.scenario.text = evil();
    report.scenario.sha256 = evil();
    report.started = evil();
    report.end = Ending::Failed(evil());
    report.environment.os = evil();
    report.environment.wsbench = evil();
    for rule in &mut report.thresholds {
        (rule.metric, rule.rule, rule.note) = (evil(), evil(), Some(evil()));
        (rule.during, rule.baseline, rule.ok) = (Some(evil()), Some(evil()), false);
    }
    for fault in &mut report.faults {
        (fault.name, fault.what, fault.failure) = (evil(), evil(), Some(evil()));
        fault.reconnect.causes[0].kind = evil();
    }
    report.arrivals[0].publish = evil();
    report.generator.healthy = false;
    report.generator.reasons = vec![evil()];
    report.instances[0].name = evil();
    report.unknown_frames = vec![evil()];
    let first = Some(Sample { detail: evil(), at_ns: 1, client: evil() });
    report.errors = vec![Failure { stage: evil(), kind: evil(), count: 1, first }];
    report
}

#[test]
fn the_page_says_first_what_came_of_it() {
    let text = page(&report(&outcome(), Broker::Redis, &[("delivery.p99", "< 1ms")]));
    let body = text.split("<body>").nth(1).unwrap();
    let order = [
        "FAIL</span> <h1>chat-staging",
        "1 of 1 threshold failed",
        "delivery.p99",
        "<svg",
        "Did it arrive",
        "name = &quot;chat",
    ];
    let places: Vec<usize> = order.iter().map(|part| body.find(part).unwrap_or_else(|| panic!("no {part}"))).collect();
    assert!(places.is_sorted(), "{places:?}");
}

#[test]
fn a_long_name_breaks_at_its_dots_and_a_rule_nowhere() {
    let text = page(&report(&outcome(), Broker::Redis, &[("delivery.p99{hop=cross}", "< 1ms")]));
    assert!(text.contains("<code>delivery.<wbr>p99{hop=cross}</code>"), "{text}");
    assert!(text.contains("<code class=\"rule\">&lt;\u{a0}1ms</code>"), "{text}");
}

#[test]
fn the_charts_hold_what_was_measured() {
    let text = page(&calm());
    let figures: Vec<&str> = text.split("<figure>").skip(1).collect();
    let titles = ["How long until it arrived", "Latency over time", "Copies per second", "Who came back when: storm"];
    assert_eq!(figures.len(), titles.len());
    for (figure, title) in figures.iter().zip(titles) {
        assert!(figure.contains(&format!("<h3>{title}</h3>")), "{figure}");
        let data =
            figure.split("<script type=\"application/json\">").nth(1).unwrap().split("</script>").next().unwrap();
        let data: serde_json::Value = serde_json::from_str(data).unwrap();
        let places = data["at"].as_array().unwrap();
        assert!(!places.is_empty() && places.len() == data["head"].as_array().unwrap().len(), "{title}");
        for series in data["series"].as_array().unwrap() {
            let shown = series["text"].as_array().unwrap();
            assert_eq!(shown.len(), places.len(), "{title}");
            assert!(shown.iter().any(|text| text.is_string()), "{title}: {series}");
        }
    }
    let curves = figures[0];
    assert_eq!(curves.matches("<path class=\"line").count(), 3, "same, cross, everyone: {curves}");
    assert!(curves.contains("90 % within"), "{curves}");
    assert_eq!(figures[3].matches("<rect class=\"bar").count(), storm().herd.iter().filter(|bin| **bin > 0).count());
    assert!(figures[3].contains("half back: 480 ms"), "{}", figures[3]);
    assert!(figures[1].contains("<rect class=\"band\"") || calm().series.len() < 10, "the fault is shaded");
    assert!(!text.contains("NaN") && !text.contains("inf\""), "no place is nowhere");
}

#[test]
fn nothing_a_stranger_wrote_is_markup() {
    let mut plain = calm();
    plain.unknown_frames = vec!["frame".to_owned()];
    let (text, plain) = (page(&hostile()), page(&plain));
    for markup in ["<script", "<img", "</pre>", "</style>", "<!--", "<svg", "<h1>"] {
        let expected = if markup == "<img" || markup == "<!--" { 0 } else { plain.matches(markup).count() };
        assert_eq!(text.matches(markup).count(), expected, "{markup}");
    }
    // What an attribute holds stays inside its quotes: no tag has an attribute the page does not use.
    for tag in text.split('<').skip(1).filter_map(|rest| rest.split_once('>')).map(|(tag, _)| tag) {
        let outside: String = tag.split('"').step_by(2).collect();
        assert!(!outside.contains("onerror"), "<{tag}>");
    }
    assert!(!text.chars().any(|c| c.is_control() && c != '\n'), "no control character");
}

#[test]
fn the_page_asks_nobody_for_anything() {
    let text = page(&calm());
    for request in [
        "http://",
        "https://",
        "//cdn",
        "@import",
        "url(",
        "fetch(",
        "XMLHttp",
        "<link rel=\"style",
        " src=",
        "<iframe",
    ] {
        assert!(!text.contains(request), "{request}");
    }
    let policy = text.split("Content-Security-Policy\" content=\"").nth(1).unwrap().split('"').next().unwrap();
    assert!(policy.starts_with("default-src 'none'; style-src 'sha256-") && !policy.contains("unsafe"), "{policy}");
    assert!(!text.contains(" style=\""), "the policy would not let it");
}

#[test]
fn the_page_stays_small_and_empty_results_have_one_too() {
    let mut huge = hostile();
    huge.scenario.text = HOSTILE.repeat(20_000);
    for rule in 0..3_000 {
        let mut more = huge.thresholds[0].clone();
        more.metric = HOSTILE.repeat(100);
        more.line = Some(rule);
        huge.thresholds.push(more);
    }
    huge.faults = vec![huge.faults[0].clone(); 500];
    huge.errors = vec![huge.errors[0].clone(); 500];
    huge.series =
        (0..600).map(|n| crate::report::Point { t_ns: n * 1_000_000_000, ..huge.series[0].clone() }).collect();
    let length = page(&huge).len();
    assert!(length < 3 << 20, "{length} bytes");
    let mut empty = calm();
    (empty.histograms, empty.counters, empty.series) = (Vec::new(), Vec::new(), Vec::new());
    (empty.faults, empty.arrivals, empty.thresholds) = (Vec::new(), Vec::new(), Vec::new());
    let text = page(&empty);
    assert!(!text.contains("<figure>") && text.ends_with("</html>\n"), "{text}");
}
