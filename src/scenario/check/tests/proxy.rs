//! `[proxy]`, and the faults that need a proxy or leave: what is refused and where, and what becomes of what is right.

use std::time::Duration;

use super::{brief, check, with};
use crate::observe::GroupId;
use crate::proxy::{Direction, Hit, Impairment};
use crate::scenario::{Cut, Deed, Diagnostic, Overrides, Proxy, Scenario, Source, parse};

/// The right scenario with a table before its thresholds; its header is line 25.
fn table(text: &str) -> String {
    with("[thresholds]", &format!("{text}\n\n[thresholds]"))
}

/// With a fault; what it does is line 28.
fn fault(deed: &str) -> String {
    table(&format!("[[fault]]\nname = \"storm\"\nat = \"5s\"\n{deed}"))
}

fn refused(cases: &[(&str, &str)], text: impl Fn(&str) -> String) {
    let said: Vec<String> =
        cases.iter().map(|(case, _)| brief(&check(&text(case)).map(drop).expect_err(case))).collect();
    let expected: Vec<&str> = cases.iter().map(|(_, expected)| *expected).collect();
    assert_eq!(said, expected);
}

fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

#[test]
fn a_proxy_is_what_is_said_of_it() {
    let of = |text: &str| check(&table(text)).unwrap().proxy;
    assert_eq!(of(""), None);
    assert_eq!(of("[proxy]"), Some(Proxy::default()));
    let text = "[proxy]\nclients = \"talkers\"\nshare = 50\ndelay = \"20ms\"\njitter = \"5ms\"\nbandwidth = \"64KiB/s\"\n\
                slice = \"1B..100B\"\ndirection = \"down\"";
    let impairment = Impairment {
        delay: ms(20),
        jitter: ms(5),
        bandwidth: Some(65_536),
        slice: Some((1, 100)),
        direction: Direction::Down,
    };
    assert_eq!(of(text), Some(Proxy { clients: Some(GroupId(1)), percent: 50.0, impairment }));
    let shown = "20ms ± 5ms late, 64.0 KiB/s, in pieces of 1 B to 100 B, downwards";
    assert_eq!(impairment.to_string(), shown);
    assert_eq!(of("[proxy]\nslice = \"7B\"").unwrap().impairment.slice, Some((7, 7)));
}

#[test]
fn a_proxy_that_is_not_one() {
    refused(
        &[
            ("dealy = \"20ms\"", "26:1 unknown key `dealy` | did you mean `delay`?"),
            ("delay = 20", "26:9 20 has no unit; write \"20s\""),
            ("clients = \"lurkers\"", "26:11 no group of clients is called `lurkers` | did you mean `talkers`?"),
            ("share = 0", "26:9 must be above 0 and at most 100 percent, not 0"),
            ("bandwidth = \"64KiB\"", "26:13 \"64KiB\" has no unit; write \"64KiB/s\""),
            ("slice = \"100B..1B\"", "26:9 the range \"100B..1B\" ends before it starts"),
            ("slice = \"0B\"", "26:9 a piece has at least 1B"),
            ("direction = \"dwon\"", "26:13 unknown value `dwon` | did you mean `down`?"),
            (
                "delay = \"5ms\"\njitter = \"6ms\"",
                "27:10 nothing passes before it comes: `jitter` is at most the `delay`, 5ms",
            ),
        ],
        |case| table(&format!("[proxy]\n{case}")),
    );
}

#[test]
fn what_befalls_connections_finds_its_meaning() {
    let hit = |rest: &str| {
        let deed = format!("proxy = {{ clients = \"talkers\", percent = 10, {rest} }}");
        let scenario = check(&fault(&deed)).unwrap();
        assert_eq!(scenario.proxy, Some(Proxy::default()), "a fault that needs a proxy has one");
        let [fault] = &scenario.faults[..] else { panic!() };
        let Deed::Proxy { clients: GroupId(1), percent: 10.0, hit } = fault.deed else { panic!("{:?}", fault.deed) };
        hit
    };
    assert_eq!(hit("action = \"reset\""), Hit::Reset { after: 0 });
    assert_eq!(hit("action = \"reset\", after = \"10KiB\""), Hit::Reset { after: 10_240 });
    assert_eq!(hit("action = \"half-open\""), Hit::HalfOpen);
    assert_eq!(
        hit("action = \"stall\", duration = \"2s\""),
        Hit::Stall { direction: Direction::Both, lasting: ms(2_000) }
    );
    assert_eq!(hit("action = \"corrupt\""), Hit::Corrupt { direction: Direction::Down });
    assert_eq!(hit("action = \"corrupt\", direction = \"up\""), Hit::Corrupt { direction: Direction::Up });
    let impairment = Impairment { delay: ms(200), ..Impairment::default() };
    assert_eq!(
        hit("action = \"impair\", delay = \"200ms\", duration = \"1s\""),
        Hit::Impair { impairment, lasting: ms(1_000) }
    );
}

