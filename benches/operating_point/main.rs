//! CPU per delivery at the operating point: 2,000 connections, 20 rooms of 100, 200 bytes, 20,000 deliveries a second.
//!
//! First the generator: wsbench, a bare tokio-tungstenite client and the floor (raw sockets), against the same room
//! server. Then the server: the room server, a bare tokio-tungstenite fan-out and the floor, under the same client.
//! Then, if it is asked for, the same server spoken to in its own dialect and in one that a file describes.
//! Contestants take turns; figures are medians over the rounds, ratios medians of the ratios within a round.
//!
//!     cargo bench --bench operating_point [-- rounds=5 seconds=5 half=generator|server|dialect]

#[path = "../support/arguments.rs"]
mod arguments;
mod bare_client;
mod bare_server;
mod declared;
mod floor_client;
mod floor_server;
mod load;
#[path = "../support/process.rs"]
mod process;
#[path = "../support/product.rs"]
mod product;
#[path = "../support/server.rs"]
mod server;
#[path = "../support/stats.rs"]
mod stats;

use std::process::Command;
use std::time::Duration;

use serde_json::Value;

use arguments::argument;
use load::Load;
use process::{Process, cpu_nanos};
use product::{Job, Run};
use server::Server;
use stats::median;

fn main() {
    let role: String = argument("role", String::new());
    let address: String = argument("address", String::new());
    let frame: usize = argument("frame", 0);
    match role.as_str() {
        "" => compare(),
        "bare-client" => bare_client::run(&address),
        "floor-client" => floor_client::run(&address, true),
        "raw-client" => floor_client::run(&address, false),
        "bare-server" => bare_server::run(frame),
        "floor-server" => floor_server::run(frame),
        other => panic!("there is no role {other}"),
    }
}

/// What one contestant used in one round, per delivery.
#[derive(Clone, Copy, Debug)]
struct Cost {
    cpu: f64,
    calls: f64,
    deliveries_per_second: f64,
}

/// Runs the halves that were asked for.
fn compare() {
    let half: String = argument("half", "both".to_owned());
    if half == "dialect" {
        return declared::compare();
    }
    if half != "server" {
        let server = Server::start(1, "memory");
        let address = server.urls()[0].trim_start_matches("ws://").to_owned();
        let costs = rounds(&[&|| wsbench(&server, ""), &|| client("bare-client", &address, &|| 0).0, &|| {
            client("floor-client", &address, &|| 0).0
        }]);
        print("generator", ["wsbench", "bare tokio-tungstenite", "floor: raw sockets"], "reads", &costs);
    }
    if half != "generator" {
        let frame = frame_bytes();
        let costs = rounds(&[&room_server, &|| other_server("bare", frame), &|| other_server("floor", frame)]);
        print("server", ["room server", "bare tokio-tungstenite", "floor: raw writes"], "writes", &costs);
    }
}

/// Every contestant in turn, as often as was asked for.
fn rounds<const N: usize>(contestants: &[&dyn Fn() -> Cost; N]) -> Vec<[Cost; N]> {
    let rounds: usize = argument("rounds", 5);
    let round = |round: usize| {
        let mut costs = [None; N];
        for turn in 0..N {
            // Whoever comes first changes, so that nobody always follows the same neighbour.
            let at = (round + turn) % N;
            costs[at] = Some(contestants[at]());
        }
        costs.map(|cost| cost.expect("everyone had a turn"))
    };
    (0..rounds).map(round).collect()
}

fn print(title: &str, names: [&str; 3], calls: &str, rounds: &[[Cost; 3]]) {
    println!("{title}: CPU per delivery, medians of {} rounds", rounds.len());
    println!("  {:<24}{:>9}{:>9}{:>12}{:>9}{:>9}", "", "µs", calls, "deliveries/s", "x bare", "x floor");
    for (at, name) in names.into_iter().enumerate() {
        let over = |other: usize| median(rounds.iter().map(|round| round[at].cpu / round[other].cpu));
        let of = |pick: fn(&Cost) -> f64| median(rounds.iter().map(|round| pick(&round[at])));
        let (cpu, calls, rate) = (of(|c| c.cpu), of(|c| c.calls), of(|c| c.deliveries_per_second));
        println!("  {name:<24}{cpu:>9.2}{calls:>9.3}{rate:>12.0}{:>9.2}{:>9.2}", over(1), over(2));
    }
    println!("  goal: {} at most 1.15 x bare and 1.35 x floor; {calls} within 5 % of each other\n", names[0]);
}

