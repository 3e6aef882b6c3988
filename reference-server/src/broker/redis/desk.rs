//! What the attendant finds to do: changes of who is where, which may wait a moment for each other, and what cannot wait.

use std::{collections::VecDeque, mem, sync::Mutex, time::Duration};

use tokio::sync::Notify;

use super::{
    super::{
        PublishError, Room,
        presence::{PresenceOptions, RosterReceipt},
    },
    census::Census,
    ledger::Ledger,
};
use crate::{history::Epoch, time};

/// Changes told within this time of the last ones are told together, and so announced: every member is written to once
/// for all who have come or gone in it. The first change after a silence does not wait.
const PAUSE: Duration = Duration::from_millis(100);
/// Rosters that may be waited for; who asks for more is refused.
const ROSTERS: usize = 1_024;

/// See the module.
pub(super) struct Desk {
    pub(super) options: PresenceOptions,
    pub(super) census: Census,
    state: Mutex<State>,
    /// There are changes or leases to tell.
    changes: Notify,
    /// There is something that cannot wait.
    urgent: Notify,
}

pub(super) struct State {
    pub(super) ledger: Ledger,
    /// This instance, as the others know it; a new one when they have given it up.
    pub(super) node: String,
    /// Redis has seen it.
    pub(super) known: bool,
    /// Those who are told anew have been there before.
    pub(super) quiet: bool,
    pub(super) renewal_due: bool,
    pub(super) parting: Option<Duration>,
    pub(super) rosters: VecDeque<(Room, RosterReceipt)>,
}

impl Desk {
    pub(super) fn new(options: PresenceOptions) -> Self {
        let state = State {
            ledger: Ledger::default(),
            node: Epoch::random().as_str().to_owned(),
            known: false,
            quiet: false,
            renewal_due: false,
            parting: None,
            rosters: VecDeque::new(),
        };
        Self { options, census: Census::new(), state: Mutex::new(state), changes: Notify::new(), urgent: Notify::new() }
    }

    /// Changes what is to be told.
    pub(super) fn note(&self, change: impl FnOnce(&mut Ledger)) {
        change(&mut self.lock().ledger);
        self.changes.notify_one();
    }

    pub(super) fn renew(&self) {
        self.lock().renewal_due = true;
        self.urgent.notify_one();
    }

    pub(super) fn part(&self, grace: Duration) {
        let mut state = self.lock();
        state.ledger.part();
        state.parting = Some(grace);
        drop(state);
        self.urgent.notify_one();
    }

    /// Takes a question, if there is room for it.
    pub(super) fn ask(&self, room: &Room, receipt: RosterReceipt) -> Result<(), RosterReceipt> {
        let mut state = self.lock();
        if state.rosters.len() >= ROSTERS {
            return Err(receipt);
        }
        state.rosters.push_back((Room::clone(room), receipt));
        drop(state);
        self.urgent.notify_one();
        Ok(())
    }

    /// Waits until there is something to do, and for changes also until it is time to, the last ones having been told
    /// at `told` (microseconds).
    pub(super) async fn work(&self, told: u64) {
        let changes = async {
            self.changes.notified().await;
            tokio::time::sleep_until(time::deadline(told + time::as_micros(PAUSE))).await;
        };
        tokio::select! {
            () = self.urgent.notified() => {}
            () = changes => {}
        }
    }

    /// The link is lost: what was asked over it will not be answered.
    pub(super) fn lost(&self) {
        for (_, receipt) in mem::take(&mut self.lock().rosters) {
            receipt(Err(PublishError::Unavailable));
        }
    }

    pub(super) fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        // Invariant: nothing panics while this lock is held.
        self.state.lock().expect("presence lock is never poisoned")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn changes_wait_for_each_other_and_nothing_waits_for_them() {
        let desk = Desk::new(PresenceOptions::default());
        let within = async |milliseconds, told| {
            tokio::time::timeout(Duration::from_millis(milliseconds), desk.work(told)).await.is_ok()
        };
        desk.note(|_| ());
        assert!(within(1, 0).await, "the first after a silence");
        desk.note(|_| ());
        assert!(!within(90, time::micros()).await, "the next, told together with what comes meanwhile");
        desk.note(|_| ());
        assert!(within(101, time::micros()).await);
        desk.note(|_| ());
        desk.renew();
        assert!(within(1, time::micros()).await, "what cannot wait takes them along");
    }
}
