//! `[[request]]`: what is wrong with it, and what the right one comes to mean.

use std::time::Duration;

use super::{brief, check, with};
use crate::observe::GroupId;
use crate::scenario::{Cadence, Occasion};

/// The right scenario with a request on line 25 and following.
fn asking(lines: &str) -> String {
    with("[thresholds]", &format!("[[request]]\n{lines}\n[thresholds]"))
}

/// What is said about each of `cases`: (what the request is replaced by, place and message and help).
fn judge(cases: &[(&str, &str)]) {
    let said: Vec<String> =
        cases.iter().map(|(lines, _)| brief(&check(&asking(lines)).map(drop).expect_err(lines))).collect();
    let expected: Vec<&str> = cases.iter().map(|(_, expected)| *expected).collect();
    assert_eq!(said, expected);
}

#[test]
fn one_thing_wrong_at_a_time() {
    judge(&[
        ("name = 'h'\nfrom = 'talkers'\non = 'joined'", "25:1 the key `message` is missing"),
        (
            "name = 'h'\nmessage = 'histori'\nfrom = 'talkers'\non = 'joined'",
            "27:11 no message that is answered is called `histori` | did you mean `history`?",
        ),
        (
            "name = 'h'\nmessage = 'history'\nfrom = 'talker'\non = 'joined'",
            "28:8 no group of clients is called `talker` | did you mean `talkers`?",
        ),
        (
            "name = 'h'\nmessage = 'history'\nfrom = 'talkers'\non = 'join'",
            "29:6 unknown value `join` | did you mean `joined`?",
        ),
        (
            "name = 'h'\nmessage = 'history'\nfrom = 'talkers'",
            "25:1 when `h` is asked is not said | write `on = \"joined\"`, `every = \"20s\"` for each client, or `rate = \"10/s\"` for all together",
        ),
        (
            "name = 'h'\nmessage = 'history'\nfrom = 'talkers'\non = 'joined'\nevery = '20s'",
            "30:9 `on` and `every` exclude each other",
        ),
        (
            "name = 'h'\nmessage = 'history'\nfrom = 'talkers'\non = 'joined'\nrate = '2/s'",
            "30:8 `on` and `rate` exclude each other",
        ),
        (
            "name = 'h'\nmessage = 'history'\nfrom = 'talkers'\nevery = '20s'\nrate = '2/s'",
            "29:9 `rate` and `every` exclude each other",
        ),
        (
            "name = 'h'\nmessage = 'history'\nfrom = 'talkers'\non = 'joined'\narrival = 'poisson'",
            "30:11 `arrival` goes with `rate`",
        ),
        (
            "name = 'h'\nmessage = 'history'\nfrom = 'talkers'\non = 'joined'\nwithin = '0s'",
            "30:10 `within` must be longer than 0s",
        ),
        ("name = 'h'\nmessage = 'history'\nfrom = 'talkers'\nrate = '0/s'", "29:8 the rate must be above zero"),
        (
            "name = 'h'\nmessage = 'history'\nfrom = 'talkers'\non = 'joined'\n[[request]]\nname = 'h'\nmessage = 'ping'\nfrom = 'talkers'\nevery = '1s'",
            "31:8 there are two `[[request]]` called `h`",
        ),
    ]);
}

#[test]
fn who_cannot_ask_is_told_why() {
    let lurkers = "\n[[clients]]\nname = 'lurkers'\ncount = 3\n[[request]]\nname = 'q'\nfrom = 'lurkers'\n";
    let said = |more: &str| {
        let text = with("\n[thresholds]", &format!("{lurkers}{more}\n[thresholds]"));
        check(&text).map(drop).map_err(|wrong| brief(&wrong))
    };
    let rooms = "give `lurkers` `rooms`, for example `rooms = { count = 10 }`";
    assert_eq!(
        said("message = 'history'\nevery = '1s'").unwrap_err(),
        format!("30:8 `history` is about a room, and the clients of `lurkers` are in none | {rooms}")
    );
    assert_eq!(
        said("message = 'ping'\non = 'joined'").unwrap_err(),
        format!("30:8 the clients of `lurkers` join no room | {rooms}")
    );
    assert_eq!(said("message = 'ping'\nevery = '1s'"), Ok(()));
    let over = |transport: &str, message: &str| {
        let text = asking(&format!("name = 'q'\nmessage = '{message}'\nfrom = 'listeners'\non = 'joined'"));
        let text = text.replace("count = 90", &format!("count = 90\ntransport = {transport}"));
        check(&text).map(drop).map_err(|wrong| brief(&wrong))
    };
    assert_eq!(
        over("{ websocket = 80, sse = 20 }", "history").unwrap_err(),
        "28:11 `history` cannot be asked by sse, as some of `listeners` are connected | by sse there is `presence`"
    );
    assert_eq!(over("'longpoll'", "presence"), Ok(()));
}

#[test]
fn a_home_made_protocol_asks_what_it_was_told() {
    let target = "[target]\nurls = ['ws://127.0.0.1:1']\ndialect = 'json'\n[target.with]\n\
                  publish = '{\"id\":{{ref}},\"text\":\"{{text}}\"}'\nreply = { ref = '/id' }\n";
    let request = "name = 'h'\nmessage = 'members'\nfrom = 'talkers'\nevery = '2s'";
    let said = |messages: &str| {
        let text = asking(request).replace("[server]\ninstances = 2\n", &format!("{target}{messages}"));
        check(&text).map(drop).map_err(|wrong| brief(&wrong))
    };
    assert_eq!(said("messages = { members = '{\"id\":{{ref}},\"who\":\"{{room}}\"}' }\n"), Ok(()));
    assert_eq!(
        said("").unwrap_err(),
        "31:11 the dialect `json` is not told any message that is answered | describe it under `[target.with]` as `messages = { NAME = '{…}' }`"
    );
    assert_eq!(
        said("messages = { member = '{\"id\":{{ref}}}' }\n").unwrap_err(),
        "32:11 no message that is answered is called `members` | did you mean `member`?"
    );
    assert_eq!(
        said("messages = { members = '{}' }\n").unwrap_err(),
        "12:24 `messages.members`: has no {{ref}}: no answer could be recognised"
    );
}

#[test]
fn what_a_request_means() {
    let lines = "name = 'h'\nmessage = 'history'\nfrom = 'talkers'\non = 'joined'\n[[request]]\nname = 'p'\n\
                 message = 'ping'\nfrom = 'listeners'\nevery = '20s..60s'\nwithin = '250ms'";
    let scenario = check(&asking(lines)).unwrap();
    let [history, ping] = &scenario.requests[..] else { panic!("{:?}", scenario.requests) };
    assert_eq!((history.from, history.names_room, history.within), (GroupId(1), true, Duration::from_secs(5)));
    assert!(matches!(history.when, Occasion::Joined));
    assert_eq!((ping.from, ping.names_room, ping.within), (GroupId(0), false, Duration::from_millis(250)));
    let Occasion::Paced(Cadence::Think(least, most), _) = ping.when else { panic!("{ping:?}") };
    assert_eq!((least.as_secs(), most.as_secs()), (20, 60));
}
