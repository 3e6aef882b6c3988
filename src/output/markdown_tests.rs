use super::*;
use crate::report::Broker;
use crate::report::sample::{HELD, report, storm, stormy};

fn made(report: &Report) -> String {
    let mut text = Vec::new();
    write(report, &mut text).unwrap();
    String::from_utf8(text).unwrap()
}

#[test]
fn the_summary_reads_as_it_should() {
    let asked = [("delivery.p50{hop=cross}", "< 5ms"), ("deliveries.lost", "== 40"), ("reconnect.never", "== 0")];
    insta::assert_snapshot!(made(&report(&stormy(vec![storm()]), Broker::Redis, &asked)));
}

#[test]
fn every_row_of_a_table_has_as_many_cells_as_its_head() {
    let mut hostile = report(&stormy(vec![storm()]), Broker::Redis, HELD);
    let text = "a | b\n| c `d` <img src=x onerror=alert(1)>".to_owned();
    hostile.faults[0].name.clone_from(&text);
    hostile.faults[0].what.clone_from(&text);
    hostile.arrivals[0].publish = text;
    hostile.thresholds[0].metric = "a|b`c\nd".to_owned();
    let text = made(&hostile);
    assert!(!text.contains("<img"), "{text}");
    let mut head = None;
    for line in text.lines() {
        let cells = line.replace("\\|", "").matches('|').count();
        head = line.starts_with('|').then(|| head.unwrap_or(cells));
        assert!(head.is_none_or(|head| head == cells), "{line}");
    }
}

#[test]
fn a_huge_result_is_a_small_page() {
    let mut huge = report(&stormy(vec![storm()]), Broker::Redis, HELD);
    let long = "x<|".repeat(5_000);
    huge.thresholds[0].metric.clone_from(&long);
    huge.faults[0].what.clone_from(&long);
    huge.generator.reasons = vec![long; 2_000];
    huge.thresholds = vec![huge.thresholds[0].clone(); 5_000];
    huge.faults = vec![huge.faults[0].clone(); 5_000];
    huge.arrivals = vec![huge.arrivals[0].clone(); 5_000];
    assert!(made(&huge).len() < 1 << 20, "{} bytes", made(&huge).len());
}
