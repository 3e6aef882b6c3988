//! Conversations by request, with a server that answers as it is told: what becomes of answers that are none, of a resume in
//! several answers, of more rooms than calls are allowed at once.

use std::future::poll_fn;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;

use super::{Dialer, Ended, Happening, Pass, Place, Session};
use crate::dialect::{self, AuthStyle, Identity, Parameters, Position};
use crate::observe::{ClientId, TransportKind};
use crate::time::Clock;
use crate::transport::{self, NetworkConfig};
use crate::wire::CloseReason;

mod broken;

/// How long anything may take before a test fails.
const PATIENCE: Duration = Duration::from_secs(20);

/// A server that answers each request by `answer` to its first line; `None` is never answered.
async fn server(answer: impl Fn(&str) -> Option<String> + Send + Sync + 'static) -> (String, mpsc::Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let (tell, asked) = mpsc::channel(1_000);
    let answer = Arc::new(answer);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(serve(stream, Arc::clone(&answer), tell.clone()));
        }
    });
    (url, asked)
}

async fn serve(mut stream: TcpStream, answer: Arc<impl Fn(&str) -> Option<String>>, tell: mpsc::Sender<String>) {
    let mut head = Vec::new();
    while let Ok(byte) = stream.read_u8().await {
        head.push(byte);
        if !head.ends_with(b"\r\n\r\n") {
            continue;
        }
        let text = String::from_utf8(std::mem::take(&mut head)).unwrap();
        let length = text.lines().find_map(|line| line.strip_prefix("content-length: "));
        let mut body = vec![0; length.map_or(0, |length| length.parse().unwrap())];
        stream.read_exact(&mut body).await.unwrap();
        let line = text.lines().next().unwrap().to_owned();
        let answered = answer(&line);
        tell.send(line).await.unwrap();
        let Some(body) = answered else { return drop(stream.read_u8().await) };
        let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", body.len());
        // The client may have gone.
        drop(stream.write_all((head + &body).as_bytes()).await);
    }
}

async fn polling(url: &str, rooms: Vec<Place>) -> Session {
    dialed((TransportKind::LongPoll, "room"), url, rooms).await
}

async fn dialed((kind, dialect): (TransportKind, &str), url: &str, rooms: Vec<Place>) -> Session {
    let identity = Identity { client: ClientId(0), user: "ada".to_owned(), token: None, auth: AuthStyle::None };
    let urls = vec![url.parse().unwrap()];
    let dialer = Dialer {
        transports: vec![transport::of(kind, urls, NetworkConfig::default()).unwrap()],
        dialect: dialect::find(dialect, &Parameters::new()).unwrap(),
        clock: Clock::real(),
        machine: None,
        instances: Vec::new(),
        instance_rules: Arc::default(),
        join_timeout: PATIENCE,
        login: None,
        exchanges: None,
    };
    dialer.dial(kind, 0, &Arc::new(identity), rooms, &mut Pass::default()).await.unwrap().0
}

/// Polls until `enough` says so of what has happened, or the session is over.
async fn until(session: &mut Session, enough: impl Fn(&[String]) -> bool) -> (Vec<String>, Option<Ended>) {
    let mut heard = Vec::new();
    let talking = poll_fn(|cx| {
        let mut tell = |happening: Happening<'_>| {
            heard.push(match happening {
                Happening::Delivery(delivery, _) => match delivery.offset {
                    Some(offset) => format!("{offset} replayed {}", delivery.replayed),
                    None => format!("copy of {}", String::from_utf8_lossy(delivery.body)),
                },
                other => format!("{other:?}"),
            });
        };
        match session.poll(cx, usize::MAX, &mut tell) {
            Poll::Ready(ended) => Poll::Ready(Some(ended)),
            Poll::Pending if enough(&heard) => Poll::Ready(None),
            Poll::Pending => Poll::Pending,
        }
    });
    let ended = tokio::time::timeout(PATIENCE, talking).await.expect("it happens in time");
    (heard, ended)
}

fn place(name: &str, position: Option<u64>) -> Place {
    Place::new(name.into(), position.map(|offset| Position { offset, epoch: "k".into() }))
}

