//! The secret that tokens are signed with: from a flag, a file, the environment, or made up.

use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use super::exit::Failure;

/// Where the secret comes from; `serve` and `token` read the same three.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct SecretArgs {
    /// The secret itself (visible to everybody in `ps`: for tests)
    #[arg(long, value_name = "S", conflicts_with = "jwt_secret_file")]
    jwt_secret: Option<String>,
    /// A file that holds the secret
    #[arg(long, value_name = "F")]
    jwt_secret_file: Option<PathBuf>,
}

impl SecretArgs {
    /// The secret that was given, if any.
    pub(super) fn given(&self) -> Result<Option<String>, Failure> {
        let given = self.read()?;
        if given.as_ref().is_some_and(String::is_empty) {
            return Err(Failure::usage("the secret is empty: everybody could sign tokens with it"));
        }
        Ok(given)
    }

    fn read(&self) -> Result<Option<String>, Failure> {
        if let Some(secret) = &self.jwt_secret {
            return Ok(Some(secret.clone()));
        }
        if let Some(path) = &self.jwt_secret_file {
            let text = std::fs::read_to_string(path)
                .map_err(|error| Failure::usage(format!("failed to read {}: {error}", path.display())))?;
            return Ok(Some(text.trim_end_matches(['\r', '\n']).to_owned()));
        }
        Ok(super::environment("WSBENCH_JWT_SECRET"))
    }
}

/// A secret nobody knows: 256 random bits, hex.
pub(super) fn random() -> String {
    let mut text = String::new();
    for word in rand::random::<[u64; 4]>() {
        text.push_str(&format!("{word:016x}"));
    }
    text
}

/// A secret in a file only this user can read; the file is gone when the value is.
#[derive(Debug)]
pub(super) struct Kept(PathBuf);

impl Kept {
    /// Where it is.
    pub(super) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        // Whoever has removed it already did what was to be done.
        drop(std::fs::remove_file(&self.0));
    }
}

/// Puts `secret` into a file.
pub(super) fn keep(secret: &str) -> Result<Kept, Failure> {
    let path = std::env::temp_dir().join(format!("wsbench-secret-{:08x}", rand::random::<u32>()));
    let write = || {
        let mut file = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path)?;
        file.write_all(secret.as_bytes())
    };
    write().map_err(|error: std::io::Error| Failure::setup(format!("failed to write {}: {error}", path.display())))?;
    Ok(Kept(path))
}
