//! What right input comes to mean.

use std::time::Duration;

use super::{RIGHT, brief, check, with};
use crate::backoff::Policy;
use crate::dialect::AuthStyle;
use crate::profile::Spacing;
use crate::scenario::{
    BrokerChoice, Bundled, Cadence, Claim, Overrides, Owned, Pick, Population, RulePart, Source, Stay, Target, Text,
    To, Users, parse,
};

#[test]
fn defaults_are_filled_in() {
    let scenario = check(RIGHT).unwrap();
    let secs = Duration::from_secs;
    let times = scenario.times;
    assert_eq!([times.warm_up, times.duration, times.drain, times.settle], [3, 20, 3, 60].map(secs));
    assert_eq!(times.join_timeout, secs(30));
    let (ping_interval, ping_timeout) = (secs(30), secs(60));
    let bundled = Bundled { instances: 2, broker: BrokerChoice::Auto, ping_interval, ping_timeout };
    assert!(matches!(&scenario.target, Target::Bundled(other) if *other == bundled));
    assert_eq!(scenario.seed, 42);
    assert_eq!(scenario.rooms.len(), 10);
    assert_eq!(scenario.rooms[9], "room-9");
    let group = &scenario.groups[1];
    assert!(matches!(group.population, Population::Ramp { count: 10, over } if over == Duration::from_millis(20)));
    assert_eq!(group.auth, AuthStyle::FirstMessage);
    assert_eq!(group.rooms, scenario.groups[0].rooms);
    assert_eq!(group.reconnect.policy, Policy::named("full-jitter", None, None).unwrap());
    assert_eq!(scenario.publishes[0].spacing, Spacing::Constant);
    assert_eq!(scenario.source.sha256.len(), 64);
}

#[test]
fn every_key_finds_its_way() {
    let text = r#"
        seed = 7
        [run]
        warm_up = "5s"
        settle = "2s"
        [target]
        urls = ["wss://a.example.com/ws", "ws://b.example.com"]
        headers = { Origin = "https://app.example.com" }
        resolve = "each"
        source_ips = ["10.0.0.21", "::1"]
        proxy = "http://proxy:3128"
        tls = { server_name = "chat.internal" }
        [users]
        mint = { secret = "shared", claims = { sub = "load-{{n}}", admin = true } }
        [[clients]]
        name = "a"
        count = [{ at = "0s", n = 0 }, { at = "2m", n = 8000 }]
        stay = "exponential(12m)"
        auth = "header"
        rooms = [{ count = 4, per_client = 2, pick = "zipf(1.1)" }, { count = 1, name = "lobby" }]
        reconnect = { policy = "decorrelated", base = "1s", cap = "9s", give_up = "1m", resume = false, failover = "random" }
        [[clients]]
        name = "b"
        arrive = { rate = [{ at = "0s", rate = "0/s" }, { at = "10s", rate = "20/s" }], ramp = true, arrival = "constant" }
        rooms = { same_as = "a" }
        transport = { websocket = 100 }
        [[publish]]
        name = "c"
        from = "a"
        every = "20s..60s"
        text = { size = "lognormal(120B, 0.8)" }
        [[publish]]
        name = "d"
        from = "b"
        rate = [{ at = "0s", rate = "10/s" }, { at = "10s", rate = "0/s" }]
        arrival = "burst(10)"
        to = "lobby"
        [thresholds]
        "delivery.p99" = ["< 100ms", { rule = "< 1s", during = "steady", abort = true }]
    "#;
    let owned = Overrides { owned: Owned::Target, ..Overrides::default() };
    let scenario = parse(Source::new("chat.toml", text), &owned, &|_| None).unwrap();
    assert_eq!(scenario.name, "chat");
    let Target::Foreign(foreign) = &scenario.target else { panic!("not bundled") };
    assert_eq!((foreign.urls.len(), foreign.network.source_ips.len()), (2, 2));
    assert!(foreign.network.resolve_each && foreign.network.proxy.is_some());
    assert!(
        matches!(&scenario.users, Users::Minted { claims, .. } if claims.iter().any(|(_, c)| matches!(c, Claim::Value(_))))
    );
    let (a, b) = (&scenario.groups[0], &scenario.groups[1]);
    assert_eq!((a.stay, a.auth), (Some(Stay::Exponential(Duration::from_secs(720))), AuthStyle::Header));
    assert_eq!((a.rooms.len(), &a.rooms[0].pick, a.rooms[0].per_client), (2, &Pick::Zipf(1.1), 2));
    assert_eq!((a.rooms[1].rooms.len(), b.rooms.len()), (1, 2));
    assert!(matches!(&b.population, Population::Arrive { rate, spacing: Spacing::Constant }
        if rate.total(Duration::from_secs(10)) == 100.0));
    let (c, d) = (&scenario.publishes[0], &scenario.publishes[1]);
    assert!(matches!(c.text, Text::LogNormal { median: 120, .. }) && matches!(c.rate, Cadence::Think(..)));
    assert!(matches!(d.to, To::Room(room) if scenario.rooms[room.0 as usize] == "lobby"));
    // Points of a rate count from the end of the warm-up; before it the first rate holds.
    assert!(matches!(&d.rate, Cadence::Total(shape) if shape.total(Duration::from_secs(60)) == 150.0));
    assert_eq!(scenario.thresholds.len(), 2);
    assert!(scenario.thresholds[1].abort && scenario.thresholds[1].during.as_deref() == Some("steady"));
}

