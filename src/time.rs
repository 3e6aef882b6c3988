//! The only reader of time: monotonic nanoseconds, real or simulated, and an alarm finer than the runtime's timer.
//!
//! Everything above takes a [`Clock`] as an argument, so a whole run of minutes can be simulated in milliseconds.

use std::fmt;
use std::io;
use std::ops::{Add, Sub};
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// Nanoseconds of `CLOCK_MONOTONIC`: comparable between processes of one machine, meaningless across machines.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
pub struct Timestamp(u64);

impl Timestamp {
    /// The stamp of `nanos` nanoseconds on the monotonic clock.
    pub const fn from_nanos(nanos: u64) -> Self {
        Self(nanos)
    }

    /// Nanoseconds since the machine's monotonic zero.
    pub const fn nanos(self) -> u64 {
        self.0
    }

    /// Time passed since `earlier`; zero when `earlier` is in fact later.
    pub const fn since(self, earlier: Timestamp) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }

    /// This stamp moved back by `by`, never below zero.
    pub fn saturating_sub(self, by: Duration) -> Self {
        Self(self.0.saturating_sub(nanos(by)))
    }
}

impl fmt::Debug for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", Duration::from_nanos(self.0))
    }
}

impl Add<Duration> for Timestamp {
    type Output = Timestamp;
    fn add(self, by: Duration) -> Timestamp {
        Timestamp(self.0.saturating_add(nanos(by)))
    }
}

impl Sub<Timestamp> for Timestamp {
    type Output = Duration;
    fn sub(self, earlier: Timestamp) -> Duration {
        self.since(earlier)
    }
}

/// A duration as whole nanoseconds; durations beyond 584 years saturate.
pub fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

/// Reads time: the machine's monotonic clock, or the paused clock of the runtime it was made in.
#[derive(Clone, Debug)]
pub struct Clock {
    simulated: Option<tokio::time::Instant>,
}

/// A simulated clock starts here, so that stamps a little before the start stay representable.
const SIMULATED_ZERO: Duration = Duration::from_secs(1_000);

impl Clock {
    /// The machine's `CLOCK_MONOTONIC`.
    pub fn real() -> Self {
        Self { simulated: None }
    }

    /// The current tokio runtime's clock; meant for a runtime whose time is paused. Valid in that runtime only.
    #[allow(clippy::disallowed_methods)]
    pub fn simulated() -> Self {
        Self { simulated: Some(tokio::time::Instant::now()) }
    }

    /// Whether this clock is simulated, in which case nothing may wait on the kernel.
    pub fn is_simulated(&self) -> bool {
        self.simulated.is_some()
    }

    /// The present moment.
    #[allow(clippy::disallowed_methods)]
    pub fn now(&self) -> Timestamp {
        match self.simulated {
            Some(zero) => {
                Timestamp::from_nanos(0) + (SIMULATED_ZERO + tokio::time::Instant::now().duration_since(zero))
            }
            None => monotonic(),
        }
    }

    /// Sleeps until `when` by the runtime's timer, which is about 1 ms coarse; for sends use an [`Alarm`].
    pub async fn sleep_until(&self, when: Timestamp) {
        tokio::time::sleep(when.since(self.now())).await;
    }
}

fn monotonic() -> Timestamp {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
    Timestamp(now.tv_sec as u64 * 1_000_000_000 + now.tv_nsec as u64)
}

/// Stops this thread for `duration`; for threads that do nothing else.
#[allow(clippy::disallowed_methods)]
pub fn nap(duration: Duration) {
    std::thread::sleep(duration);
}

/// CPU time this process has used.
pub fn process_cpu() -> Duration {
    let used = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    Duration::new(used.tv_sec as u64, used.tv_nsec as u32)
}

/// The wall clock, as RFC 3339 with milliseconds; for reports only, never subtracted.
pub fn wall_clock() -> String {
    jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%S%.3fZ").to_string()
}

/// Seconds since 1970, for the expiry of tokens.
#[allow(clippy::disallowed_methods)]
pub fn unix_seconds() -> u64 {
    std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).map_or(0, |d| d.as_secs())
}

