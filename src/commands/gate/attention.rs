//! Waiting that a signal ends: while sides are raised and reached, nobody else would hear it.

use std::future::Future;
use std::time::Duration;

use tokio::runtime::Runtime;

use crate::commands::exit::Failure;
use crate::engine::Signals;

/// The runtime of a gate, and the signals that end it.
pub(super) struct Attention {
    pub(super) runtime: Runtime,
    pub(super) signals: Signals,
}

/// Why a gate did not come to its end.
#[derive(Debug)]
pub(super) enum Ended {
    /// It cannot be measured.
    Failed(Failure),
    /// By a signal; the exit code that goes with it.
    Signal(u8),
}

impl From<Failure> for Ended {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

impl Attention {
    /// From here on a signal ends the gate in good order, children included.
    pub(super) fn new() -> Result<Self, Failure> {
        let runtime = crate::commands::runtime()?;
        let signals = {
            let _inside = runtime.enter();
            crate::commands::signals::listen()?
        };
        Ok(Self { runtime, signals })
    }

    /// What `wanted` comes to, unless a signal comes first.
    pub(super) fn until<T>(&mut self, wanted: impl Future<Output = T>) -> Result<T, Ended> {
        let signals = &mut self.signals;
        self.runtime.block_on(async {
            tokio::select! {
                found = wanted => Ok(found),
                Some(code) = signals.recv() => Err(Ended::Signal(code)),
            }
        })
    }

    /// Lets `time` pass.
    pub(super) fn nap(&mut self, time: Duration) -> Result<(), Ended> {
        self.until(async { tokio::time::sleep(time).await })
    }
}
