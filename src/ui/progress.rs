//! How a run is going, on stderr: a bar on a terminal, a plain line every ten seconds elsewhere.

use std::io::{self, Write};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::{Terminal, printable};
use crate::engine::{Phase, Tick};
use crate::metrics::{Histogram, Value};
use crate::time::nanos;

/// Ticks, which are seconds, between two plain lines.
const PLAIN_EVERY: u64 = 10;

/// How much is said while a run goes on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Verbosity {
    /// Progress and notices.
    #[default]
    Normal,
    /// Neither.
    Quiet,
}

/// The phases whose length is known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Plan {
    /// Published, not measured.
    pub warm_up: Duration,
    /// Measured.
    pub duration: Duration,
    /// Nothing is published any more.
    pub drain: Duration,
}

/// Shows ticks as they come.
pub struct Progress {
    sink: Sink,
    plan: Plan,
    sums: Sums,
    ticks: u64,
}

enum Sink {
    Quiet,
    Plain(Box<dyn Write + Send>),
    Bar(ProgressBar),
}

/// What has been added up since the measured phase, or the run, began.
#[derive(Default)]
struct Sums {
    phase: Option<Phase>,
    at_ns: i64,
    delivery: Histogram,
    rate: f64,
    lost: u64,
    errors: u64,
}

impl Progress {
    /// Progress on this process' stderr.
    pub fn new(terminal: &Terminal, verbosity: Verbosity, plan: Plan) -> Self {
        let sink = match verbosity {
            Verbosity::Quiet => Sink::Quiet,
            Verbosity::Normal if terminal.stderr_is_tty => Sink::Bar(bar()),
            Verbosity::Normal => Sink::Plain(Box::new(io::stderr())),
        };
        Self { sink, plan, sums: Sums::default(), ticks: 0 }
    }

    /// Takes in one tick and shows it, if it is time to.
    pub fn tick(&mut self, tick: &Tick) {
        self.sums.add(tick);
        self.ticks += 1;
        match &mut self.sink {
            Sink::Quiet => {}
            Sink::Plain(to) => {
                if self.ticks.is_multiple_of(PLAIN_EVERY) {
                    say(to, &line(tick, &self.sums, self.plan));
                }
            }
            Sink::Bar(bar) => {
                let (done, of) = extent(tick, self.plan);
                bar.set_length(of);
                bar.set_position(done.min(of));
                bar.set_message(line(tick, &self.sums, self.plan));
            }
        }
    }

    /// Says something once, such as `no Redis found: using the memory broker`.
    pub fn notice(&mut self, text: &str) {
        let text = printable(text);
        match &mut self.sink {
            Sink::Quiet => {}
            Sink::Plain(to) => say(to, &text),
            Sink::Bar(bar) => bar.println(&*text),
        }
    }

    /// Runs `speak` while nothing is drawn, so that it may write to the terminal.
    pub fn suspend<T>(&mut self, speak: impl FnOnce() -> T) -> T {
        match &self.sink {
            Sink::Bar(bar) => bar.suspend(speak),
            _ => speak(),
        }
    }

