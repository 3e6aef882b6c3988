//! Room servers side by side: two instances of each, joined by Redis, the same clients, the same work.
//!
//! The bundled one, that of the article it began with (made to deliver), and Socket.IO with its Redis adapter. Several
//! rounds, in each every server once, the medians are printed. Run by `tests/peers/side-by-side.sh`, which gets what the
//! Node servers need; `only=bundled` (or `article`, `socketio`) leaves the others out, and the bundled one needs nothing:
//!
//!     cargo bench --bench servers -- scripts=DIR [only=NAME clients=1000 rooms=20 rate=200 seconds=10 rounds=3]

#![allow(clippy::disallowed_methods)] // a bench reads clocks

#[path = "../support/arguments.rs"]
mod arguments;
mod crowd;
mod kinds;
#[path = "../support/process.rs"]
mod process;
#[path = "../support/server.rs"]
mod server;

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use arguments::argument;
use crowd::Crowd;
use kinds::{KINDS, Kind, Running};

/// The work of every server.
struct Work {
    clients: usize,
    rooms: usize,
    /// Messages per second.
    rate: usize,
    seconds: usize,
    tokens: Vec<String>,
}

/// What one round with one server came to.
#[derive(Clone, Copy, Default)]
struct Figures {
    connects: f64,
    connect_cpu: f64,
    kib: f64,
    delivery_cpu: f64,
    p50: f64,
    p99: f64,
    lost: f64,
}

type Column = (&'static str, fn(&Figures) -> f64, usize);

const COLUMNS: [Column; 7] = [
    ("connects/s", |f| f.connects, 0),
    ("µs CPU/connect", |f| f.connect_cpu, 0),
    ("KiB/connection", |f| f.kib, 1),
    ("µs CPU/delivery", |f| f.delivery_cpu, 1),
    ("p50 ms", |f| f.p50, 2),
    ("p99 ms", |f| f.p99, 2),
    ("lost", |f| f.lost, 0),
];

fn main() {
    let (clients, rooms) = (argument("clients", 1_000), argument("rooms", 20));
    let secret = reference_server::Secret::new(server::SECRET);
    let tokens = (0..clients).map(|n| secret.mint(&format!("u{n}"), u32::MAX.into())).collect();
    let work = Work { clients, rooms, rate: argument("rate", 200), seconds: argument("seconds", 10), tokens };
    let scripts: PathBuf = argument("scripts", PathBuf::from("tests/peers/servers"));
    let mut all: Vec<(Kind, Vec<Figures>)> = chosen().map(|kind| (kind, Vec::new())).collect();
    for _ in 0..argument("rounds", 3) {
        for (kind, figures) in &mut all {
            figures.push(round(*kind, &work, &scripts));
        }
    }
    let deliveries = work.rate * clients / rooms;
    println!("{clients} clients in {rooms} rooms on two instances of each, 200 B, {deliveries} deliveries/s");
    let heads: Vec<&str> = COLUMNS.iter().map(|(name, ..)| *name).collect();
    println!("| server | {} |\n|---|{}", heads.join(" | "), "---|".repeat(COLUMNS.len()));
    for (kind, figures) in &all {
        let cells = COLUMNS.map(|(_, pick, digits)| format!("{:.digits$}", median(figures.iter().map(pick))));
        println!("| {} | {} |", kind.name(), cells.join(" | "));
    }
}

/// All servers, or the one that is asked for.
fn chosen() -> impl Iterator<Item = Kind> {
    let only: String = argument("only", String::new());
    let names = KINDS.map(Kind::word).join(", ");
    assert!(only.is_empty() || KINDS.iter().any(|kind| kind.word() == only), "only={only}: there are {names}");
    KINDS.into_iter().filter(move |kind| only.is_empty() || kind.word() == only)
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// Starts a server, brings the clients in, lets them talk, and looks at what it cost.
fn round(kind: Kind, work: &Work, scripts: &Path) -> Figures {
    let running = Running::start(kind, scripts);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let figures = tokio::task::LocalSet::new().block_on(&runtime, measure(kind, work, &running));
    eprintln!("{}: p99 {:.2} ms, {:.1} µs/delivery", kind.name(), figures.p99, figures.delivery_cpu);
    figures
}

async fn measure(kind: Kind, work: &Work, running: &Running) -> Figures {
    let bases = running.bases();
    // A few come and go first, so that nothing is compiled or allocated for the first time while it is measured.
    drop(Crowd::gather(kind, &bases, 4 * work.rooms, work.rooms, &work.tokens).await);
    tokio::time::sleep(Duration::from_secs(1)).await;
    let (memory, cpu, begin) = (running.resident(), running.cpu(), Instant::now());
    let crowd = Crowd::gather(kind, &bases, work.clients, work.rooms, &work.tokens).await;
    let took = begin.elapsed().as_secs_f64();
    // Subscriptions settle, announcements pass.
    tokio::time::sleep(Duration::from_secs(1)).await;
    let connect_cpu = (running.cpu() - cpu) / work.clients as f64;
    let kib = (running.resident() - memory) / work.clients as f64;
    let pause = Duration::from_secs(1) / work.rate as u32;
    crowd.talk(work.rate, 200, pause).await;
    let cpu = running.cpu();
    let (due, mut heard) = crowd.talk(work.rate * work.seconds, 200, pause).await;
    let delivery_cpu = (running.cpu() - cpu) / heard.len() as f64;
    heard.sort_unstable();
    let quantile = |q: f64| f64::from(heard[((heard.len() - 1) as f64 * q) as usize]) / 1e3;
    Figures {
        connects: work.clients as f64 / took,
        connect_cpu: connect_cpu * 1e6,
        kib,
        delivery_cpu: delivery_cpu * 1e6,
        p50: quantile(0.5),
        p99: quantile(0.99),
        lost: due as f64 - heard.len() as f64,
    }
}
