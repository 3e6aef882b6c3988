//! What checks outside the project rely on: exit codes, the shape of the result file, sums that add up, the screen.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use serde_json::Value;

use crate::support::report::embedded;
use crate::support::{Finished, Report, scratch, wsbench};

/// A quickstart that takes seconds.
const SCALED: &str = "LISTENERS=180 TALKERS=20 RATE=100/s WARM_UP=1s DURATION=4s DRAIN=1s";

/// The least that is still a run.
const TINY: &str = "LISTENERS=18 TALKERS=2 ROOMS=2 WARM_UP=0s DURATION=500ms DRAIN=2s";

struct Shared {
    finished: Finished,
    report: Report,
    hgrm: String,
    text: String,
}

/// One run for all assertions that need nothing special.
fn quickstart() -> &'static Shared {
    static RUN: OnceLock<Shared> = OnceLock::new();
    RUN.get_or_init(|| {
        let directory = scratch();
        let file = |name: &str| directory.path().join(name);
        let out = |kind: &str, name: &str| format!("{kind}={}", file(name).display());
        let outs = [out("json", "r.json"), out("hgrm", "r.hgrm"), out("text", "r.txt")];
        let finished = wsbench(["run", "scenarios/quickstart.toml"])
            .vars(SCALED)
            .args(outs.iter().flat_map(|out| ["--out", out]))
            .run();
        let report = Report::read(file("r.json"));
        report.holds_but_for_time(&finished);
        Shared {
            report,
            hgrm: std::fs::read_to_string(file("r.hgrm")).unwrap(),
            text: std::fs::read_to_string(file("r.txt")).unwrap(),
            finished,
        }
    })
}

/// A field's path and the type the contract gives it.
const FIELDS: &[(&str, &str)] = &[
    ("/schema", "string"),
    ("/complete", "bool"),
    ("/verdict", "string"),
    ("/exit_code", "integer"),
    ("/scenario/name", "string"),
    ("/scenario/sha256", "string"),
    ("/scenario/seed", "integer"),
    ("/scenario/text", "string"),
    ("/environment/wsbench", "string"),
    ("/environment/broker", "string"),
    ("/environment/instances", "integer"),
    ("/environment/os", "string"),
    ("/environment/cores", "integer"),
    ("/counters", "list"),
    ("/histograms", "list"),
    ("/thresholds", "list"),
    ("/faults", "list"),
    ("/series", "list"),
    ("/generator/healthy", "bool"),
    ("/generator/reasons", "list"),
    ("/generator/cpu_seconds", "number"),
    ("/generator/rss_peak_bytes", "integer"),
    ("/generator/clients", "integer"),
];

/// The same for what stands in lists.
const ENTRIES: &[(&str, &str, &str)] = &[
    ("counters", "/name", "string"),
    ("counters", "/labels", "object"),
    ("counters", "/value", "integer"),
    ("histograms", "/name", "string"),
    ("histograms", "/labels", "object"),
    ("histograms", "/unit", "string"),
    ("histograms", "/count", "integer"),
    ("histograms", "/min", "integer"),
    ("histograms", "/max", "integer"),
    ("histograms", "/mean", "number"),
    ("histograms", "/p50", "integer"),
    ("histograms", "/p90", "integer"),
    ("histograms", "/p95", "integer"),
    ("histograms", "/p99", "integer"),
    ("histograms", "/p99_9", "integer"),
    ("histograms", "/hdr_v2_deflate_base64", "string"),
    ("thresholds", "/metric", "string"),
    ("thresholds", "/rule", "string"),
    ("thresholds", "/value", "number"),
    ("thresholds", "/ok", "bool"),
    ("thresholds", "/during", "null"),
    ("thresholds", "/line", "integer"),
    ("thresholds", "/count", "integer"),
    ("series", "/t_ns", "integer"),
    ("series", "/counters", "object"),
    ("series", "/histograms", "object"),
];

fn has_type(value: &Value, kind: &str) -> bool {
    match kind {
        "string" => value.is_string(),
        "bool" => value.is_boolean(),
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        "list" => value.is_array(),
        "object" => value.is_object(),
        "null" => value.is_null(),
        other => panic!("no type is called {other}"),
    }
}

#[test]
fn the_result_has_every_field_of_the_contract() {
    let report = &quickstart().report;
    for (path, kind) in FIELDS {
        let value = report.0.pointer(path).unwrap_or_else(|| panic!("no {path}"));
        assert!(has_type(value, kind), "{path} is no {kind}: {value}");
    }
    for (list, path, kind) in ENTRIES {
        assert!(report.entries(list).next().is_some(), "{list} is empty");
        for entry in report.entries(list) {
            let value = entry.pointer(path).unwrap_or_else(|| panic!("no {path} in {entry}"));
            assert!(has_type(value, kind), "{path} of {list} is no {kind}: {value}");
        }
    }
}

