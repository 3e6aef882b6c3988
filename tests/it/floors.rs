//! The house has floors: who may name whom, and what is absent where. Read from the source as text; what the floors are
//! stands in `src/lib.rs` and nowhere else.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use crate::support::root;

/// One source file without comments, strings and test code.
struct Source {
    /// Under the root of the repository.
    path: PathBuf,
    /// `["engine", "books"]`.
    module: Vec<String>,
    code: String,
}

impl Source {
    fn read(file: &Path, src: &Path) -> Self {
        let mut module: Vec<String> = file
            .strip_prefix(src)
            .unwrap()
            .with_extension("")
            .iter()
            .map(|part| part.to_str().unwrap().to_owned())
            .collect();
        if matches!(module.last().map(String::as_str), Some("mod" | "lib")) {
            module.pop();
        }
        let code = without_tests(&without_text(&std::fs::read_to_string(file).unwrap()));
        Self { path: file.strip_prefix(root()).unwrap().to_owned(), module, code }
    }

    /// The module of the library it belongs to; nothing for the root itself.
    fn top(&self) -> Option<&str> {
        self.module.first().map(String::as_str)
    }

    fn is_in(&self, module: &str) -> bool {
        let name = self.module.join("::");
        name == module || name.starts_with(&format!("{module}::"))
    }

    /// Modules right under the root that it names, with the place.
    fn names(&self) -> Vec<(String, String)> {
        let mut found = Vec::new();
        for (at, _) in self.code.match_indices("crate::") {
            if self.starts_word(at) {
                found.extend(first_names(&self.code[at + "crate::".len()..]).map(|name| (name, self.place(at))));
            }
        }
        let up = "super::".repeat(self.module.len().max(1));
        for (at, _) in self.code.match_indices(&up) {
            if self.starts_word(at) && !self.code[..at].ends_with("::") {
                found.extend(first_names(&self.code[at + up.len()..]).map(|name| (name, self.place(at))));
            }
        }
        found
    }

    /// Places where `word` stands as a word of its own.
    fn mentions(&self, word: &str) -> Vec<String> {
        let ends = |at: usize| !self.code[at + word.len()..].starts_with(is_word);
        let all = self.code.match_indices(word).filter(|(at, _)| self.starts_word(*at) && ends(*at));
        all.map(|(at, _)| format!("{}  {word}", self.place(at))).collect()
    }

    fn starts_word(&self, at: usize) -> bool {
        !self.code[..at].ends_with(is_word)
    }

