//! Many moments on one precise alarm: descriptors are what connections need.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use tokio::sync::Notify;

use crate::time::{Alarm, Clock, Timestamp};

/// Who waits for which moment; the number tells those of the same moment apart.
type Waiting = BTreeMap<(Timestamp, u64), Waker>;

/// Wakes tasks of one thread at their moments.
#[derive(Debug)]
pub(super) struct Timers {
    clock: Clock,
    waiting: RefCell<Waiting>,
    numbers: Cell<u64>,
    sooner: Notify,
}

impl Timers {
    /// Nobody waits yet.
    pub(super) fn new(clock: Clock) -> Self {
        Self { clock, waiting: RefCell::default(), numbers: Cell::new(0), sooner: Notify::new() }
    }

    /// Wakes whoever is to be woken, for ever.
    ///
    /// # Errors
    /// When the kernel gives no alarm.
    pub(super) async fn ring(&self) -> io::Result<()> {
        let alarm = Alarm::new(&self.clock)?;
        loop {
            // Read once: whoever is due by then is woken together.
            let now = self.clock.now();
            let next = loop {
                let mut waiting = self.waiting.borrow_mut();
                match waiting.first_entry() {
                    Some(first) if first.key().0 <= now => first.remove().wake(),
                    Some(first) => break Some(first.key().0),
                    None => break None,
                }
            };
            match next {
                Some(next) => tokio::select! {
                    rung = alarm.wait_until(next) => rung?,
                    () = self.sooner.notified() => {}
                },
                None => self.sooner.notified().await,
            }
        }
    }

    /// Ready at `when`.
    pub(super) fn at(self: &Rc<Self>, when: Timestamp) -> At {
        let number = self.numbers.get();
        self.numbers.set(number + 1);
        At { timers: Rc::clone(self), key: (when, number) }
    }
}

/// Waits for a moment.
#[derive(Debug)]
pub(super) struct At {
    timers: Rc<Timers>,
    key: (Timestamp, u64),
}

impl Future for At {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        if self.timers.clock.now() >= self.key.0 {
            return Poll::Ready(());
        }
        let mut waiting = self.timers.waiting.borrow_mut();
        let new = waiting.insert(self.key, cx.waker().clone()).is_none();
        if new && waiting.first_key_value().is_some_and(|(first, _)| *first == self.key) {
            self.timers.sooner.notify_one();
        }
        Poll::Pending
    }
}

impl Drop for At {
    fn drop(&mut self) {
        self.timers.waiting.borrow_mut().remove(&self.key);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::task::LocalSet;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn everybody_is_woken_at_their_moment_and_in_order() {
        let clock = Clock::simulated();
        let timers = Rc::new(Timers::new(clock.clone()));
        let woken = Rc::new(RefCell::new(Vec::new()));
        let start = clock.now();
        let local = LocalSet::new();
        for seconds in [3u64, 1, 2, 1] {
            let (timers, woken, clock) = (Rc::clone(&timers), Rc::clone(&woken), clock.clone());
            local.spawn_local(async move {
                timers.at(start + Duration::from_secs(seconds)).await;
                woken.borrow_mut().push((seconds, clock.now().since(start).as_secs()));
            });
        }
        let dropped = timers.at(start + Duration::from_secs(1));
        drop(dropped);
        tokio::select! {
            rung = timers.ring() => rung.unwrap(),
            () = local => {}
        }
        assert_eq!(*woken.borrow(), [(1, 1), (1, 1), (2, 2), (3, 3)]);
        assert!(timers.waiting.borrow().is_empty());
    }
}
