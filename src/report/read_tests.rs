use serde_json::{Value, json};

use super::*;
use crate::report::Broker;
use crate::report::sample::{HELD, outcome, report, storm, stormy};

fn saved(report: &Report) -> Value {
    serde_json::to_value(report).unwrap()
}

fn stormy_report() -> Report {
    report(&stormy(vec![storm()]), Broker::Redis, HELD)
}

/// The result with nothing in it but the keys of the contract.
fn contract(mut result: Value) -> Value {
    let keep = |value: &mut Value, keys: &str| {
        let object = value.as_object_mut().unwrap();
        object.retain(|key, _| keys.split(' ').any(|known| known == key));
    };
    keep(
        &mut result,
        "schema complete verdict exit_code scenario environment counters histograms thresholds faults series generator",
    );
    keep(&mut result["scenario"], "name sha256 seed text");
    keep(&mut result["generator"], "healthy reasons cpu_seconds rss_peak_bytes clients");
    for rule in result["thresholds"].as_array_mut().unwrap() {
        keep(rule, "metric rule value ok during line count");
    }
    for fault in result["faults"].as_array_mut().unwrap() {
        keep(fault, "name at_ns reconnect herd");
        keep(&mut fault["reconnect"], "lost recovered never peak_connects_per_100ms");
    }
    for point in result["series"].as_array_mut().unwrap() {
        keep(point, "t_ns counters histograms");
    }
    result
}

#[test]
fn what_was_written_is_read_back_whole() {
    for fresh in [report(&outcome(), Broker::Redis, HELD), stormy_report()] {
        assert_eq!(read(&saved(&fresh).to_string()), Ok(fresh));
    }
}

#[test]
fn a_result_with_no_more_than_the_contract_is_read() {
    let fresh = stormy_report();
    let old = read(&contract(saved(&fresh)).to_string()).unwrap();
    assert_eq!(old.identity, fresh.identity, "from the counters");
    assert_eq!((old.faults[0].herd_bin_ns, old.end), (100_000_000, Ending::Complete));
    let mut cut = contract(saved(&fresh));
    cut["complete"] = json!(false);
    cut["exit_code"] = json!(143);
    assert_eq!(read(&cut.to_string()).unwrap().end, Ending::Interrupted(143));
}

#[test]
fn a_key_of_a_later_version_is_passed_over() {
    let fresh = stormy_report();
    let mut newer = saved(&fresh);
    newer["weather"] = json!({ "rain": true });
    newer["faults"][0]["colour"] = json!("red");
    assert_eq!(read(&newer.to_string()), Ok(fresh));
}

#[test]
fn what_is_no_result_is_said_to_be_none() {
    let wrong = |text: &str| read(text).unwrap_err().to_string();
    for foreign in ["[]", "{}", "3", r#"{"schema": "other/1"}"#, r#"{"schema": 1}"#] {
        assert!(wrong(foreign).contains("not a result of wsbench"), "{foreign}: {}", wrong(foreign));
    }
    assert!(wrong(r#"{"schema": "wsbench/result/2"}"#).contains("newer one"));
    assert_eq!(wrong(r#"{"schema": "wsbench/result/1""#), "1:29: EOF while parsing an object");
    assert!(wrong("").starts_with("1:1: EOF"), "{}", wrong(""));
    let mut result = saved(&stormy_report());
    result["counters"] = json!("many");
    assert!(wrong(&result.to_string()).contains("invalid type: string \"many\", expected a sequence"));
    result.as_object_mut().unwrap().remove("counters");
    assert!(wrong(&result.to_string()).contains("missing field `counters`"));
}
