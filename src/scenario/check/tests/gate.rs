//! `[gate]`: what it comes to mean, and what is wrong with it.

use std::time::Duration;

use super::{check, judge, with};

#[test]
fn what_the_gate_is_told_is_kept() {
    let gate = "[gate]\nnew = \"ws://127.0.0.1:9/ws\"\nmetrics = { p90 = \"20%\", p50 = \"5%\" }\nblock = \"500ms\"\n\
                inconclusive = \"pass\"\n[thresholds]";
    let text = with("[thresholds]", gate);
    let gate = check(&text).unwrap().gate;
    assert_eq!((gate.base, gate.new.as_deref()), (None, Some("ws://127.0.0.1:9/ws")));
    let metrics: Vec<(&str, &str)> =
        gate.metrics.iter().map(|(metric, span)| (metric.as_str(), &text[span.clone()])).collect();
    assert_eq!(metrics, [("p90=20%", "\"20%\""), ("p50=5%", "\"5%\"")]);
    assert_eq!(gate.block, Some(Duration::from_millis(500)));
    assert!(gate.inconclusive_passes && !gate.untrustworthy_passes);
}

#[test]
fn what_the_gate_cannot_be_told() {
    judge(&[
        ("[thresholds]", "[gate]\nblock = \"2s\"\n[thresholds]", "26:9 a block lasts 400ms to 1s"),
        ("[thresholds]", "[gate]\nstarts = 0\n[thresholds]", "26:10 the sides are started 1 to 10 times"),
        (
            "[thresholds]",
            "[gate]\nmax_tine = \"2s\"\n[thresholds]",
            "26:1 unknown key `max_tine` | did you mean `max_time`?",
        ),
    ]);
}
