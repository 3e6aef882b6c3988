//! Each defect of the code this server started from, and the test that fails where it is still there. The first test
//! below sees to it that every test named here exists.
//!
//! | defect | test |
//! |---|---|
//! | never subscribes: delivery goes only through Redis, nobody hears anything | `rooms::chat_crosses_instances` |
//! | never unsubscribes | `rooms::subscribers_are_the_instances_with_members` |
//! | joins and leaves stay on one instance | `presence::a_user_comes_and_goes_once_for_all_tabs_and_instances` |
//! | a message between the local add and the SUBSCRIBE acknowledgement is lost | `joins::nothing_is_missed_after_joined_over_redis` |
//! | an unsubscribe racing a subscribe leaves a room deaf | `joins::leaving_and_coming_back_never_leaves_a_room_deaf` |
//! | error and close both run the leave | `defects::a_reset_leaves_once` |
//! | joined and left per socket, not per user | `presence::a_user_comes_and_goes_once_for_all_tabs_and_instances` |
//! | in first-message mode the socket is in the room before it has proved anything | `handshake::nobody_is_in_the_room_before_auth` |
//! | and may stay there for ever | `handshake::silence_instead_of_auth_closes` |
//! | an unguarded JSON.parse kills the process | `rooms::what_is_wrong_with_a_frame_does_not_end_the_connection` |
//! | sending without back-pressure grows without bound | `limits::a_slow_consumer_that_never_reads_is_cut`, `sse::a_slow_reader_is_cut_and_nobody_else_notices` |
//! | the heartbeat table is never filled: the dead stay | `presence::a_client_that_dies_silently_has_left` |
//! | all pings in one burst | `defects::pings_are_spread` |
//! | one stream per user: a second tab steals it | `notify::every_socket_and_stream_of_the_user_everywhere` |
//! | the clean-up of streams never runs | `defects::streams_are_cleaned_up` |
//! | no id, no retry, no heartbeat on streams | `sse::a_personal_stream_begins_with_connected`, `sse::silence_is_filled_with_comments` |
//! | the loss of Redis is silent | `outage::a_long_outage_costs_what_it_has_to` |
//! | no sequence, so loss cannot be seen | `resume::exactly_the_missing_then_live_from_any_instance` |
//! | no check of the origin, though browsers do send cookies | `handshake::origins_are_loopback_unless_listed`, `sse::pages_of_named_origins_may_read_with_credentials_and_others_may_not` |
//! | clients take a graceful close as final and never come back after a deploy | `drain::a_drain_hints_then_closes_spread_over_the_window` |
//! | no drain | `rolling::a_rolling_restart_loses_nothing` |

use std::time::{Duration, Instant};

use futures_util::StreamExt;
use reference_server::Config;
use socket2::SockRef;
use tokio_tungstenite::tungstenite::Message;

use crate::support::{Client, Server, brokers, http::Events, soon};

/// The sources of the tests named above.
const SOURCES: [(&str, &str); 13] = [
    ("defects", include_str!("defects.rs")),
    ("drain", include_str!("drain.rs")),
    ("handshake", include_str!("handshake.rs")),
    ("joins", include_str!("joins.rs")),
    ("limits", include_str!("limits.rs")),
    ("notify", include_str!("notify.rs")),
    ("outage", include_str!("outage.rs")),
    ("presence", include_str!("presence.rs")),
    ("resume", include_str!("resume.rs")),
    ("rolling", include_str!("rolling.rs")),
    ("rooms", include_str!("rooms.rs")),
    ("sse", include_str!("sse.rs")),
    ("poll", include_str!("poll.rs")),
];

#[test]
fn every_defect_has_its_test() {
    let rows: Vec<&str> = SOURCES[0].1.lines().filter_map(|line| line.strip_prefix("//! | ")).skip(1).collect();
    assert_eq!(rows.len(), 21);
    for row in rows {
        let names: Vec<_> = row.split('`').skip(1).step_by(2).collect();
        assert!(!names.is_empty(), "{row}");
        for name in names {
            let (module, test) = name.split_once("::").unwrap();
            let source = SOURCES.iter().find(|(name, _)| *name == module).map(|(_, source)| *source);
            assert!(source.is_some_and(|source| source.contains(&format!("async fn {test}()"))), "{name}");
        }
    }
}

#[tokio::test]
async fn a_reset_leaves_once() {
    for (broker, _redis) in brokers().await {
        let (a, b) = Server::pair(broker, Config::default()).await;
        let mut ann = Client::in_room(&a, "r", "ann").await;
        ann.announcements = true;
        for _ in 0..5 {
            let client = Client::in_room(&b, "r", "ben").await;
            assert_eq!(ann.next("user.joined").await["userId"], "ben");
            SockRef::from(client.socket.get_ref()).set_linger(Some(Duration::ZERO)).unwrap();
            drop(client);
            assert_eq!(ann.next("user.left").await["userId"], "ben");
        }
        ann.quiet().await;
        b.empty().await;
    }
}

#[tokio::test]
async fn pings_are_spread() {
    let config = Config { ping_interval: Duration::from_secs(1), ..Config::default() };
    let server = Server::alone(config).await;
    let mut clients = Vec::new();
    for n in 0..40 {
        clients.push(Client::in_room(&server, "r", &n.to_string()).await);
    }
    // A busy machine may bunch what it reads once; what comes in one burst comes so every time.
    let mut rounds = Vec::new();
    for _ in 0..10 {
        let start = Instant::now();
        let pings = clients.iter_mut().map(|client| async {
            // The first one may have come while others were still connecting.
            for _ in 0..2 {
                while !matches!(soon("a ping", client.socket.next()).await.unwrap().unwrap(), Message::Ping(_)) {}
            }
            start.elapsed().as_millis() % 1_000 / 250
        });
        let quarters = futures_util::future::join_all(pings).await;
        let counts = [0, 1, 2, 3].map(|quarter| quarters.iter().filter(|&&q| q == quarter).count());
        if counts.iter().all(|count| (1..=25).contains(count)) {
            return;
        }
        rounds.push(counts);
    }
    panic!("of 40 pings by quarter of a second: {rounds:?}");
}

#[tokio::test]
async fn streams_are_cleaned_up() {
    for (broker, _redis) in brokers().await {
        let (a, b) = Server::pair(broker, Config::default()).await;
        for round in 0..5 {
            let mut streams = Vec::new();
            for n in 0..10 {
                let server = if n % 2 == 0 { &a } else { &b };
                streams.push(Events::of_user(server, "ann").await);
                streams.push(Events::of_room(server, "r", &n.to_string()).await.0);
            }
            if round % 2 == 0 {
                for stream in &streams {
                    SockRef::from(stream.stream.get_ref()).set_linger(Some(Duration::ZERO)).unwrap();
                }
            }
            drop(streams);
            a.empty().await;
            b.empty().await;
        }
    }
}
