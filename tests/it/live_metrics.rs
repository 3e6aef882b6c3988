//! `--metrics-listen`: the page of a run that goes on, read as a scraper reads it.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::time::Duration;

use rustix::process::Signal;

use crate::support::{PATIENCE, Running, scratch, wait_for, wsbench};

/// A run of a minute with a page, and the page's port.
fn running(out: &str) -> (Running, u16) {
    let run = wsbench(["run", "@quickstart", "--broker", "memory", "--metrics-listen", "0", "--out", out])
        .vars("LISTENERS=18 TALKERS=2 RATE=50/s ROOMS=2 WARM_UP=0s DURATION=60s DRAIN=5s")
        .start();
    run.hears("/metrics\n");
    let said = run.stderr();
    let port = said.lines().find_map(|line| line.strip_prefix("metrics on http://127.0.0.1:")).unwrap();
    (run, port.strip_suffix("/metrics").unwrap().parse().unwrap())
}

fn ask(port: u16, request: &str) -> (String, String) {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head.to_owned(), body.to_owned())
}

fn page(port: u16) -> String {
    let (head, body) = ask(port, "GET /metrics HTTP/1.1\r\nhost: x\r\n\r\n");
    assert!(head.starts_with("HTTP/1.1 200 "), "{head}");
    assert!(head.contains("\r\ncontent-type: application/openmetrics-text; version=1.0.0"), "{head}");
    assert!(head.contains(&format!("\r\ncontent-length: {}\r\n", body.len())), "{head}");
    assert!(body.ends_with("# EOF\n"), "{body}");
    body
}

fn value(page: &str, sample: &str) -> Option<f64> {
    page.lines().find_map(|line| line.strip_prefix(sample)?.strip_prefix(' ')?.parse().ok())
}

/// Scrapes until more than `bound` copies have arrived.
fn delivered_beyond(port: u16, bound: f64) -> f64 {
    wait_for("more deliveries on the page", PATIENCE, || {
        value(&page(port), "wsbench_deliveries_delivered_total").filter(|delivered| *delivered > bound)
    })
}

fn families(page: &str) -> Vec<&str> {
    page.lines().filter_map(|line| line.strip_prefix("# TYPE ")).collect()
}

#[test]
fn the_page_grows_with_the_run_and_is_what_the_file_is() {
    let directory = scratch();
    let file = directory.path().join("run.prom");
    let (run, port) = running(&format!("openmetrics={}", file.display()));
    let first = delivered_beyond(port, 0.0);
    let second = delivered_beyond(port, first);
    let live = page(port);
    assert_eq!(value(&live, "wsbench_generator_clients"), Some(20.0), "{live}");
    assert!(live.contains("\nwsbench_delivery_seconds{quantile=\"0.99\"} 0."), "{live}");
    assert!(live.contains("wsbench_threshold_ok{metric=\"deliveries.lost\""), "{live}");
    assert!(!live.contains("verdict="), "nobody has judged it: {live}");

    run.signal(Signal::INT);
    run.finish().expect(130);
    let whole = std::fs::read_to_string(file).unwrap();
    let missing: Vec<_> = families(&live).into_iter().filter(|family| !families(&whole).contains(family)).collect();
    assert!(missing.is_empty(), "only on the page: {missing:?}");
    assert!(value(&whole, "wsbench_deliveries_delivered_total").unwrap() >= second, "{whole}");
    TcpStream::connect(("127.0.0.1", port)).expect_err("the page goes with the run");
}

#[test]
fn readers_that_misbehave_are_told_or_dropped_and_hold_nobody_up() {
    let (run, port) = running("openmetrics=/dev/null");
    let silent: Vec<_> = (0..3).map(|_| TcpStream::connect(("127.0.0.1", port)).unwrap()).collect();
    delivered_beyond(port, 0.0);
    let cases = [
        ("GET / HTTP/1.1\r\n\r\n", "404 Not Found"),
        ("POST /metrics HTTP/1.1\r\n\r\n", "405 Method Not Allowed"),
        ("HEAD /metrics HTTP/1.1\r\n\r\n", "200 OK"),
        ("\r\n\r\n", "405 Method Not Allowed"),
    ];
    for (request, status) in cases {
        let (head, body) = ask(port, request);
        assert!(head.starts_with(&format!("HTTP/1.1 {status}")), "{request:?}: {head}");
        assert_eq!(body.is_empty(), request.starts_with("HEAD"), "{request:?}");
    }
    let (head, _) = ask(port, &"x".repeat(8 * 1024));
    assert!(head.starts_with("HTTP/1.1 400 "), "a request without an end: {head}");
    drop(silent);
    run.signal(Signal::INT);
    run.finish().expect(130);
}

#[test]
fn a_port_that_is_taken_is_refused_before_anything_starts() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let refused = wsbench(["run", "@quickstart", "--metrics-listen", &address]).run();
    refused.expect(3).says(&[&address, "--metrics-listen", "another port", "0 for any free one"]);
    assert!(!refused.stderr.contains("broker"), "{}", refused.stderr);
    wsbench(["run", "@quickstart", "--metrics-listen", "here"]).run().expect(2).says(&["9464"]);
}
