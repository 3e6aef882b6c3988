//! What is asserted about time. Ignored unless asked for: it needs the machine for itself, one test after another, and
//! the release build:
//!
//! ```text
//! cargo test --workspace --release --locked --test it -- --ignored --test-threads=1 --nocapture timing::
//! ```

use std::time::Duration;

use crate::{drain, expiry, heartbeat, hostile, outage, presence, rooms};

fn within(what: &str, took: Duration, limit: Duration) {
    println!("{what}: {took:?}");
    assert!(took < limit, "{what}: {took:?}, not within {limit:?}");
}

#[tokio::test]
#[ignore = "about time: see the module"]
async fn a_lost_redis_is_noticed_and_come_back_to() {
    let took = outage::long_outage(Duration::from_secs(12)).await;
    within("a reset is noticed", took.noticed, Duration::from_secs(2));
    within("delivered after Redis answered", took.delivered, Duration::from_secs(1));
    let took = outage::short_stop().await;
    within("silence is noticed", took.noticed, Duration::from_secs(5));
    within("delivered after Redis went on", took.delivered, Duration::from_secs(1));
}

#[tokio::test]
#[ignore = "about time: see the module"]
async fn many_rooms_are_back_soon() {
    within("1,000 rooms are back", outage::rooms_are_back(1_000).await, Duration::from_secs(1));
    within("10,000 rooms are back", outage::rooms_are_back(10_000).await, Duration::from_secs(2));
}

#[tokio::test]
#[ignore = "about time: see the module"]
async fn an_instance_goes_in_time() {
    within("with a client that does not go", drain::cut_at_the_deadline().await, Duration::from_millis(3_500));
    within("without clients", drain::empty_goes().await, Duration::from_millis(500));
}

#[tokio::test]
#[ignore = "about time: see the module"]
async fn the_dead_are_noticed_in_time() {
    let ttl = Duration::from_secs(3);
    within("members of a killed instance", presence::members_of_the_killed(ttl).await, ttl);
    within("a silent peer", heartbeat::dead_peer().await, Duration::from_secs(2));
    within("30 pings, one every 100 ms", heartbeat::answer_pings(30, Duration::from_millis(300)).await, {
        Duration::from_millis(3_400)
    });
    within("an empty room is given up", rooms::subscribers().await, Duration::from_secs(3));
    let late = Duration::from_secs(expiry::ends_with_its_token().await);
    within("a connection outlives its token", late, Duration::from_secs(2));
}

#[tokio::test]
#[ignore = "about time: see the module"]
async fn a_good_client_gets_in_among_dawdlers() {
    within("in among a thousand dawdlers", hostile::among_dawdlers().await, Duration::from_secs(1));
}
