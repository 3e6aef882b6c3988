//! `[gate]`: what it comes to mean, and what is wrong with it.

use std::time::Duration;

use super::{check, judge, with};

#[test]
fn what_the_gate_is_told_is_kept() {
    let gate = "[gate]\nnew = \"ws://127.0.0.1:9/ws\"\nmetrics = { p90 = \"20%\", p50 = \"5%\" }\nblock = \"500ms\"\n\
                inconclusive = \"pass\"\n[thresholds]";
    let gate = check(&with("[thresholds]", gate)).unwrap().gate;
    assert_eq!((gate.base, gate.new.as_deref()), (None, Some("ws://127.0.0.1:9/ws")));
    assert_eq!(
        (gate.metrics, gate.block),
        (vec!["p90=20%".to_owned(), "p50=5%".to_owned()], Some(Duration::from_millis(500)))
    );
    assert!(gate.inconclusive_passes && !gate.untrustworthy_passes);
}

#[test]
fn what_the_gate_cannot_be_told() {
    judge(&[
        ("[thresholds]", "[gate]\nblock = \"2s\"\n[thresholds]", "26:9 a block lasts 400ms to 1s"),
        (
            "[thresholds]",
            "[gate]\nmax_tine = \"2s\"\n[thresholds]",
            "26:1 unknown key `max_tine` | did you mean `max_time`?",
        ),
    ]);
}
