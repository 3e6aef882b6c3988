//! Each step against a small server that fails at it, and one that does not.

use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::broadcast;
use tokio_tungstenite::tungstenite::Message;

use super::*;
use crate::dialect::{self, AuthStyle};
use crate::observe::ClientId;
use crate::time::Clock;
use crate::transport::{self, NetworkConfig};
use crate::wire::{InstanceRule, Within};

/// What a server does wrong.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Fault {
    Nothing,
    /// A join is never answered, but something else is said.
    JoinsInSilence,
    RefusesJoins,
    ClosesOnSpeech,
    RefusesSpeech,
    NeverAcknowledges,
    DeliversToNobody,
    DeliversInOtherWords,
    LowersCase,
    EchoesToNobody,
    /// What is said is not given back; the server's own id of it is, to all.
    KeepsTheText,
}

async fn server(fault: Fault) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("ws://{}", listener.local_addr().unwrap());
    let room = broadcast::channel(16).0;
    tokio::spawn(async move {
        let mut number = 0;
        while let Ok((stream, _)) = listener.accept().await {
            number += 1;
            tokio::spawn(serve(stream, fault, number, room.clone()));
        }
    });
    url
}

async fn serve(stream: TcpStream, fault: Fault, number: u32, room: broadcast::Sender<(u32, String)>) {
    let mut socket = tokio_tungstenite::accept_async(stream).await.unwrap();
    let mut said = room.subscribe();
    loop {
        tokio::select! {
            message = socket.next() => {
                let Some(Ok(Message::Text(text))) = message else { return };
                let asked: Value = serde_json::from_str(&text).unwrap();
                let answer = answer(&asked, fault, number);
                if asked["say"].is_string() {
                    if fault == Fault::ClosesOnSpeech {
                        return;
                    }
                    let kept = format!("mid-{}", asked["id"]);
                    let text = if fault == Fault::KeepsTheText { &kept } else { asked["say"].as_str().unwrap() };
                    room.send((number, text.to_owned())).unwrap();
                }
                if let Some(answer) = answer {
                    socket.send(Message::text(answer.to_string())).await.unwrap();
                }
            }
            Ok((by, text)) = said.recv() => {
                let heard = match fault {
                    Fault::DeliversToNobody | Fault::RefusesSpeech => continue,
                    Fault::EchoesToNobody if by == number => continue,
                    Fault::DeliversInOtherWords => json!({ "event": "said", "text": text }),
                    Fault::KeepsTheText => json!({ "kind": "said", "data": { "mid": text }, "text": "***" }),
                    Fault::LowersCase => json!({ "kind": "said", "text": text.to_lowercase() }),
                    _ => json!({ "kind": "said", "text": text }),
                };
                socket.send(Message::text(heard.to_string())).await.unwrap();
            }
        }
    }
}

fn answer(asked: &Value, fault: Fault, number: u32) -> Option<Value> {
    let (id, joins) = (&asked["id"], asked["join"].is_string());
    match fault {
        Fault::JoinsInSilence if joins => Some(json!({ "motd": "hello" })),
        Fault::RefusesJoins if joins => Some(json!({ "id": id, "error": "full" })),
        Fault::RefusesSpeech if !joins => Some(json!({ "id": id, "error": "muted" })),
        Fault::NeverAcknowledges if !joins => None,
        Fault::KeepsTheText if !joins => Some(json!({ "id": id, "is": format!("mid-{id}") })),
        // The first to come is on one node, the second on another.
        _ => Some(json!({ "id": id, "node": format!("n{number}") })),
    }
}

async fn probed(fault: Fault) -> Findings {
    probed_by(fault, &[]).await
}

/// Instances are told by these rules.
async fn probed_by(fault: Fault, rules: &[InstanceRule]) -> Findings {
    let with = json!({
        "join": r#"{"join":"{{room}}","id":{{ref}}}"#, "publish": r#"{"say":"{{text}}","id":{{ref}}}"#,
        "reply": { "ref": "/id", "error": "/error" }, "deliver": { "when": { "/kind": "said" } },
    });
    let patience = if matches!(fault, Fault::Nothing) { Duration::from_secs(20) } else { Duration::from_millis(700) };
    let asked = between(fault, &with, rules, patience).await;
    let mut told = 0;
    let findings = probe(&asked, &mut |_| told += 1).await;
    assert_eq!(told, findings.steps.len(), "each is told once");
    findings
}

