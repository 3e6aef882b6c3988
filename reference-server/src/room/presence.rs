//! What the rooms tell the broker about who is in them.

use std::{sync::Arc, time::Duration};

use super::registry::Registry;
use crate::broker::{
    Room,
    presence::{Member, RosterReceipt},
};

impl Registry {
    /// A connection is in a room, or was heard of again.
    pub(crate) fn enter(&self, room: &Room, number: u64, member: Member) {
        self.broker.enter(room, number, member);
    }

    /// A connection is in a room no longer.
    pub(crate) fn exit(&self, room: &Room, number: u64) {
        self.broker.exit(room, number);
    }

    /// A user counts as in a room for `time`.
    pub(crate) fn lease(&self, room: &str, member: Member, time: Duration) {
        self.broker.lease(&Arc::from(room), member, time);
    }

    /// Asks who is in a room.
    pub(crate) fn roster(&self, room: &str, receipt: RosterReceipt) {
        self.broker.roster(&Arc::from(room), receipt);
    }

    /// Says every `tick` that this instance lives, for ever.
    pub(crate) async fn live(&self, tick: Duration) {
        loop {
            self.broker.renew();
            tokio::time::sleep(tick).await;
        }
    }

    /// The instance goes away: its members count as there for `grace` more.
    pub(crate) fn part(&self, grace: Duration) {
        self.broker.part(grace);
    }
}