    fn place(&self, at: usize) -> String {
        format!("{}:{}", self.path.display(), 1 + self.code[..at].matches('\n').count())
    }
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// The first segment of a path, or of each path of a group.
fn first_names(path: &str) -> impl Iterator<Item = String> {
    let mut names = Vec::new();
    if let Some(group) = path.strip_prefix('{') {
        let (mut depth, mut fresh) = (0, true);
        for (at, c) in group.char_indices() {
            match c {
                '{' => depth += 1,
                '}' if depth == 0 => break,
                '}' => depth -= 1,
                ',' if depth == 0 => fresh = true,
                c if fresh && is_word(c) => {
                    names.push(word(&group[at..]));
                    fresh = false;
                }
                _ => {}
            }
        }
    } else {
        names.push(word(path));
    }
    names.into_iter().filter(|name| !name.is_empty())
}

fn word(text: &str) -> String {
    text.chars().take_while(|c| is_word(*c)).collect()
}

/// Blanks comments, strings and characters; keeps every line where it is.
fn without_text(source: &str) -> String {
    let mut out = String::with_capacity(source.len());
    let mut rest = source;
    while let Some(c) = rest.chars().next() {
        let skipped = match c {
            '/' if rest.starts_with("//") => rest.find('\n').unwrap_or(rest.len()),
            '/' if rest.starts_with("/*") => rest.find("*/").map_or(rest.len(), |end| end + 2),
            '"' => string(rest, 1, "\""),
            'r' if !out.ends_with(is_word) => raw_string(rest),
            '\'' => character(rest),
            _ => 0,
        };
        if skipped == 0 {
            out.push(c);
            rest = &rest[c.len_utf8()..];
        } else {
            out.push(' ');
            out.extend(rest[..skipped].chars().filter(|c| *c == '\n'));
            rest = &rest[skipped..];
        }
    }
    out
}

/// The length of a string literal whose text begins at `start`.
fn string(text: &str, start: usize, end: &str) -> usize {
    let mut escaped = false;
    for (at, c) in text[start..].char_indices() {
        if !escaped && text[start + at..].starts_with(end) {
            return start + at + end.len();
        }
        escaped = c == '\\' && !escaped;
    }
    text.len()
}

fn raw_string(text: &str) -> usize {
    let hashes = text[1..].chars().take_while(|c| *c == '#').count();
    if !text[1 + hashes..].starts_with('"') {
        return 0;
    }
    let end = format!("\"{}", "#".repeat(hashes));
    text[2 + hashes..].find(&end).map_or(text.len(), |at| 2 + hashes + at + end.len())
}

/// A character literal; a lifetime is none.
fn character(text: &str) -> usize {
    if text[1..].starts_with('\\') {
        return string(text, 1, "'");
    }
    let mut after = text[1..].char_indices().skip(1);
    after.next().filter(|(_, c)| *c == '\'').map_or(0, |(at, _)| at + 2)
}

/// Blanks every item under `#[cfg(test)]`.
fn without_tests(code: &str) -> String {
    let mut out = String::new();
    let mut rest = code;
    while let Some(at) = rest.find("#[cfg(test)]") {
        out.push_str(&rest[..at]);
        let item = &rest[at..];
        let length = item_length(item);
        out.extend(item[..length].chars().filter(|c| *c == '\n'));
        rest = &item[length..];
    }
    out + rest
}

fn item_length(item: &str) -> usize {
    let mut depth = 0;
    for (at, c) in item.char_indices() {
        match c {
            '{' => depth += 1,
            '}' if depth == 1 => return at + 1,
            '}' => depth -= 1,
            ';' if depth == 0 => return at + 1,
            _ => {}
        }
    }
    item.len()
}

/// Every source of a package, test files left out.
fn sources(package: &str) -> Vec<Source> {
    let src = root().join(package).join("src");
    let mut files = Vec::new();
    let mut folders = vec![src.clone()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).unwrap().flatten() {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                files.push(path);
            }
        }
    }
    files.sort();
    let is_test = |path: &PathBuf| {
        let inside = path.strip_prefix(&src).unwrap();
        inside.iter().any(|part| {
            let name = part.to_str().unwrap();
            name == "tests" || name == "tests.rs" || name.ends_with("_tests.rs")
        })
    };
    let declared = declared_for_tests(&files, &src);
    let kept = files.iter().filter(|path| !is_test(path));
    kept.map(|path| Source::read(path, &src)).filter(|source| !declared.contains(&source.module)).collect()
}

/// Modules that exist in tests only, by the line that declares them.
fn declared_for_tests(files: &[PathBuf], src: &Path) -> BTreeSet<Vec<String>> {
    let mut found = BTreeSet::new();
    for file in files {
        let text = without_text(&std::fs::read_to_string(file).unwrap());
        let parent = Source::read(file, src).module;
        for (at, _) in text.match_indices("#[cfg(test)]") {
            let item = &text[at..at + item_length(&text[at..])];
            let name = item.strip_suffix(';').and_then(|item| item.rsplit_once("mod "));
            found.extend(
                name.map(|(_, name)| parent.iter().cloned().chain([name.trim().to_owned()]).collect::<Vec<_>>()),
            );
        }
    }
    found
}