/// Two who speak the JSON that `with` describes, and a server that does as `fault` says.
async fn between(fault: Fault, with: &Value, rules: &[InstanceRule], patience: Duration) -> Asked {
    let url = server(fault).await;
    let dialer = Dialer {
        transports: vec![
            transport::of(TransportKind::WebSocket, vec![url.parse().unwrap()], NetworkConfig::default()).unwrap(),
        ],
        dialect: dialect::find("json", with.as_object().unwrap()).unwrap(),
        clock: Clock::real(),
        machine: None,
        instances: vec!["h:1".into()],
        instance_rules: rules.into(),
        join_timeout: Duration::from_secs(20),
        exchanges: None,
        login: None,
    };
    let speaker = |name: &'static str, number| Speaker {
        name,
        dialer: dialer.clone(),
        kind: TransportKind::WebSocket,
        url: 0,
        login: None,
        identity: Arc::new(Identity {
            client: ClientId(number),
            user: name.to_owned(),
            token: None,
            auth: AuthStyle::None,
        }),
    };
    Asked { talker: speaker("talker", 0), listener: speaker("listener", 1), room: "r".into(), patience }
}

/// The step that failed, and why.
async fn failure(fault: Fault) -> (String, String) {
    let findings = probed(fault).await;
    let failed: Vec<&Step> = findings.steps.iter().filter(|step| step.found.is_err()).collect();
    let [step] = failed[..] else { panic!("one step fails: {findings:#?}") };
    (step.what.clone(), step.found.clone().unwrap_err())
}

#[tokio::test]
async fn a_server_that_does_as_its_dialect_says_passes_every_step() {
    let findings = probed(Fault::Nothing).await;
    assert!(findings.good(), "{findings:#?}");
    let steps: Vec<&str> = findings.steps.iter().map(|step| step.what.as_str()).collect();
    let expected = [
        "listener connects",
        "listener enters r",
        "talker connects",
        "talker enters r",
        "instances",
        "talker says a message",
        "listener hears it",
        "talker hears itself",
    ];
    assert_eq!(steps, expected);
    let found = |at: usize| findings.steps[at].found.as_deref().unwrap();
    assert_eq!(found(4), "told apart by name: both are on h:1");
    assert!(found(6).contains("kind `text`") && findings.steps[6].took.is_some());
}

#[tokio::test]
async fn instances_are_told_by_the_first_rule_that_answers() {
    let pointer = |pointer: &str, within| InstanceRule::Pointer { pointer: pointer.to_owned(), within };
    let header = InstanceRule::Header("x-pod".to_owned());
    let told = async |rules: &[InstanceRule]| {
        let findings = probed_by(Fault::Nothing, rules).await;
        findings.steps[4].found.clone().unwrap()
    };
    let apart = "told apart by name: the talker is on n2, the listener on n1";
    assert_eq!(told(&[header.clone(), pointer("/node", Within::Join), InstanceRule::Url]).await, apart);
    let by_address = "told apart by name: both are on h:1";
    assert_eq!(told(&[header.clone(), InstanceRule::Url, pointer("/node", Within::Join)]).await, by_address);
    assert_eq!(told(&[pointer("/nod", Within::Join), InstanceRule::Url]).await, by_address);
    let unknown = "cannot be told apart: deliveries count as hop=unknown";
    assert_eq!(told(&[header, pointer("/node", Within::Welcome)]).await, unknown);
}

