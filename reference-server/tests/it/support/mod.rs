//! What the tests stand on: a private Redis, instances in this process, and a client that fails loudly.

mod authority;
pub(crate) mod child;
pub(crate) mod client;
pub(crate) mod http;
pub(crate) mod redis;
pub(crate) mod server;

use std::time::Duration;

pub(crate) use authority::Authority;
pub(crate) use child::Child;
pub(crate) use client::Client;
pub(crate) use redis::Redis;
pub(crate) use server::Server;

use reference_server::BrokerChoice;
use tokio::{
    sync::oneshot::{self, error::TryRecvError},
    task::JoinHandle,
};

/// How long anything may take before a test fails. Long: what has to be quick is asserted in `timing`, and here a busy
/// machine must not be taken for a fault.
pub(crate) const PATIENCE: Duration = Duration::from_secs(40);

/// Awaits something that has to happen.
pub(crate) async fn soon<T>(what: &str, future: impl Future<Output = T>) -> T {
    match tokio::time::timeout(PATIENCE, future).await {
        Ok(value) => value,
        Err(_) => panic!("{what}: nothing within {PATIENCE:?}"),
    }
}

/// Asks again and again, a few milliseconds apart, until the answer is yes.
pub(crate) async fn until(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    soon(what, async {
        while !holds().await {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await;
}

/// Both brokers, the Redis kept alive beside.
pub(crate) async fn brokers() -> [(BrokerChoice, Option<Redis>); 2] {
    let redis = Redis::start().await;
    [(BrokerChoice::Memory(server::memory()), None), (BrokerChoice::Redis(redis.url()), Some(redis))]
}

/// Somebody who talks without pause until told to stop.
pub(crate) async fn talk(server: &Server, room: &str) -> (oneshot::Sender<()>, JoinHandle<()>) {
    let mut talker = Client::in_room(server, room, "talker").await;
    let (stop, mut stopped) = oneshot::channel();
    let task = tokio::spawn(async move {
        while stopped.try_recv() == Err(TryRecvError::Empty) {
            talker.say("1").await;
            talker.expect("message").await;
        }
        talker.leave().await;
    });
    (stop, task)
}
