//! What the command line says against the file.

use std::time::Duration;

use super::RIGHT;
use crate::scenario::{Cadence, Diagnostic, GivenUrl, Overrides, Population, Scenario, Source, Target, parse};
use crate::units::Rate;

fn check(overrides: Overrides) -> Result<Scenario, Diagnostic> {
    parse(Source::new("chat.toml", RIGHT), &overrides, &|_| None)
}

fn counts(scenario: &Scenario) -> Vec<u32> {
    let count = |population: &Population| if let Population::Ramp { count, .. } = population { *count } else { 0 };
    scenario.groups.iter().map(|group| count(&group.population)).collect()
}

#[test]
fn clients_and_rate_keep_the_files_proportions() {
    let scenario = check(Overrides { clients: Some(1_005), ..Overrides::default() }).unwrap();
    assert_eq!(counts(&scenario), [905, 100]);
    let scenario = check(Overrides { rate: Some(Rate::per_second(50.0)), ..Overrides::default() }).unwrap();
    assert!(matches!(&scenario.publishes[0].rate, Cadence::Total(shape) if shape.rate(Duration::ZERO) == 50.0));
    let wrong = check(Overrides { clients: Some(5), ..Overrides::default() }).unwrap_err();
    assert!(wrong.message.contains("have no talker"), "{wrong}");
    let wrong = check(Overrides { clients: Some(1), ..Overrides::default() }).unwrap_err();
    assert_eq!(wrong.plain(), "error: -c: 1 clients are too few for the groups of this scenario");
}

#[test]
fn think_times_are_scaled_as_well() {
    let text = RIGHT.replace("rate = \"200/s\"", "every = \"1s..3s\"");
    let overrides = Overrides { rate: Some(Rate::per_second(10.0)), ..Overrides::default() };
    let scenario = parse(Source::new("chat.toml", text), &overrides, &|_| None).unwrap();
    // Ten talkers that think for 2 s say 5 a second.
    assert!(
        matches!(scenario.publishes[0].rate, Cadence::Think(least, most) if (least.as_millis(), most.as_millis()) == (500, 1_500))
    );
}

#[test]
fn duration_and_seed_beat_the_file() {
    let overrides = Overrides { duration: Some(Duration::from_secs(5)), seed: Some(9), ..Overrides::default() };
    let scenario = check(overrides).unwrap();
    assert_eq!((scenario.times.duration.as_secs(), scenario.seed), (5, 9));
}

#[test]
fn a_url_takes_the_place_of_the_server() {
    let overrides = Overrides {
        url: Some(GivenUrl::new("--url", "ws://127.0.0.1:9000")),
        headers: vec![("Origin".to_owned(), "https://a".to_owned())],
        insecure: true,
        ..Overrides::default()
    };
    let Target::Foreign(foreign) = check(overrides).unwrap().target else { panic!("bundled") };
    assert_eq!((foreign.urls[0].port(), foreign.dialect.name()), (Some(9_000), "room"));
    assert!(foreign.network.tls.insecure && foreign.network.headers.len() == 1);
    let url = Some(GivenUrl::new("--base", "ftp://x:1/y"));
    let wrong = check(Overrides { url, ..Overrides::default() }).unwrap_err();
    assert_eq!(wrong.help.as_deref(), Some("write `ws://x:1/y`"));
    assert_eq!(wrong.path, "--base");
}