/// Wakes one task at a precise moment: a `timerfd` where there is one (tens of microseconds late instead of the
/// runtime timer's millisecond), the runtime's timer elsewhere and in simulated time.
#[derive(Debug)]
pub struct Alarm {
    clock: Clock,
    #[cfg(target_os = "linux")]
    timer: Option<tokio::io::unix::AsyncFd<rustix::fd::OwnedFd>>,
}

impl Alarm {
    /// An alarm on `clock`, registered with the current runtime.
    ///
    /// # Errors
    /// When the kernel gives no timer (file descriptors used up).
    pub fn new(clock: &Clock) -> io::Result<Self> {
        #[cfg(target_os = "linux")]
        {
            use rustix::time::{TimerfdClockId, TimerfdFlags, timerfd_create};
            let timer = if clock.is_simulated() {
                None
            } else {
                let flags = TimerfdFlags::NONBLOCK | TimerfdFlags::CLOEXEC;
                let fd = timerfd_create(TimerfdClockId::Monotonic, flags)?;
                // SAFETY: an `OwnedFd` keeps its descriptor open until it is dropped, which is what is asked for.
                #[allow(unsafe_code)]
                let registered =
                    unsafe { tokio::io::unix::AsyncFd::register_with_interest(fd, tokio::io::Interest::READABLE) };
                Some(registered?)
            };
            Ok(Self { clock: clock.clone(), timer })
        }
        #[cfg(not(target_os = "linux"))]
        Ok(Self { clock: clock.clone() })
    }

    /// Returns at `when` or as soon after it as the kernel wakes us; at once when it has passed.
    ///
    /// # Errors
    /// When the kernel refuses to arm the timer.
    pub async fn wait_until(&self, when: Timestamp) -> io::Result<()> {
        #[cfg(target_os = "linux")]
        if let Some(timer) = &self.timer {
            return wait_on(timer, &self.clock, when).await;
        }
        self.clock.sleep_until(when).await;
        Ok(())
    }
}

#[cfg(target_os = "linux")]
async fn wait_on(
    timer: &tokio::io::unix::AsyncFd<rustix::fd::OwnedFd>,
    clock: &Clock,
    when: Timestamp,
) -> io::Result<()> {
    use rustix::time::{Itimerspec, TimerfdTimerFlags, Timespec, timerfd_settime};
    let at = Timespec { tv_sec: (when.nanos() / 1_000_000_000) as _, tv_nsec: (when.nanos() % 1_000_000_000) as _ };
    let once = Itimerspec { it_interval: Timespec { tv_sec: 0, tv_nsec: 0 }, it_value: at };
    if clock.now() >= when {
        return Ok(());
    }
    // Arming it forgets what it rang for before, and every ring is an edge to the reactor: it need not be read.
    timerfd_settime(timer.get_ref(), TimerfdTimerFlags::ABSTIME, &once)?;
    while clock.now() < when {
        timer.readable().await?.clear_ready();
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::FutureExt as _;

    #[tokio::test(start_paused = true)]
    async fn simulated_minutes_pass_at_once() {
        let clock = Clock::simulated();
        let start = clock.now();
        let alarm = Alarm::new(&clock).unwrap();
        alarm.wait_until(start + Duration::from_secs(600)).await.unwrap();
        assert_eq!(clock.now().since(start).as_secs(), 600);
    }

    #[tokio::test]
    async fn a_real_alarm_never_rings_early() {
        let clock = Clock::real();
        let alarm = Alarm::new(&clock).unwrap();
        for micros in [0, 50, 500, 3_000] {
            let when = clock.now() + Duration::from_micros(micros);
            alarm.wait_until(when).await.unwrap();
            assert!(clock.now() >= when);
        }
    }

    #[tokio::test]
    async fn an_alarm_that_rang_for_nobody_rings_again() {
        let clock = Clock::real();
        let alarm = Alarm::new(&clock).unwrap();
        for _ in 0..20 {
            let early = clock.now() + Duration::from_micros(200);
            // Whoever waited has turned to something else; it rings all the same, in vain.
            drop(alarm.wait_until(early).now_or_never());
            tokio::time::sleep(Duration::from_millis(2)).await;
            let when = clock.now() + Duration::from_millis(1);
            tokio::time::timeout(Duration::from_secs(60), alarm.wait_until(when)).await.unwrap().unwrap();
            assert!(clock.now() >= when);
        }
    }
}
