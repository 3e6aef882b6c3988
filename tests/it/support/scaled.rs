//! The shipped scenarios, scaled down to seconds. A copy that takes longer than the drain is lost: on a busy machine it may be
//! long on its way.

/// Variables for each scenario by name.
const SCALED: &[(&str, &str)] = &[
    ("quickstart", "LISTENERS=90 TALKERS=10 RATE=50/s WARM_UP=300ms DURATION=2s DRAIN=2s"),
    ("two-instances", "LISTENERS=180 TALKERS=20 ROOMS=4 RATE=50/s WARM_UP=300ms DURATION=2s DRAIN=2s"),
    ("chat", "PEOPLE=60 ROOMS=4 THINK=1s..2s WARM_UP=300ms DURATION=2s DRAIN=2s"),
    ("dashboard", "WATCHERS=100 WARM_UP=300ms DURATION=2s DRAIN=2s"),
    ("collaborative-editing", "EDITORS=40 DOCUMENTS=10 CURSORS=20/s WARM_UP=300ms DURATION=2s DRAIN=2s"),
    (
        "bad-network",
        "PASSENGERS=45 TALKERS=5 ROOMS=2 RATE=50/s PING_INTERVAL=300ms PING_TIMEOUT=600ms TUNNEL=500ms INSIDE=300ms \
         CELL=2s FORGOTTEN=3500ms WARM_UP=300ms DURATION=7s DRAIN=2s",
    ),
    (
        "half-open",
        "LISTENERS=45 TALKERS=5 ROOMS=2 RATE=50/s PING_INTERVAL=300ms PING_TIMEOUT=600ms AT=500ms WARM_UP=300ms \
         DURATION=4s DRAIN=1s",
    ),
    (
        "instance-crash",
        "LISTENERS=45 TALKERS=5 ROOMS=2 RATE=50/s AT=500ms RESTART=500ms WARM_UP=300ms DURATION=4s DRAIN=2s",
    ),
    (
        "policy-face-off",
        "EACH=10 TALKERS=5 ROOMS=2 RATE=50/s AT=500ms RESTART=500ms WARM_UP=300ms DURATION=6s DRAIN=2s",
    ),
    ("reconnect-storm", "LISTENERS=45 TALKERS=5 ROOMS=2 RATE=50/s AT=500ms WARM_UP=300ms DURATION=4s DRAIN=2s"),
    ("redis-outage", "LISTENERS=45 TALKERS=5 ROOMS=2 RATE=50/s AT=1s PAUSE=300ms WARM_UP=300ms DURATION=5s DRAIN=2s"),
    (
        "rolling-deploy",
        "LISTENERS=45 TALKERS=5 ROOMS=2 RATE=20/s AT=300ms AT_2=2s AT_3=3700ms RESTART=1500ms WARM_UP=300ms \
         DURATION=6s DRAIN=2s",
    ),
    ("mixed-transports", "LISTENERS=60 TALKERS=8 ROOMS=2 RATE=20/s WARM_UP=300ms DURATION=3s DRAIN=2s"),
    ("notifications", "USERS=60 BACKEND=4 RATE=40/s WARM_UP=300ms DURATION=2s DRAIN=1s"),
    ("sse-dashboard", "WATCHERS=60 BOARDS=2 RATE=20/s AT=500ms WARM_UP=300ms DURATION=6s DRAIN=2s"),
    ("slow-consumers", "LISTENERS=97 TALKERS=3 ROOMS=1 RATE=20/s AT=500ms WARM_UP=300ms DURATION=3s DRAIN=1s"),
];

/// Names of all of them, sorted.
pub(crate) fn names() -> Vec<&'static str> {
    let mut names: Vec<&str> = SCALED.iter().map(|(name, _)| *name).collect();
    names.sort_unstable();
    names
}

/// The variables for a scenario, by its name or by how it is named on a command line.
pub(crate) fn vars(scenario: &str) -> Option<&'static str> {
    let name = scenario.strip_prefix('@').or(scenario.strip_suffix(".toml")).unwrap_or(scenario);
    let name = name.rsplit('/').next().unwrap_or(name);
    SCALED.iter().find(|(known, _)| *known == name).map(|(_, vars)| *vars)
}
