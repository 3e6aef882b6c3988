//! What the console is pointed at: a URL, a scenario, nothing; and the scenario that stands for each.

use crate::scenario::Source;

/// What was named on the command line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Given {
    /// A private server is started.
    Nothing,
    /// A server that is already there.
    Url(String),
    /// A scenario file, or `@NAME`.
    Scenario(String),
}

impl Given {
    /// What the words name; a pasted command line of curl's begins with its name.
    pub(super) fn read(words: &[String]) -> Result<Self, String> {
        let words = match words {
            [first] if first == "curl" => return Err("curl: a URL is missing".to_owned()),
            [first, rest @ ..] if first == "curl" => rest,
            words => words,
        };
        match words {
            [] => Ok(Self::Nothing),
            [word] if word.contains("://") => Ok(Self::Url(word.clone())),
            [word] if word.starts_with('@') || word.ends_with(".toml") || word.ends_with(".json") => {
                Ok(Self::Scenario(word.clone()))
            }
            [word] => Err(format!("`{word}` is neither a URL nor a scenario: write ws://{word} or name a .toml file")),
            [first, second, ..] => Err(format!("one target at a time, not `{first}` and `{second}`")),
        }
    }
}

/// A header of the opening that is ours to write, whatever a browser sent.
pub(super) fn is_ours(name: &str) -> bool {
    const OURS: [&str; 8] = [
        "host",
        "connection",
        "upgrade",
        "accept-encoding",
        "content-length",
        "sec-websocket-key",
        "sec-websocket-version",
        "sec-websocket-extensions",
    ];
    OURS.iter().any(|ours| ours.eq_ignore_ascii_case(name))
}

/// A server of our own, two instances.
pub(super) fn private() -> Source {
    Source::new("the console", text("[server]\ninstances = 2\n"))
}

/// A server that is there; its URL stands on the command line.
pub(super) fn there(dialect: &str) -> Source {
    let dialect = serde_json::Value::from(dialect);
    Source::new("the command line", text(&format!("[target]\nurls = [\"ws://target\"]\ndialect = {dialect}\n")))
}

fn text(target: &str) -> String {
    format!(
        "name = \"console\"\n[run]\nwarm_up = \"0s\"\nduration = \"1s\"\ndrain = \"0s\"\n{target}[[clients]]\nname = \"you\"\n\
         count = 1\nrooms = {{ count = 1, name = \"lobby\" }}\nauth = \"none\"\n\
         [[publish]]\nname = \"typed\"\nfrom = \"you\"\nrate = \"1/s\"\n"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(words: &[&str]) -> Result<Given, String> {
        Given::read(&words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>())
    }

    #[test]
    fn what_is_named_is_told_apart() {
        assert_eq!(read(&[]), Ok(Given::Nothing));
        assert_eq!(read(&["curl", "wss://a.example/x"]), Ok(Given::Url("wss://a.example/x".to_owned())));
        assert_eq!(read(&["@chat"]), Ok(Given::Scenario("@chat".to_owned())));
        assert!(read(&["a.example"]).unwrap_err().contains("ws://a.example"));
        assert!(read(&["ws://a", "ws://b"]).unwrap_err().contains("one target"));
    }

    #[test]
    fn handshake_headers_are_ours() {
        assert!(is_ours("Sec-WebSocket-Key") && is_ours("upgrade"));
        assert!(!is_ours("Origin") && !is_ours("Sec-WebSocket-Protocol"));
    }
}