fn answer(position: u64, events: &[String]) -> String {
    format!(r#"{{"room":"r","pos":"k:{position}","instance":"a","events":[{}]}}"#, events.join(","))
}

fn message(offset: u64, content: &str) -> String {
    format!(
        r#"{{"type":"message","off":{offset},"ep":"k","via":"a","tsub":3,"tout":4,"rp":1,"room":"r","id":"m","from":"b","org":"a","timestamp":"t","tin":1,"tpub":2,"content":"{content}"}}"#
    )
}

#[tokio::test]
async fn an_answer_that_is_none_ends_a_poll_and_joins_nobody() {
    let pages =
        ["<html>back soon</html>", r#"{"off":1,"ep":"k","id":"m"}"#, r#"{"room":"r","pos":"nowhere","events":[]}"#];
    for page in pages {
        let (url, _asked) = server(move |_| Some(page.to_owned())).await;
        let mut session = polling(&url, vec![place("r", None)]).await;
        let (heard, ended) = until(&mut session, |_| false).await;
        assert!(matches!(ended, Some(Ended::Closed(CloseReason::Protocol(_)))), "{page}: {ended:?}");
        assert!(!session.is_joined(0) && !heard.iter().any(|heard| heard == "Ready"), "{page}: {heard:?}");
    }
}

#[tokio::test]
async fn a_resume_in_several_answers_is_a_replay_to_its_end() {
    let (url, _asked) = server(|line| {
        let position = line.split("pos=k%3A").nth(1).unwrap().split(['&', ' ']).next().unwrap();
        match position {
            "1" => Some(answer(3, &[message(2, "old"), message(3, &"x".repeat(600_000))])),
            "3" => Some(answer(4, &[message(4, "the rest")])),
            "4" => Some(answer(5, &[message(5, "live")])),
            _ => None,
        }
    })
    .await;
    let mut session = polling(&url, vec![place("r", Some(1))]).await;
    let (heard, ended) = until(&mut session, |heard| heard.iter().any(|heard| heard.starts_with("5 "))).await;
    assert_eq!(ended, None);
    let copies: Vec<&str> = heard.iter().map(String::as_str).filter(|heard| heard.contains("replayed")).collect();
    assert_eq!(copies, ["2 replayed true", "3 replayed true", "4 replayed true", "5 replayed false"]);
}

#[tokio::test]
async fn every_room_is_polled_and_there_is_still_room_to_speak() {
    let (url, mut asked) =
        server(|line| if line.starts_with("POST") { Some(String::new()) } else { joining(line) }).await;
    let rooms: Vec<Place> = (0..100).map(|n| place(&format!("r{n}"), None)).collect();
    let mut session = polling(&url, rooms).await;
    let (_, ended) = until(&mut session, |heard| heard.iter().any(|heard| heard == "Ready")).await;
    assert_eq!(ended, None);
    assert!(session.publish(99, "hello", 7).is_ok(), "polls are no reason to refuse it");
    let (heard, _) = until(&mut session, |heard| heard.iter().any(|heard| heard.starts_with("Acked(7"))).await;
    let [written, acked] =
        ["Written(7", "Acked(7"].map(|start| heard.iter().position(|heard| heard.starts_with(start)));
    assert!(written.is_some() && written < acked, "{heard:?}");
    let mut polls = 0;
    while let Ok(line) = asked.try_recv() {
        polls += usize::from(line.contains("pos="));
    }
    assert_eq!(polls, 100, "each waits for what is said in its room");
}

/// Where a room stands, at once; what comes after is waited for.
fn joining(line: &str) -> Option<String> {
    (!line.contains("pos=")).then(|| answer(0, &[]))
}

#[tokio::test]
async fn a_publication_without_an_answer_is_not_known_to_be_written() {
    let (url, mut asked) = server(|line| if line.starts_with("POST") { None } else { joining(line) }).await;
    let mut session = polling(&url, vec![place("r", None)]).await;
    until(&mut session, |heard| heard.iter().any(|heard| heard == "Ready")).await;
    assert!(session.publish(0, "hello", 7).is_ok());
    let posted = async { while !asked.recv().await.unwrap().starts_with("POST") {} };
    tokio::select! {
        () = posted => {}
        over = until(&mut session, |_| false) => panic!("{over:?}"),
    }
    let (heard, _) = until(&mut session, |_| true).await;
    assert!(!heard.iter().any(|heard| heard.starts_with("Written")), "{heard:?}");
    assert_eq!(session.unwritten().map(|(token, _)| token).collect::<Vec<_>>(), [7]);
}
