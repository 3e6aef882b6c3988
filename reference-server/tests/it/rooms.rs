//! R1, R4, R7, R8: rooms, chat, fan-out.

use reference_server::{BrokerChoice, Config};

use crate::support::{Client, Redis, Server, server::memory, until};

async fn chat_crosses_instances(broker: BrokerChoice) {
    let (a, b) = Server::pair(broker, Config::default()).await;
    let mut alice = Client::in_room(&a, "r1", "alice").await;
    let mut bob = Client::in_room(&b, "r1", "bob").await;
    assert_eq!((alice.instance.as_str(), bob.instance.as_str()), ("a", "b"));
    for n in 1..=3 {
        alice.say(&format!(r#"{{"n": {n},  "odd":"\u00e4"}}"#)).await;
        for (client, via) in [(&mut alice, "a"), (&mut bob, "b")] {
            let text = client.text().await;
            assert!(text.starts_with(&format!(r#"{{"type":"message","off":{n},"ep":""#)), "{text}");
            assert!(text.contains(&format!(r#","content":{{"n": {n},  "odd":"\u00e4"}}}}"#)), "{text}");
            assert!(text.contains(&format!(r#","via":"{via}","tsub":"#)), "{text}");
            assert!(text.contains(r#","from":"alice","org":"a","timestamp":""#), "{text}");
        }
    }
    alice.leave().await;
    bob.leave().await;
    a.empty().await;
    b.empty().await;
}

#[tokio::test]
async fn chat_crosses_instances_over_memory() {
    chat_crosses_instances(BrokerChoice::Memory(memory())).await;
}

#[tokio::test]
async fn chat_crosses_instances_over_redis() {
    let redis = Redis::start().await;
    chat_crosses_instances(BrokerChoice::Redis(redis.url())).await;
    until("nobody is subscribed", async || redis.subscribers("r1").await == 0).await;
}
