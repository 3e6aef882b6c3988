//! R17: `/metrics` is OpenMetrics to the letter, and every name on it is documented. A parser nobody here wrote reads it
//! in `tests/peers/openmetrics.sh`.

use std::collections::BTreeSet;

use reference_server::Config;

use crate::support::{
    Client, Server,
    http::{Events, bearer, request},
    until,
};

/// A family of metrics as the page declares it.
#[derive(Debug)]
struct Family {
    name: String,
    kind: String,
    help: String,
}

/// Reads a page strictly, for what a page of ours may hold: gauges and counters with the label `instance`.
fn parse(page: &str) -> Result<Vec<Family>, String> {
    let body = page.strip_suffix("# EOF\n").ok_or("the page does not end with # EOF")?;
    if body.contains("# EOF") || body.contains("\n\n") || body.contains('\r') {
        return Err("more than one end, an empty line, or a carriage return".into());
    }
    let mut families: Vec<Family> = Vec::new();
    let mut sampled = true;
    for line in body.lines() {
        let fail = |why: &str| Err(format!("{why}: {line}"));
        match line.strip_prefix("# ").and_then(|comment| comment.split_once(' ')) {
            Some(("TYPE", rest)) => {
                let (name, kind) = rest.split_once(' ').ok_or(line)?;
                if !sampled {
                    return fail("the family before has no sample");
                }
                if families.iter().any(|family| family.name == name) || name.ends_with("_total") || !is_name(name) {
                    return fail("not a new family's name");
                }
                if !["gauge", "counter"].contains(&kind) {
                    return fail("an unknown type");
                }
                families.push(Family { name: name.into(), kind: kind.into(), help: String::new() });
                sampled = false;
            }
            Some((what @ ("UNIT" | "HELP"), rest)) => {
                let (name, text) = rest.split_once(' ').ok_or(line)?;
                let family = families.last_mut().filter(|family| family.name == name && !sampled).ok_or(line)?;
                if what == "UNIT" && !name.ends_with(&format!("_{text}")) {
                    return fail("a unit that is not the end of the name");
                }
                if what == "HELP" {
                    family.help = text.into();
                }
            }
            Some(_) => return fail("an unknown comment"),
            None => {
                let family = families.last().filter(|_| !sampled).ok_or(line)?;
                let suffix = if family.kind == "counter" { "_total" } else { "" };
                let rest = line.strip_prefix(&format!("{}{suffix}{{instance=\"a\"}} ", family.name)).ok_or(line)?;
                let value: f64 = rest.parse().map_err(|_| format!("not a number: {line}"))?;
                if !value.is_finite() || value < 0.0 {
                    return fail("not a count");
                }
                sampled = true;
            }
        }
    }
    if sampled { Ok(families) } else { Err("the last family has no sample".into()) }
}

fn is_name(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_lowercase())
        && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
}

#[tokio::test]
async fn the_page_is_openmetrics() {
    let server = Server::alone(Config::default()).await;
    let mut client = Client::in_room(&server, "r", "alice").await;
    client.say("1").await;
    client.expect("message").await;
    let answer = server.admin("/metrics").await;
    let kind = "content-type: application/openmetrics-text; version=1.0.0; charset=utf-8";
    assert!(answer.head.contains(kind), "{}", answer.head);
    let families = parse(&answer.body).unwrap();
    assert!(families.len() > 25 && families.iter().all(|family| family.help.len() > 10), "{families:?}");
    assert!(answer.metric("deliveries_total") == 1.0 && answer.metric("connections") == 1.0);
    for broken in [
        answer.body.replace("# EOF\n", ""),
        answer.body.replace("deliveries_total{", "deliveries{"),
        answer.body.replacen("# TYPE", "# TIPE", 1),
        answer.body.replacen("\n# TYPE", "\n\n# TYPE", 1),
        answer.body.replace("} 1\n", "} one\n"),
    ] {
        assert!(parse(&broken).is_err(), "the check has no teeth");
    }
}

#[tokio::test]
async fn every_metric_is_documented_and_nothing_else_is() {
    let server = Server::alone(Config::default()).await;
    let families = parse(&server.admin("/metrics").await.body).unwrap();
    let row = |family: &Family| {
        let total = if family.kind == "counter" { "_total" } else { "" };
        format!("| `{}{total}` | {} | {} |", family.name, family.kind, family.help)
    };
    let expected: Vec<String> = families.iter().map(row).collect();
    let document = include_str!("../../../docs/server-metrics.md");
    let documented: Vec<&str> = document.lines().filter(|line| line.starts_with("| `")).collect();
    let (wanted, there) = (BTreeSet::from_iter(expected.iter().map(String::as_str)), BTreeSet::from_iter(documented));
    assert!(wanted == there, "docs/server-metrics.md should have these rows:\n{}", expected.join("\n"));
}

#[tokio::test]
async fn bytes_are_counted_however_they_travel() {
    let server = Server::alone(Config::default()).await;
    let counted = async || (server.metric("bytes_in_total").await, server.metric("bytes_out_total").await);
    let before = counted().await;
    let content = "x".repeat(10_000);
    let body = format!(r#"{{"content":"{content}"}}"#);
    let (mut view, _) = Events::of_room(&server, "r", "ada").await;
    let said = request(server.address, "POST", "/api/rooms/r/messages", &bearer("ada"), &body).await;
    let epoch = said.body.split('"').nth(5).unwrap();
    assert_eq!(view.next("message").await.data.unwrap()["content"], content);
    // Counted when written, which the reader may be faster than.
    until("it is counted", async || counted().await.1 - before.1 >= 10_000.0).await;
    let after = counted().await;
    // Once in; out over the stream. What is more is heads and envelopes.
    let (came, went) = (after.0 - before.0, after.1 - before.1);
    assert!((10_000.0..12_000.0).contains(&came) && (10_000.0..13_000.0).contains(&went), "{came} in, {went} out");
    let poll = format!("/api/rooms/r/poll?pos={epoch}:0");
    let answer = request(server.address, "GET", &poll, &bearer("ada"), "").await;
    assert!(answer.body.contains(&content), "{answer:?}");
    until("the poll is counted", async || counted().await.1 - after.1 >= 10_000.0).await;
    let polled = counted().await.1 - after.1;
    assert!(polled < 12_000.0, "{polled} out");
}
