//! Memory of clients that are connected, joined and quiet: 15,000 of them in one wsbench process, against two instances
//! of the room server.
//!
//! The figure is the resident memory at 15,000 clients minus that at 100, divided by the clients in between; so it
//! holds what a client costs and not what a process costs.
//!
//! What a client may cost depends on how it connects: 10 KiB on a socket, 20 KiB on a stream of events; for long polls no
//! goal is set.
//!
//!     cargo bench --bench idle_memory [-- clients=15000 broker=auto transport=websocket]

#[path = "support/arguments.rs"]
mod arguments;
#[path = "support/process.rs"]
mod process;
#[path = "support/product.rs"]
mod product;
#[path = "support/server.rs"]
mod server;

use std::time::Duration;

use arguments::argument;
use process::resident_kib;
use product::{Job, Run};
use server::Server;

/// Clients of the run that stands for an empty process.
const FEW: usize = 100;

/// How long they sit still before they are weighed.
const REST: Duration = Duration::from_secs(4);

fn main() {
    let clients: usize = argument("clients", 15_000);
    let transport = argument("transport", "websocket".to_owned());
    let few = weigh(FEW, &transport);
    let many = weigh(clients, &transport);
    let per_client = |many: u64, few: u64| many.saturating_sub(few) as f64 / (clients - FEW) as f64;
    println!("idle memory, {clients} clients by {transport}, joined, one generator process, two instances");
    println!(
        "  {:<20}{:>14}{:>14}{:>16}{:>8}",
        "",
        format!("MiB at {FEW}"),
        format!("at {clients}"),
        "KiB per client",
        "goal"
    );
    let goal = match transport.as_str() {
        "websocket" => "10",
        "sse" => "20",
        _ => "-",
    };
    for (name, few, many, goal) in
        [("wsbench", few.generator, many.generator, goal), ("room server", few.server, many.server, "12")]
    {
        let mib = |kib: u64| kib as f64 / 1024.0;
        println!("  {name:<20}{:>14.1}{:>14.1}{:>16.2}{goal:>8}", mib(few), mib(many), per_client(many, few));
    }
}

/// Resident memory, in KiB.
struct Weight {
    generator: u64,
    server: u64,
}

/// Connects `clients`, lets them rest, and weighs both sides.
fn weigh(clients: usize, transport: &str) -> Weight {
    let server = Server::start(2, &argument("broker", "auto".to_owned()));
    let ramp = Duration::from_millis(clients as u64).max(Duration::from_secs(1));
    let job = Job {
        urls: server.urls().to_vec(),
        dialect: "",
        clients,
        rooms: clients / 50,
        // Somebody has to say something, or nothing could be recognised as a delivery.
        rate: 1.0,
        size: 128,
        transport: transport.to_owned(),
        ramp,
        warm_up: Duration::ZERO,
        duration: REST * 2,
    };
    let run = Run::start(&job);
    while server.counter("room_server_members") < clients as f64 {
        wsbench::time::nap(Duration::from_millis(100));
    }
    wsbench::time::nap(REST);
    let weight = Weight { generator: resident_kib(run.id()), server: server.resident_kib() };
    let connected = run.finish().counter("clients.connected");
    assert_eq!(connected as usize, clients, "not everybody got in");
    weight
}
