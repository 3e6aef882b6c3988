//! A test alone: every command, flag, shipped scenario, file and console command that a text of the program or of its
//! documents names exists as it is written there. What exists is asked of clap and the tables.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use clap::CommandFactory as _;

use super::Cli;
use crate::repl::command::COMMANDS;
use crate::scenario::builtin::BUILTINS;

/// Words behind the program's name that make a sentence and no command line.
const PROSE: &[&str] = &[
    "and", "build", "did", "does", "has", "is", "more", "needs", "process", "reads", "reported", "reports", "says",
    "scenario", "starts", "that",
];

/// Flags of other programs that remedies and children's command lines name.
const FOREIGN: &[&str] =
    &["--appendonly", "--cpus", "--daemonize", "--dir", "--memory", "--runtime", "--save", "--sort", "--tcp-backlog"];

/// The command line there is.
struct Line(clap::Command);

impl Line {
    fn new() -> Self {
        let mut cli = Cli::command();
        cli.build();
        Self(cli)
    }

    fn find(&self, name: &str) -> Option<&clap::Command> {
        self.0.find_subcommand(name)
    }

    /// Whether some command that people are told of, or any where `hidden` ones count too, has this flag.
    fn has(&self, flag: &str, hidden: bool) -> bool {
        let all = self.0.get_subcommands().filter(|command| hidden || !command.is_hide_set());
        std::iter::once(&self.0).chain(all).any(|command| takes(command, flag))
    }
}