#[test]
fn thresholds_keep_their_place_for_who_knows_the_metrics() {
    let scenario = check(RIGHT).unwrap();
    let rule = &scenario.thresholds[0];
    assert_eq!((rule.metric.as_str(), rule.rule.as_str(), rule.line), ("delivery.p99", "< 100ms", 26));
    let at = |part| brief(&rule.at(part, &scenario.source, "wrong"));
    assert_eq!([at(RulePart::Metric), at(RulePart::Rule)], ["26:1 wrong", "26:18 wrong"]);
    let table = check(&with("\"< 100ms\"", "[{ rule = \"< 1s\" }]")).unwrap();
    assert_eq!(brief(&table.thresholds[0].at(RulePart::Rule, &table.source, "wrong")), "26:28 wrong");
}

#[test]
fn json_is_another_spelling() {
    let json = r#"{
  "$schema": "./scenario.schema.json",
  "server": { "instances": 2 },
  "vars": { "N": 90 },
  "clients": [ { "name": "all", "count": "${N}", "rooms": { "count": 10, "name": "caf\u00e9 {n}" } } ],
  "publish": [ { "name": "chat", "from": "all", "rate": "200/s", "size": "128B" } ],
  "thresholds": { "deliveries.lost": "== 0" }
}"#;
    let scenario = check(json).unwrap();
    assert_eq!(scenario.rooms[3], "café 3");
    assert_eq!(
        brief(&check(&json.replace("\"size\"", "\"siez\"")).unwrap_err()),
        "6:66 unknown key `siez` | did you mean `size`?"
    );
    assert_eq!(brief(&check(&json.replace("200/s", "200")).unwrap_err()), "6:57 \"200\" has no unit; write \"200/s\"");
    assert_eq!(
        brief(&check(&json.replace("== 0\" }", "== 0\" ")).unwrap_err()),
        "8:1 not valid JSON: EOF while parsing an object"
    );
}

#[test]
fn files_stand_beside_the_scenario() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("users.csv"), "user,token\nada,t1\nbob,t2\n").unwrap();
    std::fs::write(dir.path().join("corpus.txt"), "hello\n\nhow are you\n").unwrap();
    let text = |count: u32, reuse: &str| {
        format!(
            "[target]\nurls = ['ws://x']\n[users]\ncsv = 'users.csv'\nreuse = '{reuse}'\n[[clients]]\nname = 'all'\n\
             count = {count}\nrooms = {{ count = 1 }}\n[[publish]]\nname = 'a'\nfrom = 'all'\nrate = '1/s'\n\
             text = {{ file = 'corpus.txt' }}"
        )
    };
    let path = dir.path().join("chat.toml").to_string_lossy().into_owned();
    let check = |count, reuse| parse(Source::new(path.as_str(), text(count, reuse)), &Overrides::default(), &|_| None);
    let scenario = check(2, "no").unwrap();
    assert_eq!(scenario.users.user(1, None), ("bob".to_owned(), Some("t2".to_owned())));
    assert_eq!(scenario.groups[0].auth, AuthStyle::FirstMessage);
    assert!(matches!(&scenario.publishes[0].text, Text::Corpus(lines) if lines.len() == 2));
    let wrong = check(3, "no").unwrap_err();
    assert_eq!(brief(&wrong), "4:7 2 users are too few: 3 clients will come | add rows, or write `reuse = \"cycle\"`");
    assert_eq!(check(3, "cycle").unwrap().users.user(2, None).0, "ada");
}
