//! `[[fault]]`: what is refused and where, and what becomes of what is right.

use std::time::Duration;

use super::{brief, check, judge, with};
use crate::observe::GroupId;
use crate::scenario::{Cut, Deed, Diagnostic, Fault, GivenUrl, InstanceAction, Overrides, RedisAction, Source, parse};

/// The right scenario with a fault before its thresholds; its header is line 25, `at` line 27, what it does line 28.
fn fault(deed: &str) -> String {
    with("[thresholds]", &format!("[[fault]]\nname = \"storm\"\nat = \"5s\"\n{deed}\n\n[thresholds]"))
}

/// What is said about each deed.
fn refused(cases: &[(&str, &str)]) {
    let said: Vec<String> =
        cases.iter().map(|(deed, _)| brief(&check(&fault(deed)).map(drop).expect_err(deed))).collect();
    let expected: Vec<&str> = cases.iter().map(|(_, expected)| *expected).collect();
    assert_eq!(said, expected);
}

const CUT: &str = "disconnect = { clients = \"listeners\", percent = 30, how = \"rst\" }";
const FOREIGN: &str = "[target]\nurls = [\"ws://localhost:1\"]";

#[test]
fn every_deed_finds_its_meaning_in_the_order_of_moments() {
    let deeds = [
        ("disconnect = { clients = \"talkers\", percent = 0.5, how = \"close:1012\" }", "9s"),
        ("disconnect = { clients = \"listeners\", percent = 100, how = \"blackhole\" }", "8s"),
        ("instance = { index = 1, action = \"kill\", restart_after = \"2s\" }", "1s"),
        ("instance = { index = 0, action = \"drain\" }", "7s"),
        ("instance = { index = 1, action = \"stop\", duration = \"1s\" }", "6s"),
        ("redis = { action = \"pause\", duration = \"2s\" }", "2s"),
        ("redis = { action = \"kill\", duration = \"500ms\" }", "4s"),
        ("slow = { clients = \"listeners\", percent = 1, read = \"1KiB/s\" }", "0s"),
    ];
    let written = deeds.iter().enumerate();
    let written = written.map(|(n, (deed, at))| format!("[[fault]]\nname = \"f{n}\"\nat = \"{at}\"\n{deed}\n"));
    let scenario = check(&with("[thresholds]", &(written.collect::<String>() + "[thresholds]"))).unwrap();
    let names: Vec<&str> = scenario.faults.iter().map(|fault| fault.name.as_str()).collect();
    assert_eq!(names, ["f7", "f2", "f5", "f6", "f4", "f3", "f1", "f0"]);
    let secs = Duration::from_secs;
    let deeds: Vec<Deed> = scenario.faults.into_iter().map(|fault| fault.deed).collect();
    let disconnect = |clients, percent, how| Deed::Disconnect { clients: GroupId(clients), percent, how };
    let instance = |index, action| Deed::Instance { index, action };
    let expected = [
        Deed::Slow { clients: GroupId(0), percent: 1.0, read: 1_024 },
        instance(1, InstanceAction::Kill { restart_after: Some(secs(2)) }),
        Deed::Redis(RedisAction::Pause(secs(2))),
        Deed::Redis(RedisAction::Kill(Duration::from_millis(500))),
        instance(1, InstanceAction::Stop(secs(1))),
        instance(0, InstanceAction::Drain { restart_after: None }),
        disconnect(0, 100.0, Cut::Blackhole),
        disconnect(1, 0.5, Cut::Close(1_012)),
    ];
    assert_eq!(deeds, expected);
}

#[test]
fn a_fault_may_be_made_of_variables() {
    let text = fault("disconnect = { clients = \"${WHO}\", percent = \"${SHARE}\", how = \"${HOW}\" }")
        .replace("at = \"5s\"", "at = \"${AT}\"");
    let vars = [("WHO", "talkers"), ("SHARE", "12.5"), ("HOW", "fin"), ("AT", "7s")];
    let vars = vars.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec();
    let scenario = parse(Source::new("chat.toml", text), &Overrides { vars, ..Overrides::default() }, &|_| None);
    let deed = Deed::Disconnect { clients: GroupId(1), percent: 12.5, how: Cut::Fin };
    let fault = Fault { name: "storm".to_owned(), at: Duration::from_secs(7), deed };
    assert_eq!(scenario.unwrap().faults, [fault]);
}

