//! How late a moment is met: wsbench's alarm, tokio's `sleep_until`, and the floor, a `timerfd` read by a thread that
//! does nothing else.
//!
//! Moments come 2,000 a second; whoever wakes waits for the next that has not passed, as a schedule of its own would
//! have it. They take turns in short blocks, so that all meet the same machine.
//!
//!     cargo bench --bench pacing [-- rounds=10 seconds=1]

#[path = "support/arguments.rs"]
mod arguments;

use std::time::Duration;

use rustix::time::{Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec};
use wsbench::metrics::Histogram;
use wsbench::time::{Alarm, Clock, Timestamp, nanos};

use arguments::argument;

/// Between two moments.
const PERIOD: Duration = Duration::from_micros(500);

fn main() {
    let (rounds, block): (u32, f64) = (argument("rounds", 10), argument("seconds", 1.0));
    let block = Duration::from_secs_f64(block);
    let (mut alarm, mut sleep, mut floor) = (Histogram::default(), Histogram::default(), Histogram::default());
    for _ in 0..rounds {
        with_alarm(block, &mut alarm);
        with_sleep(block, &mut sleep);
        with_timerfd(block, &mut floor);
    }
    println!("lateness at 2,000 moments a second, µs, {rounds} rounds of {block:?} each in turn");
    println!("  {:<28}{:>9}{:>9}{:>9}", "", "p50", "p99", "max");
    for (name, late) in
        [("wsbench's alarm", &alarm), ("tokio's sleep_until", &sleep), ("floor: timerfd, own thread", &floor)]
    {
        let micros = |nanos: u64| nanos as f64 / 1e3;
        let (p50, p99) = (micros(late.quantile(0.5)), micros(late.quantile(0.99)));
        println!("  {name:<28}{p50:>9.0}{p99:>9.0}{:>9.0}", micros(late.max()));
    }
    println!("  goal: p50 of the alarm at most 100 µs");
}

/// The moments of a block that have not passed when they are asked for.
fn series(block: Duration) -> impl Iterator<Item = Timestamp> {
    let (clock, start) = (Clock::real(), Clock::real().now());
    let next = move || {
        let passed = (clock.now() - start).as_nanos() / PERIOD.as_nanos();
        Some(start + PERIOD * (passed as u32 + 1)).filter(|moment| *moment < start + block)
    };
    std::iter::from_fn(next)
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime")
}

fn with_alarm(block: Duration, late: &mut Histogram) {
    runtime().block_on(async {
        let clock = Clock::real();
        let alarm = Alarm::new(&clock).expect("a timer");
        for moment in series(block) {
            alarm.wait_until(moment).await.expect("the timer works");
            late.record(nanos(clock.now() - moment));
        }
    });
}

fn with_sleep(block: Duration, late: &mut Histogram) {
    runtime().block_on(async {
        let clock = Clock::real();
        for moment in series(block) {
            clock.sleep_until(moment).await;
            late.record(nanos(clock.now() - moment));
        }
    });
}

fn with_timerfd(block: Duration, late: &mut Histogram) {
    let clock = Clock::real();
    let timer = rustix::time::timerfd_create(TimerfdClockId::Monotonic, TimerfdFlags::CLOEXEC).expect("a timer");
    for moment in series(block) {
        if clock.now() < moment {
            let at = moment.nanos();
            let at = Timespec { tv_sec: (at / 1_000_000_000) as _, tv_nsec: (at % 1_000_000_000) as _ };
            let once = Itimerspec { it_interval: Timespec { tv_sec: 0, tv_nsec: 0 }, it_value: at };
            rustix::time::timerfd_settime(&timer, TimerfdTimerFlags::ABSTIME, &once).expect("the timer can be set");
            rustix::io::read(&timer, &mut [0u8; 8]).expect("the timer rings");
        }
        late.record(nanos(clock.now() - moment));
    }
}
