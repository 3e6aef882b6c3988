//! Every shipped scenario is read, explained, embedded as it stands, and passes when it is scaled down to seconds.

use std::collections::BTreeMap;

use crate::support::{Report, root, scratch, wsbench};

/// How each is scaled, so that its own thresholds hold on a busy machine.
const SCALED: [(&str, &str); 5] = [
    ("quickstart", "LISTENERS=90 TALKERS=10 RATE=100/s WARM_UP=500ms DURATION=2s DRAIN=500ms"),
    ("two-instances", "LISTENERS=180 TALKERS=20 ROOMS=4 RATE=50/s WARM_UP=500ms DURATION=2s DRAIN=500ms"),
    ("chat", "PEOPLE=60 ROOMS=4 THINK=1s..2s WARM_UP=500ms DURATION=2s DRAIN=500ms"),
    ("dashboard", "WATCHERS=100 WARM_UP=500ms DURATION=2s DRAIN=500ms"),
    ("collaborative-editing", "EDITORS=40 DOCUMENTS=10 CURSORS=20/s WARM_UP=500ms DURATION=2s DRAIN=500ms"),
];

/// Name and text of every file.
fn files() -> BTreeMap<String, String> {
    let all = std::fs::read_dir(root().join("scenarios")).unwrap().flatten().map(|entry| entry.path());
    let scenarios = all.filter(|path| path.extension().is_some_and(|extension| extension == "toml"));
    scenarios
        .map(|path| (path.file_stem().unwrap().to_str().unwrap().to_owned(), std::fs::read_to_string(path).unwrap()))
        .collect()
}

#[test]
fn every_file_is_smoke_run_here() {
    let mut here: Vec<&str> = SCALED.iter().map(|(name, _)| *name).collect();
    here.sort_unstable();
    assert_eq!(files().keys().map(String::as_str).collect::<Vec<_>>(), here);
}

#[test]
fn every_file_is_embedded_as_it_stands() {
    let list = wsbench(["run", "--list"]).run();
    list.expect(0);
    let listed = list.stdout.lines().filter_map(|line| line.strip_prefix('@'));
    let listed: Vec<&str> = listed.map(|line| line.split(' ').next().unwrap()).collect();
    assert_eq!(listed.len(), files().len(), "{}", list.stdout);
    for (name, text) in files() {
        assert!(listed.contains(&name.as_str()), "{name} in {}", list.stdout);
        let printed = wsbench(["run", &format!("@{name}"), "--print-scenario"]).run();
        assert_eq!(printed.expect(0).stdout, text, "{name}");
        assert!(text.starts_with("#:schema ./scenario.schema.json\n#"), "{name} has its schema and says what it is");
    }
}

#[test]
fn the_schema_beside_them_is_the_one_of_this_version() {
    let schema = wsbench(["schema"]).run();
    let stored = std::fs::read_to_string(root().join("scenarios/scenario.schema.json")).unwrap();
    assert_eq!(schema.expect(0).stdout, stored, "wsbench schema > scenarios/scenario.schema.json");
}

#[test]
fn every_file_is_explained_in_prose() {
    for name in files().keys() {
        let said = wsbench(["check", &format!("scenarios/{name}.toml")]).run();
        said.expect(0);
        let alias = wsbench(["plan", &format!("@{name}")]).run();
        alias.expect(0);
        for word in ["clients", "rooms", "publications", "deliveries", "open files"] {
            assert!(said.stdout.contains(word), "no {word:?} in what is said of {name}:\n{}", said.stdout);
        }
        assert_eq!(said.stderr, "");
    }
}

/// Runs a scenario scaled down; it passes, and what it measured adds up.
#[track_caller]
fn smoke(name: &str) {
    let vars = SCALED.iter().find(|(of, _)| *of == name).unwrap().1;
    let directory = scratch();
    let json = directory.path().join("r.json");
    let finished = wsbench(["run", &format!("scenarios/{name}.toml"), "--out", &format!("json={}", json.display())])
        .vars(vars)
        .run();
    finished.expect(0);
    let report = Report::read(json);
    let [due, delivered, lost, _] = report.identity();
    assert!(due > 0 && delivered > 0 && lost == 0, "{due} due, {delivered} delivered, {lost} lost");
    assert!(report.entries("thresholds").count() >= 3 && report.entries("thresholds").all(|rule| rule["ok"] == true));
}

#[test]
fn quickstart_passes() {
    smoke("quickstart");
}

#[test]
fn two_instances_passes() {
    smoke("two-instances");
}

#[test]
fn chat_passes() {
    smoke("chat");
}

#[test]
fn dashboard_passes() {
    smoke("dashboard");
}

#[test]
fn collaborative_editing_passes() {
    smoke("collaborative-editing");
}