#[tokio::test]
async fn who_needs_no_acknowledgement_is_in_at_once() {
    let with = json!({ "publish": r#"{"say":"{{text}}","id":{{ref}}}"#, "deliver": { "when": { "/kind": "said" } } });
    let asked = between(Fault::Nothing, &with, &[], Duration::from_secs(3_600)).await;
    let findings = tokio::time::timeout(Duration::from_secs(20), probe(&asked, &mut |_| {})).await;
    let findings = findings.expect("nothing is waited for that does not come");
    let entered = findings.steps[1].found.as_deref().unwrap();
    assert_eq!(entered, "not acknowledged by this dialect, without a position");
}

#[tokio::test]
async fn what_fails_is_named_with_what_came_instead() {
    let (step, why) = failure(Fault::JoinsInSilence).await;
    assert_eq!(step, "listener enters r");
    let advice = "if no answer is to come, `acknowledges_joins = false` awaits none; if a message of its own is the answer, say \
                  under `joined` what it looks like";
    let came = "join was not answered in time; what came means nothing to the dialect: {\"motd\":\"hello\"}";
    assert_eq!(why, format!("{came}; {advice}"));
    assert_eq!(failure(Fault::RefusesJoins).await, ("listener enters r".to_owned(), "refused: full".to_owned()));
    assert_eq!(failure(Fault::RefusesSpeech).await, ("talker says a message".to_owned(), "refused: muted".to_owned()));
    let (step, why) = failure(Fault::ClosesOnSpeech).await;
    assert_eq!((step.as_str(), why.starts_with("the connection ended: ")), ("talker says a message", true), "{why}");
    let (step, why) = failure(Fault::NeverAcknowledges).await;
    assert_eq!((step.as_str(), why.as_str()), ("talker says a message", "no acknowledgement came"));
}

#[tokio::test]
async fn a_message_that_does_not_come_as_it_was_said_is_told_apart_from_one_that_does_not_come() {
    let (step, why) = failure(Fault::DeliversToNobody).await;
    assert_eq!((step.as_str(), why.as_str()), ("listener hears it", "nothing came that holds the marker"));
    let (step, why) = failure(Fault::DeliversInOtherWords).await;
    assert!(step == "listener hears it" && why.contains("does not take it for a delivery"), "{why}");
    assert!(why.contains("\"event\":\"said\""), "{why}");
    let (step, why) = failure(Fault::LowersCase).await;
    assert!(step == "listener hears it" && why.contains("altered on the way"), "{why}");
    let (step, why) = failure(Fault::EchoesToNobody).await;
    assert!(step == "talker hears itself" && why.starts_with("no, but this dialect says yes"), "{why}");
}

#[tokio::test]
async fn a_server_that_gives_nothing_back_is_told_with_the_kind_of_marker_to_try_which_then_works() {
    let (step, why) = failure(Fault::KeepsTheText).await;
    assert!(step == "listener hears it" && why.contains("a delivery came that holds no marker"), "{why}");
    for advice in
        ["`marker = \"field\"`", "`marker = \"correlate\"`", "\"/is\" (`reply.id`)", "\"/data/mid\" (`deliver.id`)"]
    {
        assert!(why.contains(advice), "no {advice} in {why}");
    }
    let with = |reply: &str, deliver: &str| {
        json!({
            "join": r#"{"join":"{{room}}","id":{{ref}}}"#, "publish": r#"{"say":"{{text}}","id":{{ref}}}"#,
            "reply": { "ref": "/id", "id": reply }, "deliver": { "when": { "/kind": "said" }, "id": deliver },
            "marker": "correlate",
        })
    };
    let probed = async |with: Value| {
        let asked = between(Fault::KeepsTheText, &with, &[], Duration::from_secs(1)).await;
        let findings = probe(&asked, &mut |_| {}).await;
        let heard = findings.steps.iter().find(|step| step.what == "listener hears it").unwrap();
        heard.found.clone()
    };
    assert_eq!(
        probed(with("/is", "/data/mid")).await.unwrap(),
        "its id is the acknowledgement's, mid-2 (kind `correlate`)"
    );
    let why = probed(with("/id", "/data/mid")).await.unwrap_err();
    assert_eq!(why, "the acknowledgement calls the message 2, and no delivery has that id; what came: mid-2");
    let why = probed(with("/nothing", "/data/mid")).await.unwrap_err();
    assert!(why.contains("(mid-2)") && why.contains("has none where this dialect looks for it"), "{why}");
}

#[tokio::test]
async fn a_marker_in_a_field_of_its_own_is_named_as_that() {
    let with = json!({
        "publish": r#"{"say":"{{marker}}","id":{{ref}}}"#, "deliver": { "when": { "/kind": "said" } },
    });
    let asked = between(Fault::Nothing, &with, &[], Duration::from_secs(20)).await;
    let findings = probe(&asked, &mut |_| {}).await;
    let heard = findings.steps.iter().find(|step| step.what == "listener hears it").unwrap();
    assert_eq!(heard.found.as_deref(), Ok("the marker is found in its field (kind `field`)"));
}

#[tokio::test]
async fn nobody_there_is_the_first_step() {
    let free = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let transport = transport::of(
        TransportKind::WebSocket,
        vec![format!("ws://{free}").parse().unwrap()],
        NetworkConfig::default(),
    );
    let dialer = Dialer {
        transports: vec![transport.unwrap()],
        dialect: dialect::find("room", &dialect::Parameters::new()).unwrap(),
        clock: Clock::real(),
        machine: None,
        instances: Vec::new(),
        instance_rules: Arc::default(),
        join_timeout: Duration::from_secs(20),
        exchanges: None,
        login: None,
    };
    let identity = Arc::new(Identity { client: ClientId(0), user: "u".to_owned(), token: None, auth: AuthStyle::None });
    let speaker = Speaker { name: "talker", dialer, kind: TransportKind::WebSocket, url: 0, identity, login: None };
    let asked = Asked {
        listener: Speaker { name: "listener", ..speaker.clone() },
        talker: speaker,
        room: "r".into(),
        patience: Duration::from_secs(20),
    };
    let findings = probe(&asked, &mut |_| {}).await;
    let [step] = &findings.steps[..] else { panic!("{findings:?}") };
    assert_eq!(step.what, "listener connects");
    assert!(step.found.as_ref().unwrap_err().contains("refused"), "{step:?}");
}
