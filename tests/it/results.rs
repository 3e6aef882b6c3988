//! Saved results: their published shape, and everything that is made from one.

use std::sync::OnceLock;

use serde_json::Value;

use crate::support::schema::offences;
use crate::support::{put, root, scratch, wsbench};

/// A run that takes seconds, and in which something breaks.
const STORM: &str = "LISTENERS=45 TALKERS=5 ROOMS=2 RATE=50/s WARM_UP=0s AT=1s DURATION=4s DRAIN=1s";

/// The text of one result, shared by all that only read it.
fn saved() -> &'static str {
    static RESULT: OnceLock<String> = OnceLock::new();
    RESULT.get_or_init(|| {
        let directory = scratch();
        let file = directory.path().join("r.json");
        let finished = wsbench(["run", "scenarios/reconnect-storm.toml"])
            .vars(STORM)
            .args(["--out", &format!("json={}", file.display())])
            .run();
        assert!(matches!(finished.code, Some(0 | 99)), "{finished:?}");
        std::fs::read_to_string(file).unwrap()
    })
}

#[test]
fn the_published_schema_is_the_one_of_this_version() {
    let schema = wsbench(["schema", "result"]).run();
    let stored = std::fs::read_to_string(root().join("docs/result.schema.json")).unwrap();
    assert_eq!(schema.expect(0).stdout, stored, "wsbench schema result > docs/result.schema.json");
}

#[test]
fn a_real_result_is_as_the_schema_says_and_a_damaged_one_is_not() {
    let schema: Value = serde_json::from_str(&wsbench(["schema", "result"]).run().stdout).unwrap();
    let result: Value = serde_json::from_str(saved()).unwrap();
    assert!(!result["faults"].as_array().unwrap().is_empty(), "there is a fault to describe");
    assert_eq!(offences(&schema, &result), [""; 0]);
    for (place, wrong) in [
        ("/schema", Value::from("wsbench/result/2")),
        ("/verdict", Value::from("perhaps")),
        ("/counters/0/value", Value::from(-1)),
        ("/faults/0/reconnect/lost", Value::from("many")),
        ("/histograms/0/p99", Value::from(1.5)),
    ] {
        let mut damaged = result.clone();
        *damaged.pointer_mut(place).unwrap() = wrong;
        assert!(!offences(&schema, &damaged).is_empty(), "{place}");
    }
}

#[test]
fn a_saved_result_is_shown_as_the_run_showed_it() {
    let directory = scratch();
    let file = directory.path().join("r.json");
    let run = wsbench(["run", "@quickstart", "--format", "text"])
        .vars("LISTENERS=18 TALKERS=2 ROOMS=2 WARM_UP=0s DURATION=500ms DRAIN=500ms")
        .args(["--out", &format!("json={}", file.display())])
        .run();
    let again = wsbench(["report", file.to_str().unwrap()]).run();
    let shown = run.expect(0).stdout.split("\nWrote ").next().unwrap();
    assert_eq!(again.expect(0).stdout, shown);
    let json = wsbench(["report", file.to_str().unwrap(), "--format", "json"]).run();
    assert_eq!(json.expect(0).stdout, std::fs::read_to_string(&file).unwrap(), "to the byte");
}