#[test]
fn keys_names_and_moments() {
    let text = fault(CUT);
    let wrong = |from: &str, to: &str| {
        assert!(text.contains(from), "{from}");
        brief(&check(&text.replacen(from, to, 1)).map(drop).expect_err(to))
    };
    assert_eq!(wrong("at = \"5s\"", "att = \"5s\""), "27:1 unknown key `att` | did you mean `at`?");
    assert_eq!(wrong("at = \"5s\"\n", ""), "25:1 the key `at` is missing");
    assert_eq!(wrong("at = \"5s\"", "at = 5"), "27:6 5 has no unit; write \"5s\"");
    let help = "`at` counts from the end of the warm-up";
    let over = format!("27:6 the measured phase is over by then: it takes 20s | {help}");
    assert_eq!(wrong("at = \"5s\"", "at = \"20s\""), over);
    let reserved = "is what `during` calls something else; a fault needs another name";
    assert_eq!(wrong("\"storm\"", "\"steady\""), format!("26:8 `steady` {reserved}"));
    assert_eq!(wrong("\"storm\"", "\"incident-1\""), format!("26:8 `incident-1` {reserved}"));
    assert_eq!(wrong("\"storm\"", "\"\""), "26:8 the name is empty");
    let again = format!("[[fault]]\nname = \"storm\"\nat = \"1s\"\n{CUT}\n[thresholds]");
    assert_eq!(wrong("[thresholds]", &again), "31:8 there are two `[[fault]]` called `storm`");
    let single = wrong("[[fault]]", "[fault]");
    assert_eq!(single, "25:2 expected a list, found a table");
}

#[test]
fn exactly_one_deed() {
    let both = format!("{CUT}\nredis = {{ action = \"pause\", duration = \"2s\" }}");
    let slow = "slow = { clients = \"listeners\", percent = 1, read = \"1KiB/s\" }\n";
    refused(&[
        (
            "",
            "25:1 what `storm` does is not said | write one of `disconnect`, `instance`, `redis`, `slow`, `proxy` \
             and `command`, as in `disconnect = { clients = \"…\", percent = 30, how = \"rst\" }`",
        ),
        (&both, "29:1 `disconnect` and `redis` exclude each other | write a `[[fault]]` for each"),
        (&format!("{slow}{CUT}"), "28:1 `disconnect` and `slow` exclude each other | write a `[[fault]]` for each"),
        (
            &format!("{slow}command = [\"true\"]"),
            "29:1 `slow` and `command` exclude each other | write a `[[fault]]` for each",
        ),
        (&format!("{slow}timeout = \"5s\""), "29:11 `timeout` goes with `command`"),
    ]);
}

#[test]
fn disconnects() {
    let cut = |from: &str, to: &str| CUT.replace(from, to);
    refused(&[
        (
            &cut("\"listeners\"", "\"listener\""),
            "28:26 no group of clients is called `listener` | did you mean `listeners`?",
        ),
        (&cut("30", "0"), "28:49 must be above 0 and at most 100 percent, not 0"),
        (&cut("30", "100.5"), "28:49 must be above 0 and at most 100 percent, not 100.5"),
        (&cut("30", "\"30%\""), "28:49 expected a number, found the text \"30%\""),
        (
            &cut("\"rst\"", "\"reset\""),
            "28:59 unknown cut \"reset\"; expected \"rst\", \"fin\", \"blackhole\" or \"close:1012\"",
        ),
        (
            &cut("\"rst\"", "\"close:1006\""),
            "28:59 \"close:1006\" has no code a close frame may carry: 1000-1003, 1007-1014, 3000-4999",
        ),
        (&cut("\"rst\"", "3"), "28:59 expected \"rst\", \"fin\", \"blackhole\" or \"close:CODE\", found the number 3"),
        (&cut("percent", "precent"), "28:39 unknown key `precent` | did you mean `percent`?"),
        (&cut(", how = \"rst\"", ""), "28:1 the key `how` is missing"),
    ]);
}

