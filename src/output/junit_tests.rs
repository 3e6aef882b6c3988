use super::*;
use crate::engine::{End, Outcome};
use crate::report::Broker;
use crate::report::sample::{HELD, outcome, report, report_under, rules, storm, stormy};

fn junit(report: &Report) -> String {
    let mut text = Vec::new();
    write(report, &mut text).unwrap();
    let text = String::from_utf8(text).unwrap();
    assert_well_formed(&text);
    text
}

/// Fails unless tags are nested, attributes quoted and unique, and nothing stands outside the one root.
pub(in crate::output) fn assert_well_formed(text: &str) {
    let body = text.strip_prefix("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n").expect("a declaration");
    let (mut open, mut roots) = (Vec::new(), 0);
    let mut rest = body;
    while let Some(at) = rest.find('<') {
        assert!(!open.is_empty() || rest[..at].trim().is_empty(), "text outside the root: {}", &rest[..at]);
        let end = rest[at..].find('>').expect("a tag ends") + at;
        let tag = &rest[at + 1..end];
        assert!(!tag.contains('<'), "markup inside a tag: {tag}");
        rest = &rest[end + 1..];
        if let Some(name) = tag.strip_prefix('/') {
            assert_eq!(open.pop(), Some(name), "in {text}");
            continue;
        }
        let (tag, closed) = tag.strip_suffix('/').map_or((tag, false), |tag| (tag, true));
        let (name, attributes) = tag.split_once(' ').unwrap_or((tag, ""));
        let quoted: Vec<&str> = attributes.split('"').collect();
        assert_eq!(quoted.len() % 2, 1, "quotes in {tag}");
        let mut names: Vec<&str> = quoted.iter().step_by(2).map(|name| name.trim()).filter(|n| !n.is_empty()).collect();
        assert!(names.iter().all(|name| name.ends_with('=') && !name.contains(' ')), "{tag}");
        let number = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), number, "an attribute twice in {tag}");
        roots += usize::from(open.is_empty());
        if !closed {
            open.push(name);
        }
    }
    assert_eq!((roots, open.len(), rest.trim()), (1, 0, ""), "{text}");
    assert!(!text.chars().any(|c| c < ' ' && c != '\n'), "{text:?}");
    for (at, _) in text.match_indices('&') {
        let entity = text[at..].split(';').next().unwrap();
        assert!(["&amp", "&lt", "&gt", "&quot"].contains(&entity) || entity.starts_with("&#"), "{entity}");
    }
}

#[test]
fn there_is_a_case_per_threshold() {
    let text = junit(&report(&outcome(), Broker::Redis, HELD));
    assert_eq!(text.matches("<testcase ").count(), HELD.len());
    assert!(text.contains("tests=\"4\" failures=\"0\" errors=\"0\" skipped=\"0\""), "{text}");
    let asked = [("delivery.p50{hop=cross}", "< 5ms"), ("deliveries.lost", "== 0")];
    let text = junit(&report(&outcome(), Broker::Redis, &asked));
    assert!(text.contains("tests=\"2\" failures=\"1\" errors=\"0\""), "{text}");
    let case = "<testcase name=\"delivery.p50{hop=cross} &lt; 5ms\" classname=\"chat-staging\" file=\"chat.toml\" \
                line=\"60\" time=\"0\">\n      <failure message=\"found 8.40 ms, 68 % above\" type=\"threshold\">";
    assert!(text.contains(case), "{text}");
}

#[test]
fn a_rule_about_an_incident_that_did_not_happen_is_skipped() {
    let mut asked = rules(&[("delivery.p99", "< 1s")]);
    asked[0].during = Some("incident-1".to_owned());
    let text = junit(&report_under(&stormy(vec![storm()]), Broker::Redis, &asked));
    assert!(text.contains("<skipped message=\"chat.toml:60: not applicable"), "{text}");
}

#[test]
fn what_is_no_thresholds_fault_is_an_error_of_the_run() {
    let ended = Outcome { end: End::Failed("refused by <b>&co</b>".to_owned()), ..outcome() };
    let text = junit(&report(&ended, Broker::Redis, HELD));
    assert!(text.contains("errors=\"1\"") && text.contains("name=\"the run\""), "{text}");
    assert!(text.contains("refused by &lt;b&gt;&amp;co&lt;/b&gt;\" type=\"exit 3\""), "{text}");
    let cut = Outcome { end: End::Interrupted(130), ..outcome() };
    assert!(junit(&report(&cut, Broker::Redis, HELD)).contains("a partial result"));
}

#[test]
fn hostile_names_are_text() {
    let mut hostile = report(&outcome(), Broker::Redis, &[("delivery.p50", "< 1ms")]);
    hostile.scenario.name = "\"/><x y='\u{1b}\n]]>--".to_owned();
    hostile.scenario.path = "a\"b<c".to_owned();
    hostile.thresholds[0].note = Some("<!-- & \u{0} -->".to_owned());
    assert!(!junit(&hostile).contains("<x"));
}