#[test]
fn the_result_says_what_was_run_and_how_it_ended() {
    let report = &quickstart().report.0;
    let text = std::fs::read_to_string("scenarios/quickstart.toml").unwrap();
    assert_eq!(report["schema"], "wsbench/result/1");
    assert_eq!((&report["complete"], &report["exit_code"]), (&Value::from(true), &Value::from(0)));
    assert_eq!(report["scenario"]["name"], "quickstart");
    assert_eq!(report["scenario"]["text"], text, "the text is the one before expansion");
    assert_eq!(report["scenario"]["sha256"], sha256(&text));
    assert_eq!(report["environment"]["instances"], 2);
    assert_eq!(report["environment"]["wsbench"], env!("CARGO_PKG_VERSION"));
    assert_eq!(report["generator"]["clients"], 200);
    let healthy = report["generator"]["healthy"] == true;
    assert_eq!(report["verdict"], if healthy { "pass" } else { "untrustworthy" });
    assert_eq!(report["generator"]["reasons"].as_array().unwrap().is_empty(), healthy);
}

fn sha256(text: &str) -> String {
    use sha2::Digest as _;
    sha2::Sha256::digest(text).iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn the_parts_of_every_label_add_up_to_the_total() {
    let report = &quickstart().report;
    let mut seen = 0;
    for (list, value) in [("counters", "value"), ("histograms", "count")] {
        let mut sums: BTreeMap<(String, String), u64> = BTreeMap::new();
        let mut totals: BTreeMap<String, u64> = BTreeMap::new();
        for entry in report.entries(list) {
            let (name, value) = (entry["name"].as_str().unwrap().to_owned(), entry[value].as_u64().unwrap());
            let labels: Vec<&String> = entry["labels"].as_object().unwrap().keys().collect();
            match labels[..] {
                [] => assert_eq!(totals.insert(name, value), None, "two totals"),
                [label] => *sums.entry((name, label.clone())).or_default() += value,
                _ => panic!("no threshold names this combination: {entry}"),
            }
        }
        for ((name, label), sum) in sums {
            assert_eq!(Some(&sum), totals.get(&name), "{name} by {label}");
            seen += 1;
        }
    }
    assert!(seen > 20, "only {seen} sums");
}

#[test]
fn everything_that_was_due_came_and_was_measured() {
    let report = &quickstart().report;
    let [due, delivered, lost, excluded] = report.identity();
    assert_eq!((lost, excluded), (0, 0));
    // Poisson at 100/s for 4 s into rooms of 20, the talker among them.
    let said = report.count("messages.sent");
    assert_eq!(due, said * 20);
    assert!((300..500).contains(&said), "{said} publications");
    let measured = report.histogram("delivery")["count"].as_u64().unwrap();
    assert_eq!(measured, delivered - report.count("deliveries.replayed"));
    assert_eq!(report.histogram("completion")["count"], said);
    assert_eq!(report.count("clients.connected"), 200);
    for flag in ["duplicate", "reordered", "misrouted", "ghost", "early", "late"] {
        assert_eq!(report.count(&format!("deliveries.{flag}")), 0, "{flag}");
    }
    let (same, cross) = (
        report.counted("deliveries.delivered", &[("hop", "same")]),
        report.counted("deliveries.delivered", &[("hop", "cross")]),
    );
    assert_eq!(same, cross, "half of every room is on the other instance");
}

#[test]
fn percentiles_can_be_recomputed_from_the_embedded_histogram() {
    for entry in quickstart().report.entries("histograms") {
        let histogram = embedded(entry);
        assert_eq!(histogram.len(), entry["count"], "{}", entry["name"]);
        for (name, quantile) in [("p50", 0.5), ("p90", 0.9), ("p95", 0.95), ("p99", 0.99), ("p99_9", 0.999)] {
            let (told, ours) = (entry[name].as_u64().unwrap(), histogram.value_at_quantile(quantile));
            let bucket = histogram.equivalent_range(ours);
            let near = told.abs_diff(ours) <= bucket;
            assert!(near, "{} {} {name}: {told} told, {ours} in the histogram", entry["name"], entry["labels"]);
        }
        let (min, max) = (entry["min"].as_u64().unwrap(), entry["max"].as_u64().unwrap());
        assert!(histogram.equivalent(histogram.max(), max), "{}: max {max}", entry["name"]);
        assert!(histogram.equivalent(histogram.min(), min) || min < 1_000, "{}: min {min}", entry["name"]);
        let mean = entry["mean"].as_f64().unwrap();
        assert!((min as f64..=max as f64).contains(&mean), "{}: mean {mean}", entry["name"]);
    }
}

#[test]
fn the_screen_starts_with_the_verdict_and_fits_eighty_columns() {
    let Shared { finished, report, text, .. } = quickstart();
    let verdict = if report.is_healthy() { "PASS" } else { "UNTRUSTWORTHY" };
    let first = finished.stdout.lines().next().unwrap();
    assert!(first.starts_with(&format!("{verdict}  quickstart")) && first.trim_end().ends_with("exit 0"), "{first}");
    for part in
        ["deliveries.lost", "another instance", "same instance", "everyone has it", "due ", "Generator", "Wrote "]
    {
        assert!(finished.stdout.contains(part), "no {part:?} on the screen:\n{}", finished.stdout);
    }
    let wide = |line: &&str| line.chars().count() > 80 && !line.starts_with("Wrote ");
    assert_eq!(finished.stdout.lines().find(wide), None);
    assert!(!finished.stdout.contains('\x1b'), "colours in a pipe");
    assert!(finished.stdout.starts_with(text.trim_end()), "the text file is the screen");
}

#[test]
fn progress_goes_to_stderr_and_names_the_broker() {
    let Shared { finished, report, .. } = quickstart();
    assert_eq!(report.0["environment"]["broker"], "redis", "a redis-server is on PATH where tests run");
    finished.says(&["2 instances", "redis-server"]);
    assert!(!finished.stderr.contains('\x1b') && !finished.stderr.contains('\r'), "{}", finished.stderr);
}

#[test]
fn the_histogram_log_ends_with_everything() {
    let Shared { hgrm, report, .. } = quickstart();
    let last = hgrm.lines().rfind(|line| line.trim_start().starts_with(|c: char| c.is_ascii_digit())).unwrap();
    let columns: Vec<&str> = last.split_whitespace().collect();
    assert_eq!(columns[2], report.histogram("delivery")["count"].to_string(), "{last}");
}

#[test]
fn json_can_go_to_stdout_and_quiet_means_quiet() {
    let finished = wsbench(["run", "@quickstart", "--format", "json"]).arg("-q").vars(TINY).run();
    let report = Report::parse(&finished.stdout);
    report.holds_but_for_time(&finished);
    assert_eq!(report.0["schema"], "wsbench/result/1");
    report.identity();
    assert_eq!(finished.stderr, "");
}

#[test]
fn without_redis_the_memory_broker_is_used_and_everybody_is_told() {
    let directory = scratch();
    let json = directory.path().join("r.json");
    let finished = wsbench(["run", "@quickstart", "--out", &format!("json={}", json.display())])
        .vars("LISTENERS=36 TALKERS=4 ROOMS=2 WARM_UP=0s DURATION=1s DRAIN=2s")
        .env("PATH", "/nonexistent")
        .run();
    finished.says(&["memory"]);
    assert!(finished.stdout.contains("memory"), "the screen says nothing of the broker:\n{}", finished.stdout);
    let report = Report::read(json);
    report.holds_but_for_time(&finished);
    assert_eq!(report.0["environment"]["broker"], "memory");
    assert_eq!(report.0["environment"]["instances"], 2);
    assert!(report.identity()[0] > 0);
}

#[test]
fn a_failed_threshold_is_99_and_its_line_is_named() {
    let directory = scratch();
    let text = std::fs::read_to_string("scenarios/quickstart.toml").unwrap();
    let line = 1 + text.lines().position(|line| line.starts_with("\"completion.p99\"")).unwrap();
    let path = crate::support::put(&directory, "s.toml", &text.replace("\"< 750ms\"", "\"< 1us\""));
    let json = directory.path().join("r.json");
    let finished = wsbench(["run", &path, "--out", &format!("json={}", json.display())]).vars(TINY).run();
    finished.expect(99);
    assert!(finished.stdout.contains(&format!("s.toml:{line}")), "{}", finished.stdout);
    let report = Report::read(json);
    let failed: Vec<_> = report.entries("thresholds").filter(|threshold| threshold["ok"] == false).collect();
    assert_eq!((failed.len(), &failed[0]["metric"], &failed[0]["line"]), (1, &"completion.p99".into(), &line.into()));
    assert_eq!(report.0["exit_code"], 99);
}
