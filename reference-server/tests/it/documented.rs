//! Every HTTP example of PROTOCOL.md, run against a server: `=` opens a stream, `|` is a line of the stream opened last,
//! `>` a request, `<` its answer, `*` tells the instance to go. All by the user `ada`.

use reference_server::Config;

use crate::{
    protocol::{assert_same_value, blocks},
    support::{
        Server,
        http::{Events, bearer, request},
    },
};

/// Puts the document's example in the place of the room's epoch.
fn as_documented(text: &str, epoch: &str) -> String {
    if epoch.is_empty() { text.to_owned() } else { text.replace(epoch, "k3f9") }
}

/// The epoch in an `id` or a `pos`.
fn epoch_in(text: &str) -> Option<&str> {
    let (_, rest) = text.split_once("id: ").or_else(|| text.split_once(r#""pos":""#))?;
    rest.split_once(':').map(|(epoch, _)| epoch).filter(|epoch| epoch.len() == 8)
}

fn compare(said: &str, documented: &str) {
    match (said.split_once('{'), documented.split_once('{')) {
        (Some((said_head, _)), Some((head, _))) => {
            assert_eq!(said_head, head);
            assert_same_value(&said[said_head.len()..], &documented[head.len()..]);
        }
        _ if documented == "retry: 1234" => assert!(said.starts_with("retry: "), "{said}"),
        _ => assert_eq!(said, documented),
    }
}

async fn run(example: &str) {
    let server = Server::alone(Config::default()).await;
    let (mut epoch, mut answer) = (String::new(), String::new());
    let mut streams: Vec<Events> = Vec::new();
    for line in example.lines() {
        let (mark, rest) = line.split_once(' ').unwrap_or((line, ""));
        let said = rest.replace("k3f9", &epoch);
        match mark {
            "=" => streams.push(Events::open(server.address, &said, &bearer("ada")).await),
            "|" => {
                let line = streams.last_mut().unwrap().line().await;
                if let Some(found) = epoch_in(&line) {
                    epoch = found.to_owned();
                }
                compare(&as_documented(&line, &epoch), rest);
            }
            ">" => {
                let mut words = said.splitn(3, ' ');
                let (method, path) = (words.next().unwrap(), words.next().unwrap());
                let told = request(server.address, method, path, &bearer("ada"), words.next().unwrap_or("")).await;
                if let Some(found) = epoch_in(&told.body) {
                    epoch = found.to_owned();
                }
                answer = format!("{} {}", told.status, as_documented(&told.body, &epoch));
            }
            "<" => compare(&answer, rest),
            "*" => server.shut_down(),
            other => panic!("unknown mark {other}"),
        }
    }
}

#[tokio::test]
async fn http_examples_are_true() {
    for example in blocks("http") {
        run(example).await;
    }
}
