//! One thing wrong at a time with whom they come to, who they are, and what must hold.

use super::judge;

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
