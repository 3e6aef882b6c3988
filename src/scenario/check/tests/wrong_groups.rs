//! One thing wrong at a time with those who come: their rooms, what they say to whom, and how they connect.

use super::judge;

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
