//! A rolling restart of three instances, real processes, under load: clients that resume lose nothing and get nothing
//! twice, over sockets, streams and polls alike.

use std::sync::{Arc, Mutex};

use serde_json::{Value, json};
use tokio::{sync::watch, task::JoinSet};

use crate::support::{
    Client, Redis,
    child::Child,
    http::{Events, bearer, try_request},
    server::token,
    until,
};

/// Where instances listen at the moment; those that go are taken out before they are told.
type Addresses = Arc<Mutex<Vec<std::net::SocketAddr>>>;

/// What one listener has heard, in order: offset and content.
type Heard = Arc<Mutex<Vec<(u64, Value)>>>;

fn pick(addresses: &Addresses, n: usize) -> std::net::SocketAddr {
    let addresses = addresses.lock().unwrap();
    addresses[n % addresses.len()]
}

fn hear(heard: &Heard, message: &Value) {
    heard.lock().unwrap().push((message["off"].as_u64().unwrap(), message["content"].clone()));
}

/// A socket that comes back to the next instance with its position, for ever.
async fn over_sockets(addresses: Addresses, heard: Heard, user: String, first: watch::Sender<bool>) {
    let mut place: Option<(u64, Value)> = None;
    for n in 0.. {
        let Ok(stream) = tokio::net::TcpStream::connect(pick(&addresses, n)).await else { continue };
        let Ok(mut client) = Client::try_over(stream, &format!("/ws?token={}", token(&user))).await else { continue };
        let join = match &place {
            Some((off, ep)) => json!({"type": "join", "room": "r", "off": off, "ep": ep}),
            None => json!({"type": "join", "room": "r"}),
        };
        client.send(&join.to_string()).await;
        while let Some(frame) = client.try_frame().await {
            match frame["type"].as_str().unwrap() {
                "joined" => {
                    place = Some((frame["off"].as_u64().unwrap(), frame["ep"].clone()));
                    first.send_replace(true);
                }
                "message" => {
                    place = Some((frame["off"].as_u64().unwrap(), frame["ep"].clone()));
                    hear(&heard, &frame);
                }
                "gap" => panic!("{user}: {frame}"),
                _ => {}
            }
        }
    }
}

/// A stream that comes back with its last id, for ever.
async fn over_streams(addresses: Addresses, heard: Heard, user: String, first: watch::Sender<bool>) {
    let mut last = String::new();
    for n in 0.. {
        let headers = format!("{}Last-Event-ID: {last}\r\n", bearer(&user));
        let address = pick(&addresses, n);
        let Some(mut events) = Events::try_open(address, "/api/rooms/r/events", &headers).await else { continue };
        while let Some(event) = events.event().await {
            let data = event.data.unwrap();
            match data["type"].as_str().unwrap() {
                "joined" => drop(first.send_replace(true)),
                "message" => hear(&heard, &data),
                "gap" => panic!("{user}: {data}"),
                _ => {}
            }
            last = event.id.unwrap();
        }
    }
}

/// Polls, each to another instance, for ever.
async fn over_polls(addresses: Addresses, heard: Heard, user: String, first: watch::Sender<bool>) {
    let mut path = "/api/rooms/r/poll".to_owned();
    for n in 0.. {
        let answer = try_request(pick(&addresses, n), "GET", &path, &bearer(&user), "").await;
        let Some(answer) = answer.filter(|answer| answer.status == 200) else { continue };
        let answer: Value = serde_json::from_str(&answer.body).unwrap();
        for event in answer["events"].as_array().unwrap() {
            assert_eq!(event["type"], "message", "{answer}");
            hear(&heard, event);
        }
        path = format!("/api/rooms/r/poll?timeout=2&pos={}", answer["pos"].as_str().unwrap());
        first.send_replace(true);
    }
}

/// Publishes numbers until told to stop, each until it is confirmed; says how many.
async fn talk(addresses: Addresses, stop: watch::Receiver<bool>, said: watch::Sender<u64>) -> u64 {
    let mut n = 0;
    while !*stop.borrow() {
        let body = json!({"content": n, "id": format!("n{n}")}).to_string();
        for attempt in n as usize.. {
            let address = pick(&addresses, attempt);
            let answer = try_request(address, "POST", "/api/rooms/r/messages", &bearer("talker"), &body).await;
            if answer.is_some_and(|answer| answer.status == 200) {
                break;
            }
        }
        n += 1;
        said.send_replace(n);
    }
    n
}

#[tokio::test]
async fn a_rolling_restart_loses_nothing() {
    let redis = Redis::start().await;
    let start =
        |name: &str| Child::joined(&redis, &["--instance", name, "--drain-window-ms", "400", "--retry-max-ms", "200"]);
    let mut instances = [start("a"), start("b"), start("c")];
    let addresses: Addresses = Arc::new(Mutex::new(instances.iter().map(|instance| instance.address).collect()));
    let mut listeners = JoinSet::new();
    let mut all: Vec<(String, Heard)> = Vec::new();
    for n in 0..12 {
        let (heard, user, (first, mut is_first)) = (Heard::default(), format!("u{n}"), watch::channel(false));
        let (there, told, name) = (Arc::clone(&addresses), Arc::clone(&heard), user.clone());
        match n % 3 {
            0 => listeners.spawn(over_sockets(there, told, name, first)),
            1 => listeners.spawn(over_streams(there, told, name, first)),
            _ => listeners.spawn(over_polls(there, told, name, first)),
        };
        is_first.wait_for(|first| *first).await.unwrap();
        all.push((user, heard));
    }
    let (stop, stopped) = watch::channel(false);
    let (saying, mut said) = watch::channel(0);
    let talker = tokio::spawn(talk(Arc::clone(&addresses), stopped, saying));
    for n in 0..3 {
        let before = *said.borrow();
        said.wait_for(|said| *said >= before + 50).await.unwrap();
        let old = std::mem::replace(&mut instances[n], start(["a", "b", "c"][n]));
        let fresh = instances[n].address;
        {
            let mut addresses = addresses.lock().unwrap();
            addresses.retain(|address| *address != old.address);
            addresses.push(fresh);
        }
        let complaints = tokio::task::spawn_blocking(|| old.finish()).await.unwrap();
        assert_eq!(complaints, "");
    }
    stop.send_replace(true);
    let count = talker.await.unwrap();
    assert!(count > 150, "{count} said");
    for (user, heard) in &all {
        until(&format!("{user} has heard all"), async || heard.lock().unwrap().len() as u64 >= count).await;
        let heard = heard.lock().unwrap();
        let expected: Vec<_> = (0..count).map(|n| (n + 1, json!(n))).collect();
        assert_eq!(*heard, expected, "{user}");
    }
    listeners.abort_all();
}
