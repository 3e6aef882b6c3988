//! The most deliveries a second that one wsbench process and one room server carry on this machine with nothing lost,
//! and what batching makes of reads and writes on the way there.
//!
//! The rate is stepped up until something is lost, is not sent, or comes so late that the backlog grows. At the lowest
//! step nothing waits for anything: its median must be that of single messages, or batching would cost delay.
//!
//!     cargo bench --bench saturation [-- clients=2000 rooms=20 seconds=5 start=20000 step=1.25]

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
use product::{Job, Run};
use server::Server;

/// Deliveries per second at which nothing waits.
const QUIET: f64 = 1_000.0;

/// A backlog that grows shows in the tail: beyond this the rate is not carried.
const LATEST_P99_MILLIS: f64 = 1_000.0;

/// Even where all seems well, no higher.
const HIGHEST: f64 = 400_000.0;

fn main() {
    let (clients, rooms): (usize, usize) = (argument("clients", 2_000), argument("rooms", 20));
    println!("saturation, {clients} clients in {rooms} rooms, 200 B, one generator thread and one server thread");
    println!(
        "  {:>12}{:>12}{:>9}{:>9}{:>8}{:>8}{:>9}{:>9}{:>9}{:>9}",
        "deliveries/s", "achieved", "p50 ms", "p99 ms", "lost", "unsent", "reads", "writes", "gen CPU", "srv CPU"
    );
    step(clients, rooms, QUIET);
    let (mut rate, factor): (f64, f64) = (argument("start", 20_000.0), argument("step", 1.25));
    let mut best = None;
    while rate <= HIGHEST {
        let step = step(clients, rooms, rate);
        if !step.carried {
            break;
        }
        best = Some(step);
        rate *= factor;
    }
    match best {
        None => println!("  not even the first step was carried"),
        Some(best) => {
            println!("  carried: {:.0} deliveries/s with p99 {:.1} ms; aim 100,000", best.achieved, best.p99);
        }
    }
}

/// What a rate led to.
struct Outcome {
    achieved: f64,
    p99: f64,
    carried: bool,
}

/// Runs one rate against a fresh server, and prints it.
fn step(clients: usize, rooms: usize, rate: f64) -> Outcome {
    let server = Server::start(1, "memory");
    let duration = Duration::from_secs_f64(argument("seconds", 5.0));
    let job = Job {
        urls: server.urls().to_vec(),
        dialect: "",
        clients,
        rooms,
        rate: rate * rooms as f64 / clients as f64,
        size: 200,
        transport: "websocket".to_owned(),
        ramp: Duration::from_millis(clients as u64),
        warm_up: Duration::from_secs(2),
        duration,
    };
    let report = Run::start(&job).finish();
    let writes = server.counter("room_server_writes_total") / server.counter("room_server_frames_out_total");
    let cpu = server.counter("process_cpu_seconds_total") / (duration + job.warm_up).as_secs_f64();
    let seconds = report.seconds();
    let (delivered, lost) = (report.counter("deliveries.delivered"), report.counter("deliveries.lost"));
    let unsent = report.counter("messages.unsent");
    let (p50, p99) = (report.millis("delivery", "p50"), report.millis("delivery", "p99"));
    let reads = report.measured("socket.reads") / report.measured("frames.received");
    let achieved = delivered / seconds;
    println!(
        "  {rate:>12.0}{achieved:>12.0}{p50:>9.2}{p99:>9.2}{lost:>8.0}{unsent:>8.0}{reads:>9.3}{writes:>9.3}{:>9.2}{cpu:>9.2}",
        report.generator("cpu_seconds") / seconds,
    );
    let carried = lost == 0.0 && unsent == 0.0 && p99 < LATEST_P99_MILLIS && achieved > 0.995 * rate;
    Outcome { achieved, p99, carried }
}
