//! Streams and polls are told in headers what sockets are told by `welcome`.

use std::time::Duration;

use reference_server::Config;

use crate::support::{
    Client, Server,
    http::{Events, bearer, request},
    server::token,
};

fn header<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    head.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
}

#[tokio::test]
async fn streams_and_polls_name_the_clock_and_the_ping_interval() {
    let server = Server::alone(Config { ping_interval: Duration::from_millis(12_345), ..Config::default() }).await;
    let welcome = Client::open(&server, &format!("/ws?token={}", token("ada"))).await.expect("welcome").await;
    let welcome = (welcome["clock"].as_str(), Some("12345"));
    assert!(welcome.0.is_some_and(|clock| clock.len() == 36), "{welcome:?}");
    let told = |head: &str| {
        let head = head.to_owned();
        let found = ["x-wsbench-clock", "x-wsbench-ping-interval-ms"].map(|name| header(&head, name));
        assert_eq!((found[0], found[1]), welcome, "{head}");
    };
    for path in ["/api/events", "/api/rooms/r/events"] {
        told(&Events::open(server.address, path, &bearer("ada")).await.head);
    }
    let poll = request(server.address, "GET", "/api/rooms/r/poll", &bearer("ada"), "").await;
    told(&poll.head);
    let refused = request(server.address, "GET", "/api/rooms/r/poll?timeout=x", &bearer("ada"), "").await;
    assert_eq!((refused.status, header(&refused.head, "x-wsbench-clock")), (400, None));
}

#[tokio::test]
async fn pages_may_read_them() {
    let server = Server::alone(Config::default()).await;
    let headers = format!("{}Origin: http://localhost:3000\r\n", bearer("ada"));
    let events = Events::open(server.address, "/api/rooms/r/events", &headers).await;
    let exposed = header(&events.head, "access-control-expose-headers").unwrap();
    for name in ["x-wsbench-clock", "x-wsbench-ping-interval-ms", "x-wsbench-instance"] {
        assert!(exposed.split(", ").any(|known| known == name), "{name} in {exposed}");
    }
}
