//! Waits to the tenth of a millisecond, where the runtime's timers wait to the next whole one: a stated delay is to be
//! kept.

use std::os::fd::OwnedFd;

use rustix::time::{
    Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create, timerfd_settime,
};
use tokio::io::unix::AsyncFd;

/// See the module.
#[derive(Debug)]
pub(super) struct Alarm(AsyncFd<OwnedFd>);

impl Alarm {
    /// Needs a tokio runtime.
    pub(super) fn new() -> std::io::Result<Self> {
        let timer = timerfd_create(TimerfdClockId::Monotonic, TimerfdFlags::NONBLOCK | TimerfdFlags::CLOEXEC)?;
        // SAFETY: the OwnedFd keeps its one descriptor open until it is dropped, after its registration has ended.
        #[allow(unsafe_code)] // the only registration of a descriptor in this package
        let registered = unsafe { AsyncFd::register(timer) };
        Ok(Self(registered?))
    }

    /// Waits until `at` (microseconds of CLOCK_MONOTONIC); for ever if that is `u64::MAX`.
    pub(super) async fn until(&self, at: u64) -> std::io::Result<()> {
        if at == u64::MAX {
            return std::future::pending().await;
        }
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