/// The floors as the documentation of the library lists them.
fn floors() -> BTreeMap<String, u32> {
    let text = std::fs::read_to_string(root().join("src/lib.rs")).unwrap();
    let list = text.lines().filter_map(|line| line.strip_prefix("//! ")).skip_while(|line| *line != "```text");
    let mut floors = BTreeMap::new();
    for line in list.skip(1).take_while(|line| *line != "```") {
        let (floor, rest) = line.split_once(' ').unwrap_or_else(|| panic!("no floor in {line:?}"));
        let floor: u32 = floor.parse().unwrap_or_else(|_| panic!("no floor in {line:?}"));
        // Names are set apart by two spaces, what they have in common by more.
        let mut words = rest.trim_start();
        loop {
            let name = word(words);
            floors.insert(name.clone(), floor);
            let after = &words[name.len()..];
            let gap = after.len() - after.trim_start().len();
            if gap != 2 {
                break;
            }
            words = after.trim_start();
        }
    }
    floors
}

/// Fails with every offence, each on its line.
#[track_caller]
fn none(what: &str, offences: Vec<String>) {
    assert!(offences.is_empty(), "{what}:\n  {}", offences.join("\n  "));
}

/// Every place outside `allowed` modules where one of `words` stands.
fn outside(allowed: &[&str], words: &[&str]) -> Vec<String> {
    let sources = sources("");
    let suspects = sources.iter().filter(|source| !allowed.iter().any(|module| source.is_in(module)));
    suspects.flat_map(|source| words.iter().flat_map(|word| source.mentions(word))).collect()
}

#[test]
fn the_list_of_floors_names_every_module_once() {
    let declared: BTreeSet<String> = {
        let text = std::fs::read_to_string(root().join("src/lib.rs")).unwrap();
        text.lines().filter_map(|line| Some(line.strip_prefix("pub mod ")?.strip_suffix(';')?.to_owned())).collect()
    };
    let listed: BTreeSet<String> = floors().into_keys().collect();
    assert_eq!(listed, declared, "the list in src/lib.rs against its `mod` lines");
}

#[test]
fn a_module_names_only_lower_floors() {
    let floors = floors();
    let mut offences = Vec::new();
    for source in sources("") {
        let Some(own) = source.top().and_then(|top| floors.get(top)) else { continue };
        for (name, place) in source.names() {
            let Some(floor) = floors.get(&name) else { continue };
            if Some(name.as_str()) != source.top() && floor >= own {
                offences.push(format!("{place}  floor {own} names {name} of floor {floor}"));
            }
        }
    }
    none("a module names only lower floors", offences);
}

#[test]
fn the_reference_server_names_only_what_stands_before() {
    let text = std::fs::read_to_string(root().join("reference-server/src/lib.rs")).unwrap();
    let list = text.lines().filter_map(|line| line.strip_prefix("//! ")).skip_while(|line| *line != "```text");
    let lines = list.skip(1).take_while(|line| *line != "```").map(|line| line.split("  ").next().unwrap());
    let orders: BTreeMap<String, usize> =
        (0..).zip(lines).flat_map(|(at, names)| names.split(' ').map(move |name| (name.to_owned(), at))).collect();
    assert!(orders.len() > 10, "{orders:?}");
    let mut offences = Vec::new();
    for source in sources("reference-server") {
        let Some(own) = source.top().and_then(|top| orders.get(top)) else { continue };
        let above = source.names().into_iter().filter(|(name, _)| orders.get(name).is_some_and(|order| order > own));
        offences.extend(above.map(|(name, place)| format!("{place}  names {name}, which stands above")));
    }
    none("the reference server is built from the bottom up", offences);
}

#[test]
fn main_is_a_sentence() {
    let main = std::fs::read_to_string(root().join("src/main.rs")).unwrap();
    let code = without_text(&main);
    assert_eq!(code.matches(';').count(), 0, "{main}");
}

#[test]
fn only_the_command_line_knows_the_reference_server_and_clap() {
    none("only `commands` names the reference server", outside(&["commands"], &["reference_server"]));
    none("clap lives in `commands`", outside(&["commands"], &["clap", "clap_complete"]));
    let named = sources("reference-server").iter().flat_map(|source| source.mentions("wsbench")).collect();
    none("the reference server does not know wsbench", named);
    let manifest = std::fs::read_to_string(root().join("reference-server/Cargo.toml")).unwrap();
    assert!(!manifest.contains("\nwsbench"), "the reference server depends on wsbench");
}

