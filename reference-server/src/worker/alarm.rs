//! Waits to the tenth of a millisecond, where the runtime's timers wait to the next whole one: a stated delay is to be
//! kept. Where the system has no such timer it is the runtime's.

#[cfg(target_os = "linux")]
use tokio::io::unix::AsyncFd;

/// See the module.
#[derive(Debug)]
pub(super) struct Alarm(#[cfg(target_os = "linux")] AsyncFd<std::os::fd::OwnedFd>);

impl Alarm {
    /// Needs a tokio runtime.
    #[cfg(target_os = "linux")]
    pub(super) fn new() -> std::io::Result<Self> {
        use rustix::time::{TimerfdClockId, TimerfdFlags, timerfd_create};
        let timer = timerfd_create(TimerfdClockId::Monotonic, TimerfdFlags::NONBLOCK | TimerfdFlags::CLOEXEC)?;
        // SAFETY: the OwnedFd keeps its one descriptor open until it is dropped, after its registration has ended.
        #[allow(unsafe_code)] // the only registration of a descriptor in this package
        let registered = unsafe { AsyncFd::register(timer) };
        Ok(Self(registered?))
    }

    /// Needs a tokio runtime.
    #[cfg(not(target_os = "linux"))]
    pub(super) fn new() -> std::io::Result<Self> {
        Ok(Self())
    }

    /// Waits until `at` (microseconds of CLOCK_MONOTONIC); for ever if that is `u64::MAX`.
    pub(super) async fn until(&self, at: u64) -> std::io::Result<()> {
        if at == u64::MAX {
            return std::future::pending().await;
        }
        self.wait(at).await
    }

    #[cfg(target_os = "linux")]
    async fn wait(&self, at: u64) -> std::io::Result<()> {
        use rustix::time::{Itimerspec, TimerfdTimerFlags, Timespec, timerfd_settime};
        let zero = Timespec { tv_sec: 0, tv_nsec: 0 };
        // A timer at 0 would be off.
        let at = at.max(1);
        let when = Timespec { tv_sec: (at / 1_000_000) as i64, tv_nsec: (at % 1_000_000 * 1_000) as i64 };
        timerfd_settime(
            self.0.get_ref(),
            TimerfdTimerFlags::ABSTIME,
            &Itimerspec { it_interval: zero, it_value: when },
        )?;
        loop {
            let mut ready = self.0.readable().await?;
            let mut expirations = [0; 8];
            if ready.try_io(|timer| Ok(rustix::io::read(timer.get_ref(), &mut expirations)?)).is_ok_and(|r| r.is_ok()) {
                return Ok(());
            }
        }
    }

    #[cfg(not(target_os = "linux"))]
    async fn wait(&self, at: u64) -> std::io::Result<()> {
        tokio::time::sleep_until(crate::time::deadline(at)).await;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time;

    #[tokio::test]
    async fn waits_until_then() {
        let alarm = Alarm::new().unwrap();
        for wait in [0, 300, 2_500] {
            let until = time::micros() + wait;
            alarm.until(until).await.unwrap();
            assert!(time::micros() >= until);
        }
    }
}