    /// Takes the bar away; reports come next.
    pub fn finish(&mut self) {
        if let Sink::Bar(bar) = &self.sink {
            bar.finish_and_clear();
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.finish();
    }
}

/// A stderr that cannot be written to must not end a run, and there is nowhere left to say so.
fn say(to: &mut Box<dyn Write + Send>, text: &str) {
    if writeln!(to, "{text}").is_ok() {
        to.flush().unwrap_or_default();
    }
}

fn bar() -> ProgressBar {
    let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
    let style = ProgressStyle::with_template("{bar:12} {wide_msg}").unwrap_or_else(|_| ProgressStyle::default_bar());
    bar.set_style(style.progress_chars("=> "));
    bar
}

impl Sums {
    fn add(&mut self, tick: &Tick) {
        if tick.phase == Phase::Measure && self.phase != Some(Phase::Measure) {
            let (at_ns, errors) = (self.at_ns, self.errors);
            *self = Self { at_ns, errors, ..Self::default() };
        }
        let arrived = tick.delta.total("delivery");
        let passed = (tick.at_ns - self.at_ns) as f64 / 1e9;
        let seconds = if (0.1..10.0).contains(&passed) { passed } else { 1.0 };
        self.rate = arrived.as_ref().map_or(0.0, |value| value.count() as f64 / seconds);
        if let Some(histogram) = arrived.as_ref().and_then(Value::histogram) {
            self.delivery.merge(histogram);
        }
        self.lost += tick.delta.count("deliveries.lost");
        self.errors += tick.delta.count("errors");
        self.phase = Some(tick.phase);
        self.at_ns = tick.at_ns;
    }
}

/// How much is done of how much: clients while connecting, milliseconds afterwards.
fn extent(tick: &Tick, plan: Plan) -> (u64, u64) {
    if tick.phase == Phase::Connect {
        return (tick.clients, tick.asked.max(1));
    }
    let all = plan.warm_up + plan.duration + plan.drain;
    let warm_up = i64::try_from(nanos(plan.warm_up)).unwrap_or(i64::MAX);
    let done = u64::try_from(tick.at_ns.saturating_add(warm_up)).unwrap_or(0);
    (done / 1_000_000, (nanos(all) / 1_000_000).max(1))
}

fn line(tick: &Tick, sums: &Sums, plan: Plan) -> String {
    let clients = format!("{}/{} clients", tick.clients, tick.asked);
    let phase = match tick.phase {
        Phase::Connect => return format!("connecting  {clients}{}", errors(sums)),
        Phase::WarmUp => "warming up",
        Phase::Measure => "measuring",
        Phase::Drain => "draining",
    };
    let p99 = match sums.delivery.count() {
        0 => "no delivery yet".to_owned(),
        _ => format!("p99 {:.1} ms", sums.delivery.quantile(0.99) as f64 / 1e6),
    };
    let (done, _) = extent(tick, plan);
    let all = plan.warm_up + plan.duration + plan.drain;
    let of = format!("{}/{}", clock(done / 1_000), clock(all.as_secs()));
    format!("{phase} {of}  {clients}  {:.0} deliveries/s  {p99}  lost {}{}", sums.rate, sums.lost, errors(sums))
}

fn errors(sums: &Sums) -> String {
    if sums.errors == 0 { String::new() } else { format!("  errors {}", sums.errors) }
}

fn clock(seconds: u64) -> String {
    format!("{}:{:02}", seconds / 60, seconds % 60)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::Recorder;
    use crate::observe::{Fact, Labels, Observation, Observe};
    use std::sync::{Arc, Mutex};

    #[derive(Clone, Default)]
    struct Screen(Arc<Mutex<Vec<u8>>>);

    impl Write for Screen {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    impl Screen {
        fn text(&self) -> String {
            String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
        }
    }

    fn tick(second: i64, phase: Phase) -> Tick {
        let mut recorder = Recorder::default();
        if phase != Phase::Connect {
            (0..500).for_each(|_| {
                recorder.observe(&Observation::new(Fact::Delivered, Labels::default(), 4_200_000));
            });
            recorder.observe(&Observation::new(Fact::Lost, Labels::default(), 1));
        }
        Tick {
            at_ns: second * 1_000_000_000,
            phase,
            delta: recorder.take(),
            clients: 990,
            asked: 1_000,
            turns: Default::default(),
            marks: Vec::new(),
        }
    }

    fn plain(screen: &Screen) -> Progress {
        let seconds = Duration::from_secs;
        let plan = Plan { warm_up: seconds(3), duration: seconds(20), drain: seconds(3) };
        Progress { sink: Sink::Plain(Box::new(screen.clone())), plan, sums: Sums::default(), ticks: 0 }
    }

    #[test]
    fn without_a_terminal_there_is_one_line_every_ten_seconds() {
        let screen = Screen::default();
        let mut progress = plain(&screen);
        progress.notice("no Redis found: using the \u{1b}memory broker");
        (-10..-3).for_each(|second| progress.tick(&tick(second, Phase::Connect)));
        (-3..0).for_each(|second| progress.tick(&tick(second, Phase::WarmUp)));
        (0..10).for_each(|second| progress.tick(&tick(second, Phase::Measure)));
        insta::assert_snapshot!(screen.text(), @r"
        no Redis found: using the \u{1b}memory broker
        warming up 0:02/0:26  990/1000 clients  500 deliveries/s  p99 4.2 ms  lost 3
        measuring 0:12/0:26  990/1000 clients  500 deliveries/s  p99 4.2 ms  lost 10
        ");
    }

    #[test]
    fn quiet_is_quiet() {
        let mut progress = Progress::new(&Terminal::default(), Verbosity::Quiet, Plan::default());
        progress.notice("never shown");
        progress.tick(&tick(0, Phase::Measure));
        assert_eq!(progress.suspend(|| 7), 7);
    }
}
