//! Every shipped scenario is read, explained, embedded as it stands, and passes when it is scaled down to seconds. Those
//! for servers that are not ours are read, and each is the same work; `tests/peers/servers.sh` runs them.

use std::collections::BTreeMap;

use crate::support::{Finished, Report, put, root, scaled, scratch, wsbench};

/// Name and text of every file that is shipped inside the program.
fn files() -> BTreeMap<String, String> {
    files_of("scenarios")
}

/// Name and text of every scenario in a directory.
fn files_of(directory: &str) -> BTreeMap<String, String> {
    let all = std::fs::read_dir(root().join(directory)).unwrap().flatten().map(|entry| entry.path());
    let scenarios = all.filter(|path| path.extension().is_some_and(|extension| extension == "toml"));
    scenarios
        .map(|path| (path.file_stem().unwrap().to_str().unwrap().to_owned(), std::fs::read_to_string(path).unwrap()))
        .collect()
}

#[test]
fn every_file_is_smoke_run_here() {
    assert_eq!(files().keys().map(String::as_str).collect::<Vec<_>>(), scaled::names());
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

#[test]
fn every_scenario_for_a_real_server_is_right_and_says_how_to_start_it() {
    let start = std::fs::read_to_string(root().join("tests/peers/servers/start")).unwrap();
    let files = files_of("scenarios/servers");
    assert!(files.len() >= 4, "{:?}", files.keys());
    for (name, text) in &files {
        let path = format!("scenarios/servers/{name}.toml");
        assert!(text.starts_with("#:schema ../scenario.schema.json\n# "), "{path} has its schema and says what it is");
        assert!(
            text.contains(&format!("\n#   tests/peers/servers/start {name} ")),
            "{path} says how to start its server"
        );
        assert!(text.contains(&format!("\n#   wsbench run {path} -e A=")), "{path} says how it is run");
        assert!(start.contains(&format!("\n{name}() {{ # ")), "{name} can be started");
        let said = wsbench(["check", &path]).run();
        said.expect(0);
        assert!(said.stdout.starts_with(&format!("{name}: 100 clients")) && said.stderr.is_empty(), "{}", said.stdout);
    }
}

/// The sections of a scenario that say how much work it is, one line a key; which rooms and how one proves who one is are
/// the server's business.
fn work(text: &str) -> Vec<&str> {
    let sections = text.split("\n\n").filter(|part| {
        ["[run]", "[[clients]]", "[[publish]]", "[thresholds]"].iter().any(|head| part.starts_with(head))
    });
    let server_s = ["auth", "rooms", "transport"];
    sections.flat_map(str::lines).filter(|line| !server_s.iter().any(|key| line.starts_with(key))).collect()
}

#[test]
fn scenarios_for_real_servers_are_the_same_work() {
    let files = files_of("scenarios/servers");
    let same = work(&files["chat"]);
    assert!(same.len() > 15, "{same:?}");
    for (name, text) in &files {
        assert_eq!(work(text), same, "{name} and chat");
    }
}

/// What takes longer to happen than a smoke run takes, or is a share of a whole one: the rule is left out. Of these seconds a
/// single publication that died with its process is half a per cent; that nothing else is lost, `raw` and `truth` prove.
const LATER: [(&str, &str); 3] = [
    ("instance-crash", "\"deliveries.lost / deliveries.due\""),
    ("policy-face-off", "\"deliveries.lost / deliveries.due\""),
    ("slow-consumers", "\"reconnect.lost_connections\""),
];

/// Runs a scenario scaled down; what it asks for holds, and what it measured adds up.
#[track_caller]
fn smoke(name: &str) {
    let (finished, report) = scaled_down(name);
    report.holds_but_for_time(&finished);
    let [due, delivered, _, _] = report.identity();
    assert!(due > 0 && delivered > 0, "{due} due, {delivered} delivered");
    assert!(report.entries("thresholds").count() >= 2);
    let faults = files()[name].lines().filter(|line| *line == "[[fault]]").count();
    assert_eq!(report.entries("faults").count(), faults);
}

/// Runs a scenario scaled down.
pub(crate) fn scaled_down(name: &str) -> (Finished, Report) {
    let directory = scratch();
    let json = directory.path().join("r.json");
    let is_later = |line: &&str| LATER.iter().any(|(of, rule)| *of == name && line.starts_with(rule));
    let text: Vec<String> = files()[name].lines().filter(|line| !is_later(line)).map(str::to_owned).collect();
    let path = put(&directory, "s.toml", &text.join("\n"));
    let finished =
        wsbench(["run", &path, "--out", &format!("json={}", json.display())]).vars(scaled::vars(name).unwrap()).run();
    assert!(matches!(finished.code, Some(0 | 99)), "{finished:?}");
    let report = Report::read(json);
    (finished, report)
}

/// One test for each, so that they run side by side.
macro_rules! smoke {
    ($($test:ident: $name:literal,)*) => {
        $(#[test]
        fn $test() {
            smoke($name);
        })*

        #[test]
        fn none_is_left_out() {
            let mut here = vec![$($name),*];
            here.sort_unstable();
            assert_eq!(files().keys().map(String::as_str).collect::<Vec<_>>(), here);
        }
    };
}

smoke! {
    bad_network_passes: "bad-network",
    chat_passes: "chat",
    collaborative_editing_passes: "collaborative-editing",
    dashboard_passes: "dashboard",
    half_open_passes: "half-open",
    instance_crash_passes: "instance-crash",
    mixed_transports_passes: "mixed-transports",
    notifications_passes: "notifications",
    policy_face_off_passes: "policy-face-off",
    quickstart_passes: "quickstart",
    reconnect_storm_passes: "reconnect-storm",
    redis_outage_passes: "redis-outage",
    rolling_deploy_passes: "rolling-deploy",
    slow_consumers_passes: "slow-consumers",
    sse_dashboard_passes: "sse-dashboard",
    two_instances_passes: "two-instances",
}
