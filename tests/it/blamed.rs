//! What an error blames is what was given: the flag, the argument, or the key of the file.

use crate::support::{put, scratch, wsbench};

/// No scheme of ours.
const NOPE: &str = "nope://x/y";

#[test]
fn a_wrong_url_is_blamed_on_whatever_gave_it() {
    let blamed = |args: &[&str], place: &str| {
        let told = wsbench(args).run();
        told.expect(2);
        assert!(told.stderr.starts_with(&format!("error: {place}: ")), "{args:?}\n{}", told.stderr);
        told.says(&["nope"]);
    };
    blamed(&["run", "--url", NOPE], "--url");
    blamed(&["run", "@quickstart", "--url", NOPE], "--url");
    blamed(&["check", "@quickstart", "--url", NOPE], "--url");
    blamed(&["probe", "@quickstart", "--url", NOPE], "--url");
    blamed(&["init", "-", "--url", NOPE], "--url");
    blamed(&["probe", NOPE], NOPE);
    blamed(&["repl", NOPE], NOPE);
    blamed(&["gate", "@quickstart", "--base=self", "--new", NOPE], "--new");
    blamed(&["gate", "@quickstart", "--base", NOPE, "--new=self"], "--base");
    blamed(&["gate", "@quickstart", "--base", "cmd:true", "--self-check", "--ready", NOPE], "--ready");
    wsbench(["run", "--url", "ws://127.0.0.1:1", "--proxy", NOPE]).run().expect(2).says(&["error: --proxy: "]);
    let crowd = ["gate", "@quickstart", "--base=self", "--new", "ws://chat.example.com"];
    wsbench(crowd).run().expect(2).says(&["error: --new: ", "not this machine"]);
}

#[test]
fn a_side_of_a_gate_that_stands_in_the_file_is_blamed_on_the_file() {
    let directory = scratch();
    let quickstart = std::fs::read_to_string(crate::support::root().join("scenarios/quickstart.toml")).unwrap();
    let gate = |table: &str| {
        let path = put(&directory, "gated.toml", &format!("{quickstart}\n[gate]\n{table}\n"));
        let told = wsbench(["gate", &path]).run();
        told.expect(2);
        (path, told.stderr)
    };
    for (table, key) in [
        ("base = \"self\"\nnew = \"nope://x\"", "new"),
        ("base = \"nope://x\"\nnew = \"self\"", "base"),
        ("base = \"self\"\nnew = \"self\"\nready = \"https://x\"", "ready"),
    ] {
        let (path, told) = gate(table);
        assert!(told.starts_with(&format!("error: {path}: `{key}` of [gate]: ")), "{told}");
    }
}