#[test]
fn slow_readers() {
    let slow = |read: &str| format!("slow = {{ clients = \"listeners\", percent = 1, read = {read} }}");
    refused(&[
        (&slow("\"1KiB\""), "28:53 \"1KiB\" has no unit; write \"1KiB/s\""),
        (&slow("1024"), "28:53 1024 has no unit; write \"1024B/s\""),
        (&slow("\"60KiB/m\""), "28:53 a pace counts per second: \"60KiB/s\""),
        (&slow("\"0B/s\""), "28:53 must be faster than 0B/s; who reads nothing at all is cut by `how = \"blackhole\"`"),
        (&slow("\"1KiB/s\"").replace("= 1,", "= -1,"), "28:43 must be above 0 and at most 100 percent, not -1"),
        (
            &slow("\"1KiB/s\"").replace("listeners", "lurkers"),
            "28:20 no group of clients is called `lurkers` | did you mean `talkers`?",
        ),
    ]);
}

#[test]
fn instances() {
    refused(&[
        ("instance = { index = 2, action = \"kill\" }", "28:22 there is no instance 2: there are 2, counted from 0"),
        (
            "instance = { index = 70000, action = \"kill\" }",
            "28:22 there is no instance 70000: there are 2, counted from 0",
        ),
        ("instance = { index = 1, action = \"klil\" }", "28:34 unknown value `klil` | did you mean `kill`?"),
        (
            "instance = { index = 1, action = \"stop\" }",
            "28:1 for how long is not said: `stop` needs a `duration` | write `duration = \"2s\"`",
        ),
        ("instance = { index = 1, action = \"stop\", duration = \"0s\" }", "28:53 must be longer than 0s"),
        (
            "instance = { index = 1, action = \"stop\", duration = \"1s\", restart_after = \"1s\" }",
            "28:75 `restart_after` goes with kill and drain; a stopped instance goes on by itself",
        ),
        (
            "instance = { index = 1, action = \"drain\", duration = \"1s\" }",
            "28:54 `duration` goes with stop; how long it is away is `restart_after`",
        ),
        ("instance = { action = \"kill\" }", "28:1 the key `index` is missing"),
    ]);
}

#[test]
fn redis() {
    refused(&[
        (
            "redis = { action = \"pause\" }",
            "28:1 for how long is not said: `pause` needs a `duration` | write `duration = \"2s\"`",
        ),
        (
            "redis = { action = \"kill\" }",
            "28:1 for how long is not said: `kill` needs a `duration` | write `duration = \"2s\"`",
        ),
        ("redis = { action = \"stop\", duration = \"1s\" }", "28:20 unknown value `stop` | there are `pause`, `kill`"),
    ]);
}

const KILL: &str = "instance = { index = 1, action = \"kill\" }";
const PAUSE: &str = "redis = { action = \"pause\", duration = \"2s\" }";

#[test]
fn what_is_not_ours_cannot_be_killed() {
    let elsewhere = |deed: &str| brief(&check(&fault(deed).replace("[server]\ninstances = 2", FOREIGN)).unwrap_err());
    let remedy = "write `[server]` in place of `[target]`; `disconnect`, `slow` and `proxy` work towards any target";
    let only = "can only be hit where wsbench has started it";
    assert_eq!(elsewhere(KILL), format!("28:1 an instance {only} | {remedy}"));
    assert_eq!(elsewhere(PAUSE), format!("28:1 Redis {only} | {remedy}"));
    let close = elsewhere(&CUT.replace("rst", "close:1012"));
    assert!(close.starts_with("28:59 a close frame comes from the server"), "{close}");
    assert!(check(&fault(CUT).replace("[server]\ninstances = 2", FOREIGN)).is_ok());
    let url = Overrides { url: Some(GivenUrl::new("--url", "ws://127.0.0.1:1")), ..Overrides::default() };
    let wrong = parse(Source::new("chat.toml", fault(KILL)), &url, &|_| None).unwrap_err();
    assert!(
        brief(&wrong).ends_with("| leave out `--url`; `disconnect`, `slow` and `proxy` work towards any target"),
        "{wrong}"
    );
}

