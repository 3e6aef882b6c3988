//! One thing wrong at a time.

use super::{check, judge, with};

#[test]
fn errors_are_rendered_with_line_caret_and_help() {
    let wrong = |from: &str, to: &str| check(&with(from, to)).unwrap_err().plain();
    insta::assert_snapshot!(wrong("count = 90", "cuont = 90"), @r"
    error: unknown key `cuont`
      --> chat.toml:11:1
       |
    11 | cuont = 90
       | ^^^^^
       |
       = help: did you mean `count`?
    ");
    insta::assert_snapshot!(wrong("size = \"128B\"", "size = \"10B\""), @r#"
    error: 10 bytes are too few: the marker alone takes 40
      --> chat.toml:23:8
       |
    23 | size = "10B"
       |        ^^^^^
       |
       = help: write "40B" or more
    "#);
    insta::assert_snapshot!(wrong("name = \"chat\"", "name = chat"), @r"
    error: not valid TOML: string values must be quoted, expected literal string
     --> chat.toml:1:8
      |
    1 | name = chat
      |        ^^^^
    ");
}

#[test]
fn unknown_keys_and_syntax() {
    judge(&[
        ("[run]", "[runn]", "3:2 unknown key `runn` | did you mean `run`?"),
        ("rate = \"200/s\"", "rate = \"200/s\"\nrete = 3", "23:1 unknown key `rete` | did you mean `rate`?"),
        ("{ count = 10, name", "{ count = 10, naem", "12:23 unknown key `naem` | did you mean `name`?"),
        ("count = 90", "count = 90\ncount = 91", "12:1 not valid TOML: duplicate key"),
        ("name  = \"talkers\"\n", "", "14:1 the key `name` is missing"),
        ("count = 90", "count = 2024-01-01", "11:9 dates have no meaning here | put it in quotes"),
    ]);
}

#[test]
fn wrong_units() {
    judge(&[
        ("duration = \"20s\"", "duration = 20", "4:12 20 has no unit; write \"20s\""),
        ("duration = \"20s\"", "duration = \"20\"", "4:12 \"20\" has no unit; write \"20s\""),
        (
            "duration = \"20s\"",
            "duration = \"20sec\"",
            "4:12 unknown unit \"sec\" in \"20sec\"; known: d, h, m, s, ms, us, ns",
        ),
        (
            "duration = \"20s\"",
            "duration = true",
            "4:12 expected a duration such as \"250ms\", \"20s\" or \"1m30s\", found true",
        ),
        ("duration = \"20s\"", "duration = \"100h\"", "4:12 a run may take 78 hours at most"),
        ("rate = \"200/s\"", "rate = \"200\"", "22:8 \"200\" has no unit; write \"200/s\""),
        ("rate = \"200/s\"", "rate = 200", "22:8 200 has no unit; write \"200/s\""),
        ("size = \"128B\"", "size = \"128\"", "23:8 \"128\" has no unit; write \"128B\""),
        ("size = \"128B\"", "size = 128", "23:8 128 has no unit; write \"128B\""),
        ("rate = \"200/s\"", "every = \"60s..20s\"", "22:9 the range \"60s..20s\" ends before it starts"),
        (
            "rate = \"200/s\"",
            "rate = \"200/s\"\narrival = \"burst\"",
            "23:11 \"burst\" needs how many at once, as in \"burst(10)\"",
        ),
        (
            "rate = \"200/s\"",
            "rate = \"200/s\"\narrival = \"random\"",
            "23:11 unknown arrival \"random\"; expected \"constant\", \"poisson\" or \"burst(N)\"",
        ),
        (
            "size = \"128B\"",
            "text = { size = \"lognormal(120B)\" }",
            "23:17 \"lognormal(120B)\" needs a median and a sigma, as in \"lognormal(120B, 0.8)\"",
        ),
        (
            "count = 10, name",
            "count = 10, pick = \"zipf(x)\", name",
            "12:30 \"zipf(x)\" needs an exponent between 0 and 10, as in \"zipf(1.1)\"",
        ),
        (
            "count = 90",
            "count = 90\nstay = \"gamma(3m)\"",
            "12:8 unknown stay \"gamma(3m)\"; expected one such as \"5m\", \"1m..5m\" or \"exponential(12m)\"",
        ),
    ]);
}

#[test]
fn counts() {
    judge(&[
        ("duration = \"20s\"", "duration = \"0s\"", "4:12 `duration` must be longer than 0s"),
        ("count = 90", "count = 0", "11:9 must be at least 1, not 0"),
        ("count = 90", "count = -5", "11:9 must be at least 1, not -5"),
        ("count = 90", "count = 1.5", "11:9 expected a whole number, found the number 1.5"),
        ("count = 90", "count = \"many\"", "11:9 expected a whole number, found the text \"many\""),
        ("count = 90", "count = 99999999", "11:9 there may be 16777216 clients at most"),
        ("count = 90", "count = { n = 3 }", "11:1 expected a whole number or a list of `{ at, n }`, found a table"),
        ("count = 90", "count = []", "11:1 the list is empty"),
        (
            "count = 90",
            "count = [{ at = \"5s\", n = 1 }, { at = \"2s\", n = 4 }]",
            "11:39 this moment is before the one above it",
        ),
        ("count = 90", "count = [{ at = \"5s\", n = 0 }]", "11:1 there is never a client"),
        ("count = 90", "count = [{ at = \"5s\" }]", "11:10 the key `n` is missing"),
        (
            "count = 90\n",
            "",
            "9:1 how many clients `listeners` has is not said | write `count = 100`, or `arrive = { rate = \"10/s\" }`",
        ),
        ("count = 90", "count = 90\narrive = { rate = \"2/s\" }", "12:1 `count` and `arrive` exclude each other"),
        (
            "count = 90",
            "count = [{ at = \"0s\", n = 9 }]\nramp = \"2s\"",
            "12:8 `ramp` goes with a fixed `count`; these clients come after t0",
        ),
        (
            "count = 90",
            "arrive = { rate = \"900k/s\" }",
            "9:3 about 20700010 clients would come in the course of the run; 16777216 is the most",
        ),
        ("rate = \"200/s\"", "rate = \"0/s\"", "22:8 the rate must be above zero"),
        ("rate = \"200/s\"", "rate = [{ at = \"0s\", rate = \"0/s\" }]", "22:1 the rate is never above zero"),
        (
            "rate = \"200/s\"",
            "rate = \"200/s\"\nramp = true",
            "23:8 `ramp` joins the points of a rate; this one has none",
        ),
        ("rate = \"200/s\"", "rate = \"999M/s\"", "22:8 these are more publications than can be numbered"),
        ("rate = \"200/s\"", "every = \"1ns\"", "22:9 these are more publications than can be numbered"),
        ("instances = 2", "instances = 0", "7:13 must be at least 1, not 0"),
        ("instances = 2", "instances = 1000", "7:13 1000 instances are too many; at most 256"),
    ]);
}

#[test]
fn rooms() {
    judge(&[
        (
            "same_as = \"listeners\"",
            "same_as = \"listener\"",
            "17:21 no group of clients is called `listener` | did you mean `listeners`?",
        ),
        ("same_as = \"listeners\"", "same_as = \"talkers\"", "17:21 the group `talkers` has no rooms of its own"),
        (
            "same_as = \"listeners\"",
            "same_as = \"listeners\", count = 3",
            "17:42 `count` and `same_as` exclude each other",
        ),
        (
            "{ same_as = \"listeners\" }",
            "{ count = 10 }",
            "17:19 there is a room `room-0` already | to share rooms, write `rooms = { same_as = \"…\" }`; else give them another `name`",
        ),
        (
            "{ same_as = \"listeners\" }",
            "{ }",
            "17:1 how many rooms is not said | write `count = 10`, or `same_as` and the name of a group to share its rooms",
        ),
        (
            "{ same_as = \"listeners\" }",
            "\"listeners\"",
            "17:9 expected a table such as `{ count = 10 }` or `{ same_as = \"listeners\" }` or a list of such, found the text \"listeners\"",
        ),
        (
            "name = \"room-{n}\"",
            "name = \"room\"",
            "12:30 10 rooms need different names | write `room-{n}`; {n} is the room's number",
        ),
        (
            "count = 10, name",
            "count = 10, per_client = 11, name",
            "12:36 a client cannot enter 11 different rooms of 10",
        ),
        ("count = 10, name", "count = 20000000, name", "12:19 there may be 16777216 rooms at most"),
        (
            "count = 10, name",
            "count = 10, sizes = [{ rooms = 11, members = 2 }], name",
            "12:23 `sizes` names more than the 10 rooms there are",
        ),
        (
            "count = 10, name",
            "count = 10, sizes = [{ rooms = 2, members = 60 }], name",
            "12:23 `sizes` adds up to 120 members, but 90 clients in 1 rooms each are 90",
        ),
        (
            "count = 10, name",
            "count = 10, sizes = [{ rooms = 10, members = 8 }], name",
            "12:23 `sizes` adds up to 80 members, but 90 clients in 1 rooms each are 90",
        ),
    ]);
}

#[test]
fn rooms_without_talkers() {
    judge(&[
        (
            "count = 10\nrooms = { same_as = \"listeners\" }",
            "count = 10",
            "20:8 `talkers` cannot speak: its clients are in no room | give `talkers` `rooms`, for example `rooms = { count = 10 }`",
        ),
        (
            "count = 10\nrooms",
            "count = 5\nrooms",
            "12:1 5 of the 10 rooms of `listeners` have no talker, `room-5` for one | let more clients talk, or have fewer rooms",
        ),
        (
            "{ same_as = \"listeners\" }",
            "{ count = 10, name = \"other-{n}\" }",
            "12:1 nobody ever speaks in the rooms of `listeners` | let a `[[publish]]` come from `listeners`, or from a group with `rooms = { same_as = \"listeners\" }`",
        ),
    ]);
}

#[test]
fn groups_and_streams() {
    judge(&[
        ("name  = \"talkers\"", "name  = \"listeners\"", "15:9 there are two `[[clients]]` called `listeners`"),
        ("name  = \"talkers\"", "name  = \"\"", "15:9 the name is empty"),
        (
            "from = \"talkers\"",
            "from = \"talker\"",
            "21:8 no group of clients is called `talker` | did you mean `talkers`?",
        ),
        (
            "rate = \"200/s\"\n",
            "",
            "19:1 how often `chat` speaks is not said | write `rate = \"100/s\"` for all talkers together, or `every = \"20s..60s\"` for each",
        ),
        ("rate = \"200/s\"", "rate = \"200/s\"\nevery = \"20s\"", "23:9 `rate` and `every` exclude each other"),
        (
            "rate = \"200/s\"",
            "every = \"20s\"\narrival = \"poisson\"",
            "23:11 `arrival` goes with `rate`; with `every` each client has its own pace",
        ),
        (
            "rate = \"200/s\"",
            "rate = \"200/s\"\nto = \"room-11\"",
            "23:6 no room is called `room-11` | did you mean `room-1`?",
        ),
        (
            "rooms = { same_as = \"listeners\" }",
            "rooms = { count = 1, name = \"own\" }\n[[publish]]\nname = \"x\"\nfrom = \"listeners\"\nrate = \"1/s\"\nto = \"own\"",
            "22:6 no client of `listeners` is in the room `own`",
        ),
        (
            "size = \"128B\"",
            "size = \"10B\"",
            "23:8 10 bytes are too few: the marker alone takes 40 | write \"40B\" or more",
        ),
        (
            "size = \"128B\"",
            "text = { size = \"lognormal(30B, 0.5)\" }",
            "23:17 30 bytes are too few: the marker alone takes 40 | write \"40B\" or more",
        ),
        ("size = \"128B\"", "size = \"17MiB\"", "23:8 a payload may have 16MiB at most"),
        ("size = \"128B\"", "size = \"128B\"\ntext = { size = \"128B\" }", "24:1 `size` and `text` exclude each other"),
        ("size = \"128B\"", "text = { }", "23:1 write one of `size` and `file`"),
        ("size = \"128B\"", "text = { file = \"gone.txt\" }", "23:17 cannot read gone.txt: no such file"),
    ]);
}

#[test]
fn what_is_not_built_yet() {
    judge(&[
        ("size = \"128B\"", "via = \"http\"", "23:7 `via` is not built yet"),
        (
            "[server]\ninstances = 2",
            "[target]\nurls = [\"ws://x\"]\ndialect = \"socketio-v4\"",
            "8:11 the dialect `socketio-v4` is not built yet",
        ),
        (
            "[server]\ninstances = 2",
            "[target]\nurls = [\"ws://x\"]\ninstance = [{ header = \"x-pod\", url = true }]",
            "8:13 a place where instances are told is one of `header`, `cookie`, `pointer` and `url = true`",
        ),
        (
            "[server]\ninstances = 2",
            "[target]\nurls = [\"ws://x\"]\ninstance = [{ url = true }, { pointer = \"node\" }]",
            "8:41 a JSON Pointer starts with `/`, as in `/data/node`",
        ),
    ]);
}

#[test]
fn who_is_notified() {
    judge(&[
        (
            "size = \"128B\"",
            "to = { user_of = \"listener\" }",
            "23:18 no group of clients is called `listener` | did you mean `listeners`?",
        ),
        (
            "size = \"128B\"",
            "to = { user_of = \"listeners\" }",
            "23:18 a user is notified over HTTP, and `talkers` speaks over sockets | write `transport = \"longpoll\"` for `talkers`; without rooms it polls nothing",
        ),
        (
            "size = \"128B\"",
            "to = { users_of = \"listeners\" }",
            "23:8 unknown key `users_of` | did you mean `user_of`?",
        ),
    ]);
}

#[test]
fn transports_and_reconnects() {
    judge(&[
        (
            "count = 90\nrooms = { count = 10",
            "count = 90\ntransport = \"sse\"\nrooms = { per_client = 2, count = 10",
            "12:13 a client by sse is in one room, and these are in 2 | a stream of events is that of a room: write `per_client = 1`, or use another transport",
        ),
        (
            "count = 90",
            "count = 90\nsse = \"eventsource-client\"",
            "12:7 `sse` says what reads server-sent events, and no client of this group does",
        ),
        (
            "[server]\ninstances = 2\n\n[[clients]]\nname  = \"listeners\"\ncount = 90",
            "[target]\nurls = [\"ws://x\"]\ndialect = \"json\"\n[target.with]\npublish = '{{text}}'\n[[clients]]\nname = \"listeners\"\ncount = 90\ntransport = { websocket = 50, sse = 50 }",
            "14:1 the dialect `json` is not spoken over sse",
        ),
        (
            "count = 90",
            "count = 90\ntransport = \"websockets\"",
            "12:13 no transport is called `websockets` | did you mean `websocket`?",
        ),
        (
            "count = 90",
            "count = 90\ntransport = { websocket = 80, sse = 15 }",
            "12:1 the shares add up to 95 percent, not to 100",
        ),
        (
            "count = 90",
            "count = 90\nreconnect = \"full-jiter\"",
            "12:13 no policy is called `full-jiter` | did you mean `full-jitter`?",
        ),
        (
            "count = 90",
            "count = 90\nreconnect = { policy = \"fixed\", base = \"2s\", cap = \"1s\" }",
            "12:52 the cap is below the base",
        ),
        (
            "count = 90",
            "count = 90\nreconnect = { failover = \"any\" }",
            "12:26 unknown value `any` | there are `next`, `same`, `random`",
        ),
        (
            "count = 90",
            "count = 90\nreconnect = 3",
            "12:13 expected the name of a policy or a table such as `{ policy = \"full-jitter\" }`, found the number 3",
        ),
        (
            "count = 90",
            "count = 90\nauth = \"token\"",
            "12:8 unknown value `token` | there are `query-token`, `first-message`, `header`, `cookie`, `none`",
        ),
    ]);
}

#[test]
fn servers_and_targets() {
    judge(&[
        (
            "[server]\ninstances = 2",
            "",
            "1:1 there is neither a `[server]` nor a `[target]` | write `[server]` to start the bundled room server, or `[target]` with `urls = [\"wss://…\"]`",
        ),
        (
            "[server]",
            "[target]\nurls = [\"ws://x\"]\n[server]",
            "6:2 there is a `[server]` as well as a `[target]` | `[server]` starts the bundled server, `[target]` names one that is already there",
        ),
        ("instances = 2", "broker = \"rediss\"", "7:10 unknown value `rediss` | did you mean `redis`?"),
        (
            "[server]\ninstances = 2",
            "[target]\nurls = [\"ftp://example.com/chat\"]",
            "7:9 the scheme `ftp` is none of ws, wss, http, https | write `ws://example.com/chat`",
        ),
        (
            "[server]\ninstances = 2",
            "[target]\nurls = [\"example.com\"]",
            "7:9 `example.com` is not a URL: relative URL without a base | write it as `ws://host:port/path` or `wss://…`",
        ),
        ("[server]\ninstances = 2", "[target]\nurls = []", "7:1 there is no URL"),
        (
            "[server]\ninstances = 2",
            "[target]\nurls = [\"ws://x\"]\ndialect = \"rom\"",
            "8:11 no dialect is called `rom` | did you mean `room`?",
        ),
        (
            "[server]\ninstances = 2",
            "[target]\nurls = [\"ws://x\"]\n[target.with]\nevent = \"chat\"",
            "9:9 `event`: the dialect \"room\" takes no parameters",
        ),
        (
            "[server]\ninstances = 2",
            "[target]\nurls = [\"ws://x\"]\ntls = { ca = \"gone.pem\" }",
            "8:14 there is no file gone.pem",
        ),
        (
            "[server]\ninstances = 2",
            "[target]\nurls = [\"ws://x\"]\nproxy = \"socks5://x\"",
            "8:9 a proxy is written as `http://host:port`",
        ),
        (
            "[server]\ninstances = 2",
            "[target]\nurls = [\"ws://x\"]\nsource_ips = [\"10.0.0\"]",
            "8:15 `10.0.0` is not an IP address",
        ),
        (
            "[server]\ninstances = 2",
            "[target]\nurls = [\"ws://x\"]\nresolve = \"all\"",
            "8:11 unknown value `all` | there are `first`, `each`",
        ),
    ]);
}

#[test]
fn users_and_thresholds() {
    judge(&[
        ("[run]", "[users]\ncsv = \"gone.csv\"\n[run]", "4:7 cannot read gone.csv: no such file"),
        (
            "[run]",
            "[users]\ncsv = \"a.csv\"\njsonl = \"b\"\n[run]",
            "3:2 write exactly one of `csv`, `jsonl` and `mint`",
        ),
        (
            "[run]",
            "[users]\nmint = { secret = \"s\", claims = { sub = \"u-{{m}}\" } }\n[run]",
            "4:44 unknown placeholder `{{m}}`; there are user.COLUMN, n, seq, ref, uuid, now_ms, room, text, marker, rand:1..10, pick:FILE, hmac_sha256:KEY:TEXT",
        ),
        (
            "[run]",
            "[users]\nmint = { secret = \"s\", claims = { sub = \"{{room}}\" } }\n[run]",
            "4:41 a claim belongs to a user, not to a message or a row | there are n, uuid, rand, pick and hmac_sha256",
        ),
        (
            "\"< 100ms\"",
            "{ rule = \"< 1s\", during = \"storm\" }",
            "26:44 no fault is called `storm` | there are `steady`, and `incident-1` and so on for what nobody declared",
        ),
        ("\"< 100ms\"", "{ rle = \"< 1s\" }", "26:20 unknown key `rle` | did you mean `rule`?"),
        (
            "\"< 100ms\"",
            "100",
            "26:18 expected a rule such as \"< 100ms\" or a table such as `{ rule = \"< 1s\" }` or a list of such, found the number 100",
        ),
    ]);
}
