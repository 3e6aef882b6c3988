//! What the documentation tells people to type is typed here.
//!
//! Every line of a fenced `sh` block that begins with `wsbench ` or `cargo run --release -- ` is run with the built
//! binary, scaled down where it measures. A line is left alone when its comment says `test: skip`, a whole block when
//! the line before its fence is `<!-- test: skip -->`; both say why.

use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::process::Signal;

use crate::support::{Running, root, scaled, scratch, wsbench};

/// The documents whose commands are run.
fn documents() -> Vec<PathBuf> {
    let docs = std::fs::read_dir(root().join("docs")).into_iter().flatten().flatten().map(|entry| entry.path());
    let mut all: Vec<PathBuf> = docs.filter(|path| path.extension().is_some_and(|end| end == "md")).collect();
    all.push(root().join("README.md"));
    all
}

/// The commands of a document, each as its words after the program's name.
fn commands(document: &Path) -> Vec<Vec<String>> {
    let text = std::fs::read_to_string(document).unwrap();
    let (mut inside, mut skipped, mut before) = (false, false, "");
    let mut found = Vec::new();
    for line in text.lines() {
        if line.starts_with("```") {
            inside = !inside && matches!(line, "```sh" | "```console");
            skipped = before.starts_with("<!-- test: skip");
        } else if inside && !skipped && !line.contains("test: skip") {
            let line = line.strip_prefix("$ ").unwrap_or(line);
            let command = ["wsbench ", "cargo run --release -- "].iter().find_map(|start| line.strip_prefix(start));
            found.extend(command.map(words));
        }
        before = line;
    }
    found
}

/// A shell's words, as far as the documents go: quotes, and a comment at the end.
fn words(command: &str) -> Vec<String> {
    let (mut words, mut quote, mut fresh) = (Vec::<String>::new(), None, true);
    for c in command.chars() {
        match c {
            '#' if quote.is_none() && fresh => break,
            ' ' if quote.is_none() => fresh = true,
            '\'' | '"' if quote.is_none() || quote == Some(c) => quote = if quote.is_none() { Some(c) } else { None },
            c => {
                if fresh {
                    words.push(String::new());
                }
                fresh = false;
                words.last_mut().unwrap().push(c);
            }
        }
    }
    words
}

fn run_one(document: &Path, command: &[String]) {
    let directory = scratch();
    std::os::unix::fs::symlink(root().join("scenarios"), directory.path().join("scenarios")).unwrap();
    println!("{}: wsbench {}", document.display(), command.join(" "));
    let typed = wsbench(command).directory(directory.path());
    match command[0].as_str() {
        "serve" => serve(typed.start()),
        "run" => {
            let vars = command.iter().find_map(|word| scaled::vars(word)).unwrap_or_default();
            typed.vars(vars).run().expect(0);
            for out in command.iter().filter_map(|word| word.split_once('=')).filter(|(kind, _)| is_output(kind)) {
                assert!(directory.path().join(out.1).exists(), "{} was not written", out.1);
            }
        }
        _ => drop(typed.env("WSBENCH_JWT_SECRET", "documented").run().expect(0)),
    }
}

fn is_output(kind: &str) -> bool {
    kind == "raw" || wsbench::output::OUTPUTS.iter().any(|known| known.name == kind)
}

/// A server does not end by itself.
fn serve(mut server: Running) {
    assert!(server.lines(1)[0].starts_with("ready "));
    server.signal(Signal::TERM);
    server.finish().expect(0);
}

#[test]
fn the_documented_commands_work() {
    let mut count = 0;
    for document in documents() {
        for command in commands(&document) {
            run_one(&document, &command);
            count += 1;
        }
    }
    assert!(count >= 4, "only {count} commands were found");
}

#[test]
fn the_first_screen_has_the_two_promises() {
    let readme = std::fs::read_to_string(root().join("README.md")).unwrap();
    for promise in ["cargo run --release -- run scenarios/quickstart.toml", "tests/run.sh"] {
        assert!(readme.lines().take(60).any(|line| line == promise), "no line {promise:?} on the first screen");
    }
}

#[test]
fn links_of_the_documents_lead_somewhere() {
    for document in documents() {
        let text = std::fs::read_to_string(&document).unwrap();
        let targets = text.split("](").skip(1).filter_map(|rest| rest.split([')', '#']).next());
        for target in targets.filter(|target| !target.is_empty() && !target.contains("://")) {
            let path = document.parent().unwrap().join(target);
            assert!(path.exists(), "{}: {target} is not there", document.display());
        }
    }
}

#[test]
fn every_command_has_help() {
    for command in ["run", "check", "report", "compare", "repl", "serve", "token", "schema", "completions", "instance"]
    {
        for flag in ["--help", "-h"] {
            let help = wsbench([command, flag]).patience(Duration::from_secs(20)).run();
            help.expect(0);
            assert!(help.stdout.contains("Usage:"), "{}", help.stdout);
            assert_eq!(help.stderr, "");
        }
    }
    let top = wsbench(["--help"]).run();
    for word in ["run", "check", "serve", "Exit codes", "99", "130"] {
        assert!(top.expect(0).stdout.contains(word), "no {word:?}: {}", top.stdout);
    }
    let bare = wsbench([""; 0]).run();
    assert_eq!(bare.expect(0).stdout.lines().count(), 4, "{}", bare.stdout);
    assert!(wsbench(["--version"]).run().expect(0).stdout.starts_with("wsbench "));
}

#[test]
fn words_are_a_shells() {
    assert_eq!(words("run @chat -H 'x: y z' -e A=\"b c\"  # slow"), ["run", "@chat", "-H", "x: y z", "-e", "A=b c"]);
}