/// Whether `command` has the flag `--name` or `-n`.
fn takes(command: &clap::Command, flag: &str) -> bool {
    let (long, short) = (flag.strip_prefix("--"), flag.strip_prefix('-').and_then(|rest| rest.chars().next()));
    command.get_arguments().any(|arg| match long {
        Some(long) => arg.get_long() == Some(long),
        None => arg.get_short() == short,
    })
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn files(under: &Path, ending: &str, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(under).unwrap().map(Result::unwrap) {
        let path = entry.path();
        match path.is_dir() {
            true => files(&path, ending, found),
            false if path.to_string_lossy().ends_with(ending) => found.push(path),
            false => {}
        }
    }
}

/// The texts of the program: where each stands, and what it says. Tests and comments are none.
fn texts() -> Vec<(String, String)> {
    let mut sources = Vec::new();
    files(&root().join("src"), ".rs", &mut sources);
    let is_test = |path: &Path| {
        let name = path.strip_prefix(root()).unwrap().to_string_lossy().into_owned();
        name.contains("tests") || name.ends_with("commands/hints.rs")
    };
    let mut texts = Vec::new();
    for path in sources.iter().filter(|path| !is_test(path)) {
        let source = std::fs::read_to_string(path).unwrap();
        let code = source.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
        let place = path.strip_prefix(root()).unwrap().display().to_string();
        texts.extend(literals(code).into_iter().map(|text| (place.clone(), text)));
    }
    texts
}

/// The string literals of `code`, as they read at run time.
fn literals(code: &str) -> Vec<String> {
    let (mut found, mut rest) = (Vec::new(), code);
    while let Some(c) = rest.chars().next() {
        let raw = rest.strip_prefix('r').map(|after| after.len() - after.trim_start_matches('#').len());
        let opens = |hashes: usize| rest[1 + hashes..].starts_with('"');
        if rest.starts_with("//") {
            rest = &rest[rest.find('\n').unwrap_or(rest.len())..];
        } else if let Some(hashes) = raw.filter(|hashes| opens(*hashes)) {
            let text = &rest[hashes + 2..];
            let close = format!("\"{}", "#".repeat(hashes));
            let end = text.find(&close).unwrap_or(text.len());
            found.push(text[..end].to_owned());
            rest = text.get(end + close.len()..).unwrap_or_default();
        } else if c == '"' {
            let (text, after) = literal(&rest[1..]);
            found.push(text);
            rest = after;
        } else if let Some(quoted) =
            ["'\"'", "'\\\"'", "'\\''", "'\\\\'"].iter().find(|quoted| rest.starts_with(**quoted))
        {
            rest = &rest[quoted.len()..];
        } else {
            rest = &rest[c.len_utf8()..];
        }
    }
    found
}

/// A literal up to its closing quote, and what follows that.
fn literal(text: &str) -> (String, &str) {
    let (mut read, mut rest) = (String::new(), text);
    while let Some(c) = rest.chars().next() {
        rest = &rest[c.len_utf8()..];
        match (c, rest.chars().next()) {
            ('"', _) => return (read, rest),
            ('\\', Some('\n')) => rest = rest.trim_start(),
            ('\\', Some(escaped)) => {
                read.push(if escaped == 'n' { '\n' } else { escaped });
                rest = &rest[escaped.len_utf8()..];
            }
            (c, _) => read.push(c),
        }
    }
    (read, "")
}

/// The flags that `text` names.
fn flags(text: &str) -> BTreeSet<String> {
    let is_part = |c: char| c.is_ascii_alphanumeric() || c == '-';
    let begins = text.match_indices("--").filter(|(at, _)| !text[..*at].ends_with(is_part));
    let names = begins.map(|(at, _)| text[at + 2..].chars().take_while(|c| is_part(*c)).collect::<String>());
    names.filter(|name| name.starts_with(|c: char| c.is_ascii_lowercase())).map(|name| format!("--{name}")).collect()
}

/// The command lines of ours that `text` names: the word behind the program's name, and the rest of each.
fn lines(text: &str) -> Vec<(&str, &str)> {
    let begins = text.match_indices("wsbench ").filter(|(at, _)| !text[..*at].ends_with(['/', '.', '-', '_']));
    let lines = begins.map(|(at, name)| {
        let rest = &text[at + name.len()..];
        let rest = &rest[..rest.find(['`', '\n', ';', '|', '#', ')', '·']).unwrap_or(rest.len())];
        rest.split_at(rest.find(|c: char| !c.is_ascii_lowercase()).unwrap_or(rest.len()))
    });
    lines.filter(|(word, _)| !word.is_empty()).collect()
}

/// Shipped scenarios that `text` names: `@` and a name.
fn shipped(text: &str) -> Vec<&str> {
    let begins = text.match_indices('@').filter(|(at, _)| *at == 0 || text[..*at].ends_with([' ', '`', '=']));
    let names = begins.map(|(at, _)| {
        let rest = &text[at + 1..];
        rest.split(|c: char| !(c.is_ascii_lowercase() || c == '-' || c == '.')).next().unwrap_or_default()
    });
    names.filter(|name| !name.is_empty() && !name.contains('.')).collect()
}

/// Console commands that `text` names: a slash and a name, at the start of a word.
fn typed(text: &str) -> Vec<&str> {
    let begins = text.match_indices('/').filter(|(at, _)| *at == 0 || text[..*at].ends_with([' ', '`', '(']));
    let names = begins.map(|(at, _)| {
        let rest = &text[at + 1..];
        rest.split_at(rest.find(|c: char| !c.is_ascii_lowercase()).unwrap_or(rest.len()))
    });
    names.filter(|(name, after)| !name.is_empty() && !after.starts_with('/')).map(|(name, _)| name).collect()
}

/// What is wrong with the command lines that `text` names; those of hidden commands, too, where people look them up.
fn misnamed(line: &Line, text: &str, hidden: bool) -> Vec<String> {
    let mut wrong = Vec::new();
    for (word, rest) in lines(text).into_iter().filter(|(word, _)| !PROSE.contains(word)) {
        match line.find(word).filter(|command| hidden || !command.is_hide_set()) {
            Some(command) => {
                // What is quoted is somebody else's.
                let own: String = rest.split(['\'', '"']).step_by(2).collect();
                let unknown = flags(&own).into_iter().filter(|flag| !takes(command, flag));
                wrong.extend(unknown.map(|flag| format!("`wsbench {word}` has no {flag}")));
            }
            None => wrong.push(format!("no command `wsbench {word}` is listed")),
        }
    }
    wrong
}

#[test]
fn what_a_text_tells_people_to_type_exists() {
    let line = Line::new();
    let mut wrong = Vec::new();
    for (place, text) in texts() {
        let mut tell = |what: String| wrong.push(format!("{place}: {what} in {text:?}"));
        misnamed(&line, &text, false).into_iter().for_each(&mut tell);
        // A word alone is an argument of a child, told to nobody.
        let hidden = !text.contains(' ');
        let known = |flag: &String| line.has(flag, hidden) || FOREIGN.contains(&flag.as_str());
        flags(&text).into_iter().filter(|flag| !known(flag)).for_each(|flag| tell(format!("no flag {flag}")));
        let is_shipped = |name: &&str| BUILTINS.iter().any(|(known, _)| known == name);
        shipped(&text).into_iter().filter(|name| !is_shipped(name)).for_each(|name| tell(format!("no @{name}")));
        if place.starts_with("src/repl/") || place.starts_with("src/commands/repl/") {
            let is_command = |name: &&str| COMMANDS.iter().any(|entry| entry.name == *name);
            typed(&text)
                .into_iter()
                .filter(|name| name.len() > 1 && !is_command(name))
                .for_each(|name| tell(format!("no /{name}")));
        }
        let named =
            text.split(|c: char| c.is_whitespace() || "`,;()".contains(c)).map(|word| word.trim_end_matches('.'));
        let gone = named.filter(|word| word.starts_with("docs/") && !root().join(word).exists());
        gone.for_each(|word| tell(format!("no file {word}")));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn what_help_names_exists() {
    let line = Line::new();
    let helps = line.0.get_subcommands().filter(|command| !command.is_hide_set()).chain([&line.0]);
    let mut wrong = Vec::new();
    for command in helps {
        let help = command.clone().render_long_help().to_string();
        let unknown = flags(&help).into_iter().filter(|flag| !takes(command, flag) && !line.has(flag, false));
        wrong.extend(unknown.map(|flag| format!("{}: no flag {flag}", command.get_name())));
        wrong.extend(misnamed(&line, &help, false).into_iter().map(|what| format!("{}: {what}", command.get_name())));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn what_the_documents_tell_to_type_exists() {
    let line = Line::new();
    let mut documents = vec![root().join("README.md")];
    files(&root().join("docs"), ".md", &mut documents);
    let mut wrong = Vec::new();
    for path in documents {
        let text = std::fs::read_to_string(&path).unwrap();
        // In prose the program's name is followed by anything: what is to be typed stands in backticks or in a block.
        for part in text.split('`').skip(1).step_by(2) {
            wrong.extend(misnamed(&line, part, true).into_iter().map(|what| format!("{}: {what}", path.display())));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn what_is_no_command_is_found() {
    let line = Line::new();
    let wrong = |text: &str| misnamed(&line, text, false);
    assert_eq!(wrong("`wsbench run --list` and `wsbench gate … --record DIR`"), Vec::<String>::new());
    assert_eq!(wrong("look at it with `wsbench prob`"), ["no command `wsbench prob` is listed"]);
    assert_eq!(wrong("`wsbench worker` is hidden"), ["no command `wsbench worker` is listed"]);
    assert_eq!(wrong("(wsbench check --loud)"), ["`wsbench check` has no --loud"]);
    assert!(!line.has("--lout", true) && line.has("--out", false) && takes(line.find("run").unwrap(), "-c"));
    assert_eq!((shipped("say `@chat` to a@b, @FILE"), typed("(/as U; a/b, /x/y)")), (vec!["chat"], vec!["as"]));
    assert_eq!(literals("f(\"a \\\n   b\", r#\"c\"#, '\"') // \"d\""), ["a b", "c"]);
}
