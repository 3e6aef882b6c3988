//! The scenarios that are shipped inside the program.

use super::{Diagnostic, Source, did_you_mean};

/// Their names and texts: `wsbench run @name`.
pub const BUILTINS: &[(&str, &str)] = &[
    ("quickstart", include_str!("../../scenarios/quickstart.toml")),
    ("two-instances", include_str!("../../scenarios/two-instances.toml")),
    ("chat", include_str!("../../scenarios/chat.toml")),
    ("dashboard", include_str!("../../scenarios/dashboard.toml")),
    ("collaborative-editing", include_str!("../../scenarios/collaborative-editing.toml")),
    ("reconnect-storm", include_str!("../../scenarios/reconnect-storm.toml")),
    ("rolling-deploy", include_str!("../../scenarios/rolling-deploy.toml")),
    ("instance-crash", include_str!("../../scenarios/instance-crash.toml")),
    ("redis-outage", include_str!("../../scenarios/redis-outage.toml")),
    ("slow-consumers", include_str!("../../scenarios/slow-consumers.toml")),
    ("half-open", include_str!("../../scenarios/half-open.toml")),
    ("sse-dashboard", include_str!("../../scenarios/sse-dashboard.toml")),
    ("notifications", include_str!("../../scenarios/notifications.toml")),
    ("mixed-transports", include_str!("../../scenarios/mixed-transports.toml")),
    ("bad-network", include_str!("../../scenarios/bad-network.toml")),
    ("policy-face-off", include_str!("../../scenarios/policy-face-off.toml")),
];

/// What a shipped scenario is about: the first sentence of its opening comment.
pub fn about(text: &str) -> String {
    let comment = text.lines().skip(1).map_while(|line| line.strip_prefix("# "));
    let words = comment.collect::<Vec<_>>().join(" ");
    match words.find(['.', '?']) {
        Some(end) => words[..=end].trim_end_matches('.').to_owned(),
        None => words,
    }
}

/// The text of the shipped scenario `name`.
pub(super) fn source(name: &str) -> Result<Source, Diagnostic> {
    let found = BUILTINS.iter().find(|(builtin, _)| *builtin == name);
    found.map(|(name, text)| Source::new(format!("@{name}"), *text)).ok_or_else(|| {
        let help = did_you_mean(name, BUILTINS.iter().map(|(name, _)| *name));
        Diagnostic::without_place(format!("@{name}"), "no scenario of this name is shipped").with_help(help)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::plan::Plan;
    use crate::scenario::{Overrides, load, schema};

    const SCHEMA: &str = include_str!("../../scenarios/scenario.schema.json");

    /// Values that make any of them a matter of seconds.
    const SMALL: &[(&str, &str)] = &[
        ("LISTENERS", "90"),
        ("TALKERS", "10"),
        ("ROOMS", "5"),
        ("PEOPLE", "100"),
        ("PASSENGERS", "90"),
        ("TUNNEL", "300ms"),
        ("CELL", "600ms"),
        ("FORGOTTEN", "900ms"),
        ("WATCHERS", "100"),
        ("EDITORS", "100"),
        ("DOCUMENTS", "25"),
        ("EACH", "18"),
        ("USERS", "90"),
        ("BACKEND", "10"),
        ("BOARDS", "1"),
        ("AT", "500ms"),
        ("AT_2", "1s"),
        ("AT_3", "1500ms"),
        ("WARM_UP", "1s"),
        ("DURATION", "2s"),
        ("DRAIN", "1s"),
    ];

    #[test]
    fn every_shipped_scenario_is_right_also_when_made_small() {
        for (name, text) in BUILTINS {
            assert!(text.starts_with("#:schema ./scenario.schema.json\n"), "{name}");
            let full = load(&format!("@{name}"), &Overrides::default(), &|_| None).unwrap();
            assert_eq!(full.name, *name);
            assert!(!about(text).is_empty() && about(text).len() < 80, "{name}: {}", about(text));
            let asked = SMALL.iter().filter(|(name, _)| text.contains(&format!("${{{name}}}")));
            let vars = asked.map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
            let small = Overrides { vars, ..Overrides::default() };
            let small = load(&format!("@{name}"), &small, &|_| None).unwrap();
            let peak = Plan::new(&small).peak();
            assert!((100..=101).contains(&peak), "{name}: {peak}");
            assert_eq!(small.times.total().as_secs(), 4);
        }
    }

    #[test]
    fn the_published_schema_is_the_one_of_the_types() {
        let current = serde_json::to_string_pretty(&schema()).unwrap() + "\n";
        assert!(current == SCHEMA, "write it anew: wsbench schema > scenarios/scenario.schema.json");
    }

    #[test]
    fn an_unknown_name_is_told_the_nearest() {
        let wrong = load("@quickstrat", &Overrides::default(), &|_| None).unwrap_err();
        assert_eq!(
            wrong.plain(),
            "error: @quickstrat: no scenario of this name is shipped\n |\n = help: did you mean `quickstart`?"
        );
    }
}
