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