#[test]
fn without_redis_instances_are_one_process() {
    let memory = |deed: &str| check(&fault(deed).replace("instances = 2\n", "instances = 2\nbroker = \"memory\"\n"));
    let help = "write `broker = \"redis\"`, or \"auto\" with a redis-server or valkey-server on PATH";
    let expected = format!("29:1 this needs Redis: one process per instance | {help}");
    assert_eq!(brief(&memory(KILL).unwrap_err()), expected);
    assert_eq!(brief(&memory(PAUSE).unwrap_err()), expected);
    assert!(memory(CUT).is_ok());
}

#[test]
fn nothing_is_hit_while_it_is_away() {
    let twice = |first: &str, second: &str, at: &str| -> Result<(), Diagnostic> {
        let second = format!("[[fault]]\nname = \"second\"\nat = \"{at}\"\n{second}\n[thresholds]");
        check(&fault(first).replace("[thresholds]", &second)).map(drop)
    };
    let kill = "instance = { index = 1, action = \"kill\", restart_after = \"2s\" }";
    let away = "is away at this moment: it was hit by `storm` and";
    assert_eq!(brief(&twice(kill, KILL, "6s").unwrap_err()), format!("32:6 instance 1 {away} is back at 7s"));
    assert_eq!(brief(&twice(KILL, kill, "19s").unwrap_err()), format!("32:6 instance 1 {away} never comes back"));
    assert_eq!(brief(&twice(PAUSE, PAUSE, "6s").unwrap_err()), format!("32:6 Redis {away} is back at 7s"));
    assert!(twice(kill, KILL, "7s").is_ok());
    assert!(twice(KILL, &kill.replace("index = 1", "index = 0"), "6s").is_ok());
}

#[test]
fn thresholds_name_what_goes_wrong() {
    let during = |name: &str| {
        let text = fault(CUT).replace("\"< 100ms\"", &format!("{{ rule = \"< 1s\", during = \"{name}\" }}"));
        check(&text).map(|scenario| scenario.thresholds[0].during.clone())
    };
    for name in ["storm", "steady", "incident-1", "incident-12"] {
        assert_eq!(during(name).unwrap().as_deref(), Some(name));
    }
    let wrong = |name: &str| brief(&during(name).unwrap_err());
    assert_eq!(wrong("strom"), "31:44 no fault is called `strom` | did you mean `storm`?");
    let all = "there are `storm`, `steady`, and `incident-1` and so on for what nobody declared";
    assert_eq!(wrong("incident-0"), format!("31:44 no fault is called `incident-0` | {all}"));
}

#[test]
fn pings_of_the_bundled_server() {
    judge(&[
        ("instances = 2", "ping_interval = \"99ms\"", "7:17 `ping_interval` must be at least 100ms"),
        ("instances = 2", "ping_timeout = \"0s\"", "7:16 `ping_timeout` must be at least 100ms"),
        ("instances = 2", "ping_timeout = 2", "7:16 2 has no unit; write \"2s\""),
    ]);
}

#[test]
fn who_waits_for_a_long_fault_waits_to_its_end() {
    let settle = |deed: &str, run: &str| {
        let text = fault(deed).replace("duration = \"20s\"", &format!("duration = \"20s\"{run}"));
        check(&text).unwrap().times.settle
    };
    let long = "redis = { action = \"pause\", duration = \"90s\" }";
    assert_eq!(settle(long, ""), Duration::from_secs(93));
    assert_eq!(settle(long, "\nsettle = \"5s\""), Duration::from_secs(5));
    assert_eq!(settle(CUT, ""), Duration::from_secs(60));
}
