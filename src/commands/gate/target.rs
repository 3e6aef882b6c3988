//! What is written for one side of a gate.

use std::path::{Path, PathBuf};

use crate::commands::redis::without_secret;

/// A target, and what an error about it blames: the flag, or the key of the file.
#[derive(Clone, Debug)]
pub(super) struct Named {
    pub(super) place: String,
    pub(super) target: Target,
}

/// What was written for one side.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Target {
    /// It is already there.
    Url(String),
    /// A command line of the shell that runs it.
    Command(String),
    /// A build of wsbench, whose room server it is.
    Build(PathBuf),
}

impl Target {
    /// Reads `URL`, `cmd:COMMAND`, `self` or the path of a build.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        if let Some(command) = text.strip_prefix("cmd:") {
            return match command.trim() {
                "" => Err("there is no command after `cmd:`".to_owned()),
                command => Ok(Self::Command(command.to_owned())),
            };
        }
        if text == "self" {
            return std::env::current_exe().map(Self::Build).map_err(|error| format!("own path: {error}"));
        }
        if text.contains("://") {
            return Ok(Self::Url(text.to_owned()));
        }
        if Path::new(text).is_file() {
            return Ok(Self::Build(PathBuf::from(text)));
        }
        Err(format!("{text:?} is neither a URL, `cmd:COMMAND`, `self`, nor the path of a wsbench build"))
    }

    /// As it may be shown: without the secrets of a URL, or what a command line may hold behind the program.
    pub(super) fn describe(&self) -> String {
        match self {
            Self::Url(url) => without_secret(url),
            Self::Command(command) => format!("cmd:{} …", command.split_whitespace().next().unwrap_or_default()),
            Self::Build(path) => path.file_name().unwrap_or_default().to_string_lossy().into_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_are_told_apart() {
        assert_eq!(Target::parse("cmd: node server.js"), Ok(Target::Command("node server.js".to_owned())));
        assert_eq!(Target::parse("wss://x/y"), Ok(Target::Url("wss://x/y".to_owned())));
        assert!(matches!(Target::parse("self"), Ok(Target::Build(_))));
        for wrong in ["cmd:", "cmd:  ", "/no/such/build"] {
            assert!(Target::parse(wrong).is_err(), "{wrong}");
        }
        assert_eq!(Target::Command("node s.js --key K".to_owned()).describe(), "cmd:node …");
        assert_eq!(Target::Url("ws://u:p@h:1/p?t=s".to_owned()).describe(), "ws://h:1/p");
    }
}