#[test]
fn keys_that_mean_nothing_are_refused() {
    refused(
        &[
            ("action = \"rst\"", "28:54 unknown value `rst` | did you mean `reset`?"),
            ("action = \"half-open\", after = \"1B\"", "28:75 `after` goes with reset; it means nothing here"),
            (
                "action = \"reset\", duration = \"1s\"",
                "28:74 `duration` goes with stall and impair; it means nothing here",
            ),
            (
                "action = \"half-open\", direction = \"up\"",
                "28:79 `direction` goes with stall, corrupt and impair; it means nothing here",
            ),
            ("action = \"stall\", delay = \"1s\"", "28:71 `delay` goes with impair; it means nothing here"),
            (
                "action = \"stall\"",
                "28:1 for how long is not said: `stall` needs a `duration` | write `duration = \"2s\"`",
            ),
            (
                "action = \"impair\", delay = \"1s\"",
                "28:1 for how long is not said: `impair` needs a `duration` | write `duration = \"2s\"`",
            ),
            (
                "action = \"impair\", duration = \"1s\"",
                "28:1 how they are impaired is not said | write one of `delay`, `bandwidth` and `slice`, as in \
                 `delay = \"200ms\"`",
            ),
        ],
        |case| fault(&format!("proxy = {{ clients = \"talkers\", percent = 1, {case} }}")),
    );
}

#[test]
fn who_cuts_connections_depends_on_the_target() {
    let cut = "disconnect = { clients = \"listeners\", percent = 30, how = \"rst\" }";
    assert_eq!(check(&fault(cut)).unwrap().proxy, None, "the bundled server does it by itself");
    let foreign = fault(cut).replace("[server]\ninstances = 2", "[target]\nurls = [\"ws://localhost:1\"]");
    let scenario = check(&foreign).unwrap();
    assert!(scenario.proxy.is_some());
    assert!(matches!(scenario.faults[0].deed, Deed::Disconnect { how: Cut::Rst, .. }));
}

#[test]
fn the_networks_of_others_are_left_alone() {
    let text = table("[proxy]").replace("[server]\ninstances = 2", "[target]\nurls = [\"ws://chat.example.com\"]");
    let wrong = brief(&check(&text).unwrap_err());
    assert!(wrong.starts_with("25:2 faults towards chat.example.com, which is not this machine"), "{wrong}");
}

#[test]
fn commands_need_leave() {
    let command = fault("command = [\"kubectl\", \"rollout\", \"restart\"]");
    let with_leave = |text: &str| -> Result<Scenario, Diagnostic> {
        parse(Source::new("chat.toml", text), &Overrides { allow_commands: true, ..Overrides::default() }, &|_| None)
    };
    assert_eq!(
        brief(&check(&command).unwrap_err()),
        "28:1 this runs a program on this machine, which a scenario may only do with leave | \
         if you know what it does, add `--allow-commands`"
    );
    let argv = ["kubectl", "rollout", "restart"].map(str::to_owned).to_vec();
    let deed = |timeout| Deed::Command { argv: argv.clone(), timeout };
    assert_eq!(with_leave(&command).unwrap().faults[0].deed, deed(ms(60_000)));
    let timed = command.replace("restart\"]", "restart\"]\ntimeout = \"90s\"");
    assert_eq!(with_leave(&timed).unwrap().faults[0].deed, deed(ms(90_000)));
    let wrong = |text: &str| brief(&with_leave(text).unwrap_err());
    assert_eq!(wrong(&timed.replace("90s", "0s")), "29:11 must be longer than 0s");
    for empty in ["[]", "[\"\"]"] {
        let wrong = wrong(&fault(&format!("command = {empty}")));
        assert!(wrong.starts_with("28:1 there is no command | write the program and its arguments"), "{wrong}");
    }
    assert_eq!(wrong(&fault("command = \"kubectl\"")), "28:11 expected a list, found the text \"kubectl\"");
}

#[test]
fn whoever_asks_by_requests_is_not_behind_the_proxy() {
    let polls = |text: &str| text.replace("count = 10\n", "count = 10\ntransport = \"longpoll\"\n");
    let past = "clients of `talkers` connect by longpoll, and requests do not pass the fault proxy";
    let help = "name the group that is meant with `clients`, or let these connect by websocket or sse";
    let refusal = |text: &str| brief(&check(&polls(text)).map(drop).expect_err(text));
    assert_eq!(refusal(&table("[proxy]")), format!("26:2 {past} | {help}"));
    let deed = "proxy = { clients = \"talkers\", percent = 10, action = \"reset\" }";
    assert_eq!(refusal(&fault(deed)), format!("26:1 {past} | {help}"));
    assert!(check(&polls(&table("[proxy]\nclients = \"listeners\""))).is_ok(), "others may be");
}
