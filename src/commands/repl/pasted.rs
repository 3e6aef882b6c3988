//! A command line of curl's, as a browser copies it, taken apart as a shell would.

use clap::Parser;

use super::Args;

/// What stands behind the prompt, with the flags of `wsbench repl`.
#[derive(Debug, Parser)]
#[command(name = "curl", no_binary_name = true, disable_help_flag = true)]
struct Pasted {
    #[command(flatten)]
    args: Args,
}

/// The flags of the command line `line`.
///
/// # Errors
/// What in it is not understood, on one line.
pub(super) fn read(line: &str) -> Result<Args, String> {
    let pasted = Pasted::try_parse_from(words(line)?).map_err(|error| {
        let text = error.to_string();
        let first = text.lines().next().unwrap_or_default();
        format!("curl: {}", first.trim_start_matches("error: "))
    })?;
    Ok(pasted.args)
}

/// The words of a line as the shell `bash` would have them; nothing is expanded.
fn words(line: &str) -> Result<Vec<String>, String> {
    let (mut words, mut word, mut letters) = (Vec::new(), None::<String>, line.chars().peekable());
    while let Some(c) = letters.next() {
        match c {
            '\\' => match letters.next() {
                // The line goes on behind its end.
                Some('\n') => {}
                Some(c) => word.get_or_insert_default().push(c),
                None => return Err("curl: the line ends within the command; paste all of it as one line".to_owned()),
            },
            '$' if letters.peek() == Some(&'\'') => {
                letters.next();
                word.get_or_insert_default().push_str(&quoted(&mut letters, Quote::Dollar)?);
            }
            '\'' => word.get_or_insert_default().push_str(&quoted(&mut letters, Quote::Single)?),
            '"' => word.get_or_insert_default().push_str(&quoted(&mut letters, Quote::Double)?),
            c if c.is_whitespace() => words.extend(word.take()),
            c => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    Ok(words)
}

/// How a text is quoted.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Quote {
    /// `'…'`: everything stands for itself.
    Single,
    /// `"…"`: a backslash makes a quote or a backslash stand for itself.
    Double,
    /// `$'…'`: as in C.
    Dollar,
}

fn quoted(letters: &mut impl Iterator<Item = char>, quote: Quote) -> Result<String, String> {
    let end = if quote == Quote::Double { '"' } else { '\'' };
    let (mut text, open) = (String::new(), || "curl: a quote is not closed".to_owned());
    loop {
        match letters.next().ok_or_else(open)? {
            c if c == end => return Ok(text),
            '\\' if quote != Quote::Single => match (letters.next().ok_or_else(open)?, quote) {
                ('n', Quote::Dollar) => text.push('\n'),
                ('t', Quote::Dollar) => text.push('\t'),
                ('u', Quote::Dollar) => {
                    let digits: String = letters.by_ref().take(4).collect();
                    let letter = u32::from_str_radix(&digits, 16).ok().and_then(char::from_u32);
                    text.push(letter.ok_or_else(|| format!("curl: \\u{digits} is no letter"))?);
                }
                (c, Quote::Dollar) | (c @ ('"' | '\\' | '$' | '`'), _) => text.push(c),
                ('\n', _) => {}
                (c, _) => text.extend(['\\', c]),
            },
            c => text.push(c),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_split_as_a_shell_would() {
        let line =
            "curl 'wss://a.example/x?y=1&z' \\\n  -H 'Origin: https://a' -H $'X: it\\u0027s' -H \"Y: \\\"q\\\"\" a\\ b";
        let split = words(line).unwrap();
        assert_eq!(
            split,
            ["curl", "wss://a.example/x?y=1&z", "-H", "Origin: https://a", "-H", "X: it's", "-H", "Y: \"q\"", "a b"]
        );
        assert!(words("curl 'ws://a").unwrap_err().contains("not closed"));
        assert!(words("curl ws://a \\").unwrap_err().contains("as one line"));
    }

    #[test]
    fn what_is_not_understood_is_told_on_one_line() {
        assert_eq!(read("curl ws://a --compressed").unwrap().target, ["curl", "ws://a"]);
        let refused = read("curl ws://a --data x").unwrap_err();
        assert!(refused.starts_with("curl: unexpected argument '--data'") && !refused.contains('\n'), "{refused}");
    }
}
