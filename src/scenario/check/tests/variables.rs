//! `${NAME}`: where it may stand, what beats what, and what is never shown.

use super::{brief, with};
use crate::scenario::{Diagnostic, Limits, Overrides, Population, Scenario, Source, Users, explain, parse};

fn check(text: &str, given: &[(&str, &str)]) -> Result<Scenario, Diagnostic> {
    let vars = given.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    let environment = |name: &str| match name {
        "N" => Some("70".to_owned()),
        "SECRET" => Some("hunter2".to_owned()),
        _ => None,
    };
    parse(Source::new("chat.toml", text), &Overrides { vars, ..Overrides::default() }, &environment)
}

fn listeners(scenario: &Scenario) -> u32 {
    if let Population::Ramp { count, .. } = scenario.groups[0].population { count } else { 0 }
}

#[test]
fn the_command_line_beats_the_file_beats_the_environment() {
    let text = with("count = 90", "count = \"${N}\"");
    assert_eq!(listeners(&check(&text, &[]).unwrap()), 70);
    let text = format!("{text}\n[vars]\nN = 80\n");
    assert_eq!(listeners(&check(&text, &[]).unwrap()), 80);
    assert_eq!(listeners(&check(&text, &[("N", "60"), ("N", "50")]).unwrap()), 50);
}

#[test]
fn it_may_stand_for_any_scalar_and_in_the_middle_of_a_text() {
    let text = with("[server]\ninstances = 2", "[server]\ninstances = \"${I}\"\nbroker = \"${B}\"")
        .replace("name = \"chat\"\n\n", "name = \"${PLACE}-$${x}\"\nseed = \"${SEED}\"\n")
        .replace("\"200/s\"", "\"${I}00/s\"")
        .replace("\"20s\"", "\"${D}\"")
        .replace("\"< 100ms\"", "{ rule = \"< 100ms\", abort = \"${A}\" }");
    let given = [("I", "2"), ("B", "memory"), ("PLACE", "5"), ("SEED", "9"), ("D", "1m"), ("A", "true")];
    let scenario = check(&text, &given).unwrap();
    assert_eq!((scenario.name.as_str(), scenario.seed), ("5-${x}", 9));
    assert_eq!(scenario.times.duration.as_secs(), 60);
    assert!(scenario.thresholds[0].abort);
    assert!(scenario.source.text.contains("${SEED}"));
}

#[test]
fn what_is_wrong_with_a_variable_has_its_place() {
    let wrong = |value: &str, given: &[(&str, &str)]| {
        brief(&check(&with("count = 90", &format!("count = {value}")), given).unwrap_err())
    };
    assert_eq!(
        wrong("\"${GONE}\"", &[]),
        "11:9 the variable `GONE` is not defined | give it with `-e GONE=…`, in `[vars]` or in the environment"
    );
    assert_eq!(
        wrong("\"${COUNTS}\"", &[("COUNT", "3")]),
        "11:9 the variable `COUNTS` is not defined | did you mean `COUNT`?"
    );
    assert_eq!(wrong("\"${COUNT\"", &[]), "11:9 `${` without `}` | write `$${` for the two characters");
    assert!(wrong("\"${a-b}\"", &[]).starts_with("11:9 `${a-b}` is not the name of a variable"));
    assert_eq!(wrong("\"${N}\"", &[("N", "0")]), "11:9 must be at least 1, not 0");
    assert_eq!(wrong("\"${N}\"", &[("N", "many")]), "11:9 expected a whole number, found the text \"many\"");
    assert_eq!(wrong("\"90\"", &[]), "11:9 expected a whole number, found the text \"90\"");
}

#[test]
fn nothing_of_the_environment_is_shown() {
    let places = [
        ("count = 90", "count = \"${SECRET}\""),
        ("duration = \"20s\"", "duration = \"${SECRET}\""),
        ("instances = 2", "broker = \"${SECRET}\""),
        ("from = \"talkers\"", "from = \"${SECRET}\""),
        ("same_as = \"listeners\"", "same_as = \"${SECRET}\""),
        ("count = 90", "count = 90\nreconnect = \"x${SECRET}\""),
        ("[server]\ninstances = 2", "[target]\nurls = [\"ftp://u:${SECRET}@x\"]"),
        ("[server]\ninstances = 2", "[target]\nurls = [\"${SECRET}\"]"),
        ("[server]\ninstances = 2", "[target]\nurls = [\"ws://x\"]\nsource_ips = [\"${SECRET}\"]"),
        ("\"< 100ms\"", "{ rule = \"< 1s\", during = \"${SECRET}\" }"),
    ];
    for (from, to) in places {
        let wrong = check(&with(from, to), &[]).unwrap_err();
        assert!(!wrong.plain().contains("hunter2"), "{wrong}");
        assert!(wrong.line > 0, "{wrong}");
    }
    let text = with("[run]", "[users]\nmint = { secret = \"${SECRET}\" }\n[run]");
    let scenario = check(&text, &[]).unwrap();
    assert!(matches!(&scenario.users, Users::Minted { secret, .. } if secret == "hunter2"));
    assert!(!format!("{scenario:?}").contains("hunter2"));
    let url = "[target]\nurls = [\"wss://u:${SECRET}@example.com:81/a?token=${SECRET}\"]";
    let scenario = check(&with("[server]\ninstances = 2", url), &[]).unwrap();
    let limits = Limits { open_files: 10_000, ports: 10_000 };
    let words = format!("{scenario:?}{}", explain(&scenario, &limits));
    assert!(words.contains("wss://example.com:81/a") && !words.contains("hunter2"), "{words}");
}

#[test]
fn a_variable_that_nothing_asks_for_is_refused() {
    let text = with("count = 90", "count = \"${COUNT}\"") + "\n[vars]\nUNUSED = 1\n";
    let refused = |given| brief(&check(&text, given).map(drop).unwrap_err());
    assert_eq!(
        refused(&[("COUNT", "5"), ("CUONT", "6")]),
        "0:0 nothing in this scenario asks for `${CUONT}`, which -e gives | did you mean `COUNT`?"
    );
    assert_eq!(listeners(&check(&text, &[("COUNT", "5"), ("UNUSED", "6")]).unwrap()), 5);
}