#[test]
fn what_cannot_be_read_is_refused_with_place_and_remedy() {
    let directory = scratch();
    let cut = put(&directory, "cut.json", &saved()[..200]);
    let other = put(&directory, "other.json", r#"{"name": "something else"}"#);
    let newer = put(&directory, "newer.json", r#"{"schema": "wsbench/result/9"}"#);
    let report = |path: &str| wsbench(["report", path]).run();
    report(&cut).expect(2).says(&["cut.json:1:200: EOF"]);
    report(&other).expect(2).says(&["other.json: not a result", "--out json=FILE"]);
    report(&newer).expect(2).says(&["newer.json", "wsbench/result/9", "newer"]);
    report("no/such/file.json").expect(2).says(&["no/such/file.json", "--out json=FILE"]);
    let good = put(&directory, "good.json", saved());
    wsbench(["report", &good, "--out", "raw=x"]).run().expect(2).says(&["raw", "wsbench run --out raw=FILE"]);
    wsbench(["report", &good, "--out", "jsno=x"]).run().expect(2).says(&["did you mean `json`?", "hgrm"]);
    wsbench(["report", &good, "--format", "markdwon"]).run().expect(2).says(&["markdwon"]);
    wsbench(["report", &good, "--out", "json=/no/such/place.json"]).run().expect(1).says(&["/no/such/place.json"]);
}

#[test]
fn every_output_is_made_from_a_saved_result() {
    let directory = scratch();
    let result = put(&directory, "result.json", saved());
    let file = |kind: &str| directory.path().join(format!("made.{kind}"));
    let kinds = kinds();
    let outs: Vec<String> = kinds.iter().map(|kind| format!("{kind}={}", file(kind).display())).collect();
    wsbench(["report", &result]).args(outs.iter().flat_map(|out| ["--out", out])).run().expect(0);
    for kind in kinds {
        let shown = wsbench(["report", &result, "--format", &kind]).run();
        let written = std::fs::read_to_string(file(&kind)).unwrap();
        let shown = shown.expect(0).stdout.split("\nWrote ").next().unwrap();
        assert_eq!(shown, written, "{kind} on stdout and in its file");
        // A run of which all is well is annotated nowhere.
        assert!(!written.trim().is_empty() || kind == "github", "{kind} is empty");
    }
}

/// The names `--format` offers.
fn kinds() -> Vec<String> {
    let refused = wsbench(["report", "x", "--format", "none-of-them"]).run();
    let list = refused.stderr.split("possible values: ").nth(1).unwrap().split(']').next().unwrap();
    list.split(", ").map(str::to_owned).collect()
}

#[test]
fn githubs_runner_is_told_where_and_why() {
    let directory = scratch();
    let scenario = std::fs::read_to_string(root().join("scenarios/quickstart.toml")).unwrap();
    let line = 1 + scenario.lines().position(|line| line.starts_with("\"deliveries.lost\"")).unwrap();
    let path = put(&directory, "quick.toml", &scenario.replace("= \"== 0\"", "= \"== 1\""));
    let page = directory.path().join("summary.md");
    let run =
        || wsbench(["run", &path, "-q"]).vars("LISTENERS=18 TALKERS=2 ROOMS=2 WARM_UP=0s DURATION=300ms DRAIN=300ms");
    let workspace = directory.path().to_str().unwrap();
    let finished = run()
        .env("GITHUB_ACTIONS", "true")
        .env("GITHUB_WORKSPACE", workspace)
        .env("GITHUB_STEP_SUMMARY", page.to_str().unwrap())
        .run();
    let place = format!("::error file=quick.toml,line={line},title=deliveries.lost == 1::found 0");
    finished.expect(99).says(&[&place]);
    assert!(!finished.stdout.contains("::error"), "{}", finished.stdout);
    let summary = std::fs::read_to_string(&page).unwrap();
    // On a busy machine the measurement may not be trusted, which the verdict says first.
    assert!(summary.lines().next().is_some_and(|line| line.ends_with(" · quickstart")), "{summary}");
    assert!(summary.contains("| **FAIL** | `deliveries.lost` | `== 1` | 0 |"), "{summary}");
    let elsewhere = run().run();
    assert!(!elsewhere.expect(99).stderr.contains("::error"), "{}", elsewhere.stderr);
}

/// Two results that differ in what they counted and in how long it took.
fn two(directory: &tempfile::TempDir) -> [String; 2] {
    let mut other: Value = serde_json::from_str(saved()).unwrap();
    for counter in other["counters"].as_array_mut().unwrap() {
        if counter["name"] == "deliveries.lost" && counter["labels"].as_object().unwrap().is_empty() {
            counter["value"] = Value::from(counter["value"].as_u64().unwrap() + 7);
        }
    }
    other["environment"]["broker"] = Value::from("external");
    [put(directory, "base.json", saved()), put(directory, "new.json", &other.to_string())]
}

#[test]
fn two_results_are_compared_and_counts_may_decide() {
    let directory = scratch();
    let [base, new] = two(&directory);
    let compare = |conditions: &[&str]| {
        let conditions = conditions.iter().flat_map(|condition| ["--fail-on", condition]);
        wsbench(["compare", &base, &new]).args(conditions).env("NO_COLOR", "1").run()
    };
    let shown = compare(&[]);
    let text = &shown.expect(0).stdout;
    assert!(text.contains("broker: ") && text.contains("external"), "another broker is said: {text}");
    assert!(text.contains("deliveries.lost") && text.contains("another instance"), "{text}");
    assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
    compare(&["deliveries.lost"]).expect(99);
    compare(&["deliveries.lost > 100", "deliveries.ghost"]).expect(0);
    compare(&["generator.cpu_seconds / deliveries.delivered > 105% of base"]).expect(0);
    compare(&["deliveries.lots"]).expect(2).says(&["did you mean `deliveries.lost`?"]);
    for latency in ["latency", "delivery.p99", "delivery.p99 > 110% of base"] {
        compare(&[latency]).expect(97).says(&["different times", "wsbench gate"]);
    }
    compare(&["deliveries.lost", "latency"]).expect(99);
    wsbench(["compare", &base, "no/such.json"]).run().expect(2).says(&["no/such.json"]);
    let json = wsbench(["compare", &base, &new, "--format", "json"]).run();
    let json: Value = serde_json::from_str(&json.expect(0).stdout).unwrap();
    assert!(!json["shifts"].as_array().unwrap().is_empty() && !json["changes"].as_array().unwrap().is_empty());
}

#[test]
fn more_than_two_results_stand_in_one_table() {
    let directory = scratch();
    let [base, new] = two(&directory);
    let compare =
        |more: &[&str]| wsbench(["compare", &base, &new, &base]).args(more.iter().copied()).env("NO_COLOR", "1").run();
    let shown = compare(&[]);
    let text = &shown.expect(0).stdout;
    for (line, name) in text.lines().skip(2).zip(["base.json", "new.json", "base.json"]) {
        assert!(line.trim_start().starts_with(name), "{text}");
    }
    assert!(!text.contains("not the same work"), "{text}");
    let json: Value = serde_json::from_str(&compare(&["--format", "json"]).expect(0).stdout).unwrap();
    let lost: Vec<&Value> = json["runs"].as_array().unwrap().iter().map(|run| &run["lost"]).collect();
    assert_eq!(lost[1].as_u64(), lost[0].as_u64().map(|lost| lost + 7), "{json}");
    compare(&["--fail-on", "deliveries.lost"]).expect(2).says(&["--fail-on", "name two"]);
}

#[test]
fn a_run_is_judged_against_a_baseline_and_from_a_moment_on() {
    let directory = scratch();
    put(&directory, "base.json", saved());
    let scenario = std::fs::read_to_string(root().join("scenarios/quickstart.toml")).unwrap();
    let head = &scenario[..scenario.find("[thresholds]").unwrap()];
    let run = |thresholds: &str| {
        let path = put(&directory, "s.toml", &format!("{head}[thresholds]\n{thresholds}\n"));
        wsbench(["run", &path, "-q"])
            .vars("LISTENERS=18 TALKERS=2 ROOMS=2 WARM_UP=0s DURATION=2500ms DRAIN=300ms")
            .run()
    };
    let held = run(r#""deliveries.lost" = ["== 0", { rule = "== 0", after = "1s" }]
                      "deliveries.due"  = { rule = "< 300%", baseline = "base.json" }"#);
    assert!(held.expect(0).stdout.contains("deliveries.lost after 1s"), "{}", held.stdout);
    let failed = run(r#""deliveries.due" = { rule = "< 0.1%", baseline = "base.json" }"#);
    assert!(failed.expect(99).stdout.contains("base.json: "), "{}", failed.stdout);
    run(r#""delivery.p99" = { rule = "< 110%", baseline = "base.json" }"#).expect(2).says(&["s.toml:", "wsbench gate"]);
    run(r#""deliveries.due" = { rule = "< 1%", baseline = "gone.json" }"#).expect(2).says(&["s.toml:", "gone.json"]);
    run(r#""deliveries.due" = { rule = "< 1%", after = "strom" }"#).expect(2).says(&["s.toml:", "strom"]);
    run(r#""deliveries.due" = { rule = "> 1", after = "1h" }"#).expect(99);
    // The last tenth of a second is looked at as well.
    run(r#""deliveries.delivered" = { rule = "> 1", after = "2400ms" }"#).expect(0);
}

#[test]
fn the_documentation_has_every_output_and_every_gauge() {
    let text = std::fs::read_to_string(root().join("docs/outputs.md")).unwrap();
    for kind in wsbench::output::OUTPUTS.iter().map(|kind| kind.name).chain(["raw"]) {
        assert!(text.contains(&format!("\n### `{kind}`\n")), "docs/outputs.md has nothing on {kind}");
    }
    for gauge in wsbench::threshold::GAUGES {
        assert!(text.contains(&format!("`{}`", gauge.name)), "docs/outputs.md has nothing on {}", gauge.name);
    }
}

/// The lines a document shows of each output are such as a run gives: the first line of each, but for its figures.
#[test]
fn the_documented_examples_begin_as_the_outputs_do() {
    let directory = scratch();
    let result = put(&directory, "r.json", saved());
    let text = std::fs::read_to_string(root().join("docs/outputs.md")).unwrap();
    let shape = |line: &str| {
        let known: String = line.chars().filter(|c| !c.is_ascii_digit() && *c != '.').collect();
        known.chars().take(12).collect::<String>()
    };
    for kind in kinds().into_iter().filter(|kind| !["text", "markdown", "github", "bencher"].contains(&kind.as_str())) {
        let section = text.split(&format!("### `{kind}`")).nth(1).unwrap();
        let example = section.split("```").nth(1).unwrap().lines().nth(1).unwrap();
        let made = wsbench(["report", &result, "--format", &kind]).run();
        assert_eq!(shape(made.stdout.lines().next().unwrap()), shape(example), "{kind}");
    }
}