#[test]
fn input_and_output_live_where_they_are_announced() {
    let allowed =
        ["transport", "scenario::file", "output", "ui", "engine::health", "engine::fault", "repl", "commands"];
    let files = ["fs", "File::open", "File::create", "OpenOptions"];
    none("files are touched elsewhere", outside(&allowed, &files));
    let sockets = ["TcpStream", "TcpListener", "UdpSocket", "UnixStream", "lookup_host", "ToSocketAddrs"];
    none("sockets are touched elsewhere", outside(&["transport", "proxy", "commands"], &sockets));
    let processes = ["Command::new", "std::process::exit", "process::abort"];
    none("processes are touched elsewhere", outside(&["commands"], &processes));
    let streams = ["println", "eprintln", "print", "eprint", "stdout", "stderr", "stdin", "dbg"];
    let spoken = outside(&["output", "ui", "repl", "commands"], &streams);
    none("the terminal is touched elsewhere", spoken);
}

#[test]
fn only_time_reads_a_clock() {
    let clocks = ["Instant", "SystemTime", "clock_gettime", "thread::sleep", "jiff::Timestamp::now", "Zoned::now"];
    none("a clock is read elsewhere", outside(&["time"], &clocks));
}

#[test]
fn the_environment_is_read_by_the_command_line() {
    let reads = ["env::var", "env::var_os", "env::vars", "env::vars_os", "env::args", "env::args_os"];
    none("the environment is read elsewhere", outside(&["commands", "main"], &reads));
    let variables = sources("").iter().flat_map(|source| source.mentions("env::var")).count();
    assert!(variables <= 1, "one place reads variables, not {variables}");
}

#[test]
fn pure_floors_wait_for_nothing() {
    let floors = floors();
    let pure = |source: &&Source| {
        let top = source.top();
        top == Some("dialect") || top.and_then(|top| floors.get(top)) == Some(&1)
    };
    let words = ["async", "await", "tokio"];
    let waits = sources("")
        .iter()
        .filter(pure)
        .flat_map(|source| words.iter().flat_map(|word| source.mentions(word)).collect::<Vec<_>>())
        .collect();
    none("floor 1 and dialects are not async", waits);
}

#[test]
fn nothing_global_can_change() {
    let mut offences = Vec::new();
    for source in sources("").into_iter().chain(sources("reference-server")) {
        for (at, _) in source.code.match_indices("static ") {
            let declaration = &source.code[at..at + source.code[at..].find(['=', ';', '{']).unwrap_or(0)];
            let changes = ["mut ", "Mutex", "RwLock", "Atomic", "Cell", "OnceLock"];
            if source.starts_word(at)
                && !source.code[..at].ends_with('\'')
                && changes.iter().any(|word| declaration.contains(word))
            {
                offences.push(format!("{}  {}", source.place(at), declaration.trim()));
            }
        }
    }
    none("a static that can change", offences);
}

#[test]
fn the_reader_of_sources_sees_what_it_should() {
    let code = "use crate::{time, engine::{a, b}}; // crate::ui\nlet s = \"crate::ui\"; let r = r#\"crate::ui\"#; let c = '\"';\n\
                fn f<'a>(x: &'a crate::wire::Frame) {}\n#[cfg(test)]\nmod tests { use crate::output; }\nuse super::super::ledger::Row;";
    let source =
        Source { path: "f.rs".into(), module: vec!["x".into(), "y".into()], code: without_tests(&without_text(code)) };
    let names: Vec<String> = source.names().into_iter().map(|(name, place)| format!("{place} {name}")).collect();
    assert_eq!(names, ["f.rs:1 time", "f.rs:1 engine", "f.rs:3 wire", "f.rs:6 ledger"]);
}
