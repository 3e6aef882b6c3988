//! `/help`: all commands at once, on one screen, and one of them in full.

use super::{COMMANDS, CommandEntry, usage};

/// So many commands stand side by side.
const ABREAST: usize = 2;

/// The columns of a group's name, of a command's, and of its few words.
const GROUP: usize = 8;
const NAME: usize = 11;
const BRIEF: usize = 25;

/// Every command by group, few words each: it fits a terminal of 24 rows by 80 columns.
pub(in crate::repl) fn all() -> String {
    let mut lines = vec![
        "What you type is said to the room; a text that begins with / begins with //.".to_owned(),
        "/help COMMAND tells how one is typed, and what it does.".to_owned(),
    ];
    for group in COMMANDS.chunk_by(|one, next| one.group == next.group) {
        for (at, abreast) in group.chunks(ABREAST).enumerate() {
            let heading = if at == 0 { abreast[0].group } else { "" };
            let cells = abreast.iter().map(|entry| format!("/{:NAME$}{:BRIEF$}", entry.name, entry.brief));
            let line = std::iter::once(format!("{heading:GROUP$}")).chain(cells).collect::<String>();
            lines.push(line.trim_end().to_owned());
        }
    }
    lines.join("\n")
}

/// One command in full.
pub(in crate::repl) fn one(entry: &CommandEntry) -> String {
    format!("{}\n    {}\n    for instance: {}", usage(entry), entry.help, entry.example)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The rows of a terminal, without the two lines of the prompt before and behind.
    const ROWS: usize = 22;

    #[test]
    fn all_commands_fit_a_small_terminal_each_with_a_few_words() {
        let shown = all();
        assert!(shown.lines().count() <= ROWS, "{shown}");
        assert!(shown.lines().all(|line| line.chars().count() <= 80), "{shown}");
        for entry in COMMANDS {
            assert!(entry.brief.len() < BRIEF && entry.name.len() < NAME, "/{}", entry.name);
            assert!(shown.contains(&format!("/{} ", entry.name)) && shown.contains(entry.brief), "/{}", entry.name);
        }
    }

    #[test]
    fn a_group_stands_together() {
        let mut groups: Vec<&str> = COMMANDS.chunk_by(|a, b| a.group == b.group).map(|group| group[0].group).collect();
        let all = groups.len();
        groups.sort_unstable();
        groups.dedup();
        assert_eq!(groups.len(), all);
    }
}
