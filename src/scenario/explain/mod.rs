//! A scenario in plain words: what a run of it will do, what is to be expected, and what this machine must allow.

use std::fmt::Write as _;
use std::time::Duration;

use super::plan::{Expected, Plan};
use super::{BrokerChoice, Scenario, Target};
use crate::time::nanos;
use crate::units::human::{count, duration, grouped, rate};

mod faults;
mod login;
mod needs;
mod proxy;
mod traffic;
mod wrap;

pub use needs::{CLIENT_BYTES, Instances, Limits, MOST_PROCESSES, Needs, SERVER_CLIENT_BYTES};
use wrap::{Wrapped, few, plural};

/// What a run of `scenario` will do, in words, at most 80 columns wide.
pub fn explain(scenario: &Scenario, limits: &Limits) -> String {
    let plan = Plan::new(scenario);
    let mut out = Wrapped::default();
    headline(scenario, &plan, &mut out);
    server(scenario, &mut out);
    login::login(scenario, &mut out);
    proxy::proxy(scenario, &plan, &mut out);
    traffic::clients(scenario, &plan, &mut out);
    traffic::publications(scenario, &mut out);
    expected(scenario, &plan, &mut out);
    traffic::requests(scenario, &mut out);
    faults::faults(scenario, &plan, &mut out);
    time(scenario, &mut out);
    thresholds(scenario, &mut out);
    machine(&Needs::of(scenario, &plan), limits, scenario, &mut out);
    out.finish()
}

fn headline(scenario: &Scenario, plan: &Plan, out: &mut Wrapped) {
    let measured = time_text(scenario.times.duration);
    let clients = plural(u64::from(plan.peak()), "client");
    let rooms = match scenario.rooms.len() as u64 {
        0 => "and no rooms".to_owned(),
        rooms => format!("in {}", plural(rooms, "room")),
    };
    out.paragraph(&format!("{}: {clients} {rooms}, {measured} measured", scenario.name));
}

fn server(scenario: &Scenario, out: &mut Wrapped) {
    out.heading("Server");
    match &scenario.target {
        Target::Bundled(bundled) => {
            let instances = plural(u64::from(bundled.instances), "instance");
            let broker = match bundled.broker {
                BrokerChoice::Auto => {
                    "joined by Redis if there is one (--redis, REDIS_URL, or a redis-server or valkey-server on PATH), \
                     else by the embedded broker in one process"
                }
                BrokerChoice::Redis => "joined by Redis",
                BrokerChoice::Memory => "joined by the embedded broker, in one process",
            };
            out.item(&format!("starts the bundled room server: {instances}, {broker}"));
        }
        Target::Foreign(foreign) => {
            let shown = foreign.shown();
            let shown: Vec<&str> = shown.iter().map(String::as_str).collect();
            out.item(&format!("talks {} to {}", foreign.dialect.name(), few(&shown)));
            if foreign.network.resolve_each {
                out.item("every address of the name counts as a target");
            }
        }
    }
}

/// The mean of what is to be expected over the measured phase, per second.
pub fn mean_expected(scenario: &Scenario, plan: &Plan) -> Expected {
    const SAMPLES: u32 = 16;
    let times = &scenario.times;
    let samples = (0..SAMPLES).map(|at| {
        let along = times.duration.mul_f64((f64::from(at) + 0.5) / f64::from(SAMPLES));
        plan.expected_at(times.warm_up + along)
    });
    let sum = samples.fold((0.0, 0.0), |sum, one| (sum.0 + one.publications, sum.1 + one.deliveries));
    Expected { publications: sum.0 / f64::from(SAMPLES), deliveries: sum.1 / f64::from(SAMPLES) }
}

fn expected(scenario: &Scenario, plan: &Plan, out: &mut Wrapped) {
    if scenario.publishes.is_empty() {
        return;
    }
    let mean = mean_expected(scenario, plan);
    let all = |per_second: f64| count((per_second * scenario.times.duration.as_secs_f64()).round() as u64);
    out.item(&format!(
        "in the measured phase {} publications are due, {} in all, and {} deliveries, {} in all",
        rate(mean.publications),
        all(mean.publications),
        rate(mean.deliveries),
        all(mean.deliveries),
    ));
}

