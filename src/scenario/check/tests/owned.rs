//! Crowds and faults towards servers that are not on this machine.

use super::{brief, with};
use crate::scenario::{Diagnostic, GivenUrl, Overrides, Owned, Scenario, Source, parse};

const FAULT: &str =
    "[[fault]]\nname = \"storm\"\nat = \"5s\"\nslow = { clients = \"talkers\", percent = 1, read = \"1k/s\" }\n";

/// A hundred clients and `more`, towards `url`.
fn towards(url: &str, more: u32) -> String {
    with("[server]\ninstances = 2", &format!("[target]\nurls = [\"ws://localhost\", \"{url}\"]"))
        .replace("count = 90", &format!("count = {}", 90 + more))
}

fn check(text: &str, overrides: Overrides) -> Result<Scenario, Diagnostic> {
    parse(Source::new("chat.toml", text), &overrides, &|_| None)
}

fn owned(owned: Owned) -> Overrides {
    Overrides { owned, ..Overrides::default() }
}

#[test]
fn a_hundred_clients_are_welcome_anywhere_and_no_more() {
    let check = |url: &str, more| check(&towards(url, more), Overrides::default());
    assert!(check("wss://chat.example.com:444/x", 0).is_ok());
    assert_eq!(
        brief(&check("wss://chat.example.com:444/x", 1).unwrap_err()),
        "7:27 101 clients in all towards chat.example.com, which is not this machine: more than 100 are only for its owner | \
         if it is yours, type `export WSBENCH_OWNED=chat.example.com`, or add `--i-own-this-target`"
    );
    for own in ["ws://127.8.9.1:80", "ws://[::1]:80", "ws://LOCALHOST", "ws://a.localhost", "ws://[::ffff:127.0.0.1]"] {
        assert!(check(own, 1).is_ok(), "{own}");
    }
    for foreign in ["ws://10.0.0.1", "ws://[fe80::1]", "ws://0.0.0.0", "ws://localhost.example.com", "ws://128.0.0.1"] {
        assert!(check(foreign, 1).is_err(), "{foreign}");
    }
}

#[test]
fn so_are_no_faults_at_all() {
    let text = |url: &str| towards(url, 0).replace("[thresholds]", &format!("{FAULT}[thresholds]"));
    let wrong = check(&text("ws://10.0.0.1"), Overrides::default()).unwrap_err();
    assert_eq!(
        brief(&wrong),
        "25:3 faults towards 10.0.0.1, which is not this machine, are only for its owner | \
         if it is yours, type `export WSBENCH_OWNED=10.0.0.1`, or add `--i-own-this-target`"
    );
    assert!(check(&text("ws://127.0.0.1"), Overrides::default()).is_ok());
}

#[test]
fn the_owner_may() {
    let text = towards("wss://chat.example.com", 1).replace("[thresholds]", &format!("{FAULT}[thresholds]"));
    assert!(check(&text, owned(Owned::Target)).is_ok());
    assert!(check(&text, owned(Owned::hosts("a.example.com, Chat.Example.com"))).is_ok());
    assert!(check(&text, owned(Owned::hosts("example.com"))).is_err());
    assert!(check(&text, owned(Owned::hosts(""))).is_err());
    let text = text.replace("wss://chat.example.com", "wss://[fe80::1]");
    assert!(check(&text, owned(Owned::hosts("fe80::1"))).is_ok());
}

#[test]
fn what_counts_is_where_it_goes() {
    let pair = |from: &str, to: &str| vec![(from.to_owned(), to.to_owned())];
    let detour = |connect_to| Overrides { connect_to, ..Overrides::default() };
    let (chat, here) = (towards("wss://chat.example.com", 1), towards("ws://127.0.0.1:8000", 1));
    assert!(check(&chat, detour(pair("chat.example.com:443", "127.0.0.1:8443"))).is_ok());
    assert!(check(&chat, detour(pair("chat.example.com:444", "127.0.0.1:8443"))).is_err());
    let wrong = check(&here, detour(pair(":8000", "chat.example.com:"))).unwrap_err();
    assert!(wrong.message.contains("chat.example.com"), "{wrong}");
    let proxy = |proxy: &str| Overrides { proxy: Some(proxy.to_owned()), ..Overrides::default() };
    assert!(check(&here, proxy("http://127.0.0.1:3128")).is_ok());
    assert!(check(&here, proxy("http://proxy:3128")).is_err());
}

#[test]
fn a_url_on_the_command_line_is_judged_as_well() {
    let url = Overrides { url: Some(GivenUrl::new("--new", "ws://chat.example.com")), ..Overrides::default() };
    let wrong = check(&towards("ws://localhost", 1), url).unwrap_err();
    assert_eq!((wrong.path.as_str(), wrong.line), ("--new", 0));
}