/// wsbench as its users run it: ledger and meters on.
fn wsbench(server: &Server, dialect: &'static str) -> Cost {
    let (warm_up, duration) = load::phases();
    let load = Load::asked();
    let job = Job {
        urls: server.urls().to_vec(),
        dialect,
        clients: load.clients,
        rooms: load.rooms,
        rate: load.rate as f64,
        size: load.payload,
        transport: "websocket".to_owned(),
        ramp: Duration::from_secs(2),
        warm_up,
        duration,
    };
    let report = Run::start(&job).finish();
    let delivered = report.counter("deliveries.delivered");
    Cost {
        cpu: report.generator("cpu_seconds") * 1e6 / delivered,
        calls: report.measured("socket.reads") / report.measured("frames.received"),
        deliveries_per_second: delivered / report.seconds(),
    }
}

/// One of our own clients against a server; what it cost, and what `used` gained meanwhile.
fn client(role: &str, address: &str, used: &dyn Fn() -> u64) -> (Cost, u64) {
    let mut process = start(role, &[format!("address={address}")]);
    let mut line = process.line();
    assert_eq!(line, "\"begin\"", "{role} did not come to measuring");
    let before = used();
    line = process.line();
    let used = used() - before;
    let said: Value = serde_json::from_str(&line).expect("a report is JSON");
    let figure = |name: &str| said[name].as_f64().expect("a report has every figure");
    let deliveries = figure("deliveries");
    let cost = Cost {
        cpu: figure("cpu_us") / deliveries,
        calls: figure("reads") / (deliveries + figure("writes")),
        deliveries_per_second: deliveries / figure("seconds"),
    };
    (cost, used)
}

/// What the room server costs under the floor client.
fn room_server() -> Cost {
    let server = Server::start(1, "memory");
    let address = server.urls()[0].trim_start_matches("ws://").to_owned();
    let frames = || server.counter("room_server_frames_out_total");
    let writes = || server.counter("room_server_writes_total");
    let began = std::cell::Cell::new((0.0, 0.0));
    let used = || {
        let (frames, writes) = (frames() - began.get().0, writes() - began.get().1);
        began.set((frames, writes));
        server.cpu_nanos()
    };
    let (client, nanos) = client("floor-client", &address, &used);
    let (frames, writes) = began.get();
    served(client, nanos, writes / frames)
}

/// What another server costs under the floor client.
fn other_server(kind: &str, frame: usize) -> Cost {
    let mut process = start(&format!("{kind}-server"), &[format!("frame={frame}")]);
    let address: String = serde_json::from_str(&process.line()).expect("a server says its address");
    let role = if kind == "bare" { "floor-client" } else { "raw-client" };
    let pid = process.id();
    let process = std::cell::RefCell::new(&mut process);
    let writes = std::cell::Cell::new(0);
    let used = || {
        let now: u64 = process.borrow_mut().ask().parse().expect("a server says its writes");
        writes.set(now - writes.get());
        cpu_nanos(pid)
    };
    let (client, nanos) = client(role, &address, &used);
    let frames =
        client.deliveries_per_second * load::phases().1.as_secs_f64() * (1.0 + 1.0 / Load::asked().members() as f64);
    served(client, nanos, writes.get() as f64 / frames)
}

fn served(client: Cost, nanos: u64, calls: f64) -> Cost {
    let deliveries = client.deliveries_per_second * load::phases().1.as_secs_f64();
    Cost { cpu: nanos as f64 / 1e3 / deliveries, calls, deliveries_per_second: client.deliveries_per_second }
}

/// Bytes of a delivery as the room server writes it, without the two or four of its frame's head.
fn frame_bytes() -> usize {
    let server = Server::start(1, "memory");
    let address = server.urls()[0].trim_start_matches("ws://").to_owned();
    let seen = std::cell::Cell::new(0.0);
    let ratio = || {
        let bytes = server.counter("room_server_bytes_out_total");
        seen.set(bytes - seen.get());
        server.counter("room_server_frames_out_total") as u64
    };
    let (_, frames) = client("floor-client", &address, &ratio);
    (seen.get() / frames as f64) as usize - 4
}

fn start(role: &str, arguments: &[String]) -> Process {
    let mut command = Command::new(std::env::current_exe().expect("the bench knows its own program"));
    command.arg(format!("role={role}")).args(arguments);
    command.arg(format!("seconds={}", load::phases().1.as_secs_f64()));
    Process::start(command)
}