fn time(scenario: &Scenario, out: &mut Wrapped) {
    let times = &scenario.times;
    out.heading("Time");
    let phases = format!(
        "ramp {}, warm-up {}, measured {}, drain {}: about {} together",
        time_text(scenario.longest_ramp()),
        time_text(times.warm_up),
        time_text(times.duration),
        time_text(times.drain),
        time_text(scenario.longest_ramp() + times.total()),
    );
    out.item(&phases);
    let latest = time_text(scenario.longest_ramp() + times.join_timeout);
    out.item(&format!(
        "publishing begins when every client of the ramp has joined or failed, {latest} after the start at the latest"
    ));
    let settle = time_text(times.settle);
    let cut =
        if times.settle > times.drain { "or at the end of the drain, whichever is first" } else { "at the latest" };
    out.item(&format!("a copy is lost if it has not arrived {settle} after it was due {cut}"));
}

fn thresholds(scenario: &Scenario, out: &mut Wrapped) {
    out.heading("Thresholds");
    let widest = scenario.thresholds.iter().map(|rule| rule.metric.chars().count()).max().unwrap_or(0).min(40);
    for rule in &scenario.thresholds {
        let during = rule.during.as_ref().map(|during| format!(" during {during}")).unwrap_or_default();
        let abort = if rule.abort { ", ends the run when broken" } else { "" };
        out.item(&format!("{:widest$}  {}{during}{abort}", rule.metric, rule.rule));
    }
    if scenario.thresholds.is_empty() {
        out.item("none of its own");
    }
    out.item(match scenario.faults.is_empty() {
        true => "implied unless named: clients.failed == 0, messages.unsent at most 1 %",
        false => "implied unless named: clients.failed == 0",
    });
}

fn machine(needs: &Needs, limits: &Limits, scenario: &Scenario, out: &mut Wrapped) {
    out.heading("This machine");
    let judged = |needed: u64, limit: u64| if needed <= limit { "enough" } else { "NOT ENOUGH" };
    let mut files = format!(
        "open files: wsbench needs {}, the limit is {}: {}",
        grouped(needs.open_files),
        grouped(limits.open_files),
        judged(needs.most_files(), limits.open_files)
    );
    if let Some(processes) = needs.processes(limits) {
        let _written = write!(
            files,
            " in one process; run it with --processes {processes}, raise it (ulimit -n {}) or ask for fewer clients (-c)",
            needs.most_files()
        );
    } else if needs.most_files() > limits.open_files {
        let _written = write!(files, "; raise it (ulimit -n {}) or ask for fewer clients (-c)", needs.most_files());
    }
    out.item(&files);
    if needs.server_files > 0 {
        let busiest = grouped(needs.server_files);
        out.item(&match needs.one_server() {
            true => format!("the server needs as many, {busiest} in one process at most"),
            false => format!("each instance of the server is a process, and needs {busiest}"),
        });
    }
    if needs.proxy_files > 0 {
        out.item(&format!("the fault proxy needs two per connection, {}", grouped(needs.proxy_files)));
    }
    let sources = match &scenario.target {
        Target::Foreign(foreign) => foreign.network.source_ips.len().max(1) as u64,
        Target::Bundled(_) => 1,
    };
    let ports = needs.ports.div_ceil(sources);
    let mut text =
        format!("local ports: {} towards each URL, one address has {}", grouped(ports), grouped(limits.ports));
    text.push_str(match &scenario.target {
        _ if ports <= limits.ports => ": enough",
        Target::Bundled(_) => ": further addresses 127.0.0.x will be used",
        Target::Foreign(_) => ": NOT ENOUGH unless it is on this machine; name several `source_ips`",
    });
    out.item(&text);
}

/// A duration as prose has it.
fn time_text(time: Duration) -> String {
    match nanos(time) {
        whole if whole.is_multiple_of(1_000_000_000) && whole < 120_000_000_000 => {
            format!("{} s", whole / 1_000_000_000)
        }
        other => duration(other),
    }
}

#[cfg(test)]
mod tests;
