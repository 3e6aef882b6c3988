//! `wsbench probe`: what a user sees of two clients and one message. Each step that can fail is tried in `src/probe/tests.rs`.

use crate::support::{put, scratch, wsbench};

#[test]
fn the_bundled_server_does_as_its_dialect_says_by_every_transport() {
    for scenario in ["@quickstart", "@mixed-transports"] {
        let probed = wsbench(["probe", scenario]).run();
        let screen = &probed.expect(0).stdout;
        assert!(screen.contains("the talker is on a, the listener on b"), "{screen}");
        assert!(screen.contains("listener hears it") && screen.contains("The target does as room says."), "{screen}");
    }
}

#[test]
fn a_trace_shows_every_frame_and_no_token() {
    let probed = wsbench(["probe", "@quickstart", "--trace"]).run();
    let screen = &probed.expect(0).stdout;
    let told = [
        "> listener {\"type\":\"join\",\"room\":\"room-0\"",
        "= enters room-0 (request 1)",
        "< talker   {\"type\":\"ack\"",
        "= request 2 is acknowledged",
        "= a delivery, offset 1",
        "> talker   {\"type\":\"auth\",\"token\":\"***\"}",
    ];
    told.iter().for_each(|words| assert!(screen.contains(words), "no {words:?} in {screen}"));
    assert!(!screen.contains("eyJ"), "{screen}");
}

#[test]
fn what_is_wrong_says_which_step_and_exits_3() {
    let port = crate::support::server::closed_port();
    let nobody = wsbench(["probe", &format!("ws://127.0.0.1:{port}/")]).run();
    assert!(nobody.expect(3).stdout.contains("FAIL  listener connects"), "{}", nobody.stdout);
    assert!(nobody.stdout.contains("connection refused"), "{}", nobody.stdout);
    let guessed = wsbench(["probe", &format!("ws://127.0.0.1:{port}/"), "--guess"]).run();
    assert!(guessed.expect(3).stdout.contains("FAIL  room: listener connects"), "{}", guessed.stdout);
}

#[test]
fn a_check_may_end_with_a_probe() {
    let checked = wsbench(["check", "@quickstart", "--live"]).run();
    let screen = &checked.expect(0).stdout;
    let prose = screen.find("clients").unwrap();
    assert!(prose < screen.find("listener connects").unwrap(), "{screen}");
    assert!(screen.ends_with("The target does as room says.\n"), "{screen}");
}

#[test]
fn a_scenario_nobody_meets_in_is_usage() {
    let directory = scratch();
    let text = "name = \"alone\"\n[run]\nduration = \"1s\"\n[server]\n[[clients]]\nname = \"c\"\ncount = 1\nrooms = { count = 1, \
                name = \"r\" }\n[[publish]]\nname = \"p\"\nfrom = \"c\"\nrate = \"1/s\"\nsize = \"64B\"\n";
    let alone = wsbench(["probe", &put(&directory, "alone.toml", text)]).run();
    alone.expect(2).says(&["`c` is alone in its room `r`", "two clients"]);
    wsbench(["probe", "ws://127.0.0.1:9/", "--url", "ws://127.0.0.1:9/"]).run().expect(2).says(&["named twice"]);
    wsbench(["probe", "ws://127.0.0.1:9/", "--dialect", "rom"]).run().expect(2).says(&["rom"]);
}
