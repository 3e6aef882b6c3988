//! Whose token: from a file, the environment or stdin, minted where the secret is known, or the scenario's.

use std::io::{BufRead as _, IsTerminal as _};
use std::path::Path;
use std::sync::Arc;

use rustix::termios::{LocalModes, OptionalActions, tcgetattr, tcsetattr};

use super::{Args, Given, target};
use crate::commands::exit::Failure;
use crate::dialect::{AuthStyle, Identity};
use crate::observe::ClientId;
use crate::repl::{Whence, Who};
use crate::scenario::plan::Life;
use crate::scenario::{Login, Scenario, Target, Users};
use crate::token::mint_for;

/// A minted token is good for a day.
const DAY: u64 = 86_400;

/// Knows how to come by tokens.
pub(super) struct Tokens {
    own: Option<String>,
    secret: Option<Arc<[u8]>>,
    auth: AuthStyle,
    /// How the scenario's users log in, and who they are.
    logins: Option<(Login, Users)>,
}

impl Tokens {
    /// What there is: the token that was named, the secret of the server that was started or is shared.
    pub(super) fn read(args: &Args, scenario: &Scenario, ground: &target::Ground) -> Result<Self, Failure> {
        let own = match (&args.token, &args.token_file) {
            (Some(place), _) => Some(read(place).map_err(Failure::usage)?),
            (None, Some(file)) => Some(read_file(file).map_err(Failure::usage)?),
            (None, None) => None,
        };
        let room = match &scenario.target {
            Target::Bundled(_) => true,
            Target::Foreign(foreign) => foreign.dialect.name() == "room",
        };
        let shared = if room && ground.secret().is_none() { args.secret.given()? } else { None };
        let secret = ground.secret().or(shared.map(|secret| Arc::from(secret.into_bytes())));
        let auth = match &scenario.target {
            Target::Bundled(_) => AuthStyle::FirstMessage,
            Target::Foreign(foreign) => foreign.dialect.usual_auth(),
        };
        let logins = scenario.login.clone().map(|login| (login, scenario.users.clone()));
        Ok(Self { own, secret, auth, logins })
    }

    /// Who sits at the console first.
    pub(super) fn first(&self, args: &Args, given: &Given, scenario: &Scenario, life: &Life) -> Result<Who, Failure> {
        if let (Given::Scenario(_), None, None) = (given, &self.own, &args.user) {
            let (user, token) = scenario.users.user(life.user, self.secret.as_deref());
            let login = scenario.login_of(life.user);
            let auth = if token.is_some() || login.is_some() { scenario[life.group].auth } else { AuthStyle::None };
            return Ok(Who { identity: Identity { client: life.client, user, token, auth }, login });
        }
        let told = self.own.as_deref().and_then(subject);
        let user = args.user.clone().or(told).or_else(|| crate::commands::environment("USER"));
        let user = user.unwrap_or_else(|| "me".to_owned());
        let token = self.own.clone().or_else(|| self.minted(&user));
        Ok(self.showing(&user, token))
    }

    /// Another user, or the same with another token: with the token of that place, with its own login, or with a minted one.
    pub(super) fn somebody(&self, user: &str, whence: Whence<'_>) -> Result<Who, String> {
        if let (Some((login, users)), Whence::Minted, None) = (&self.logins, whence, &self.own) {
            let number =
                users.number(user).ok_or_else(|| format!("the scenario has no user {user} who could log in"))?;
            let identity = Identity { client: ClientId(0), user: user.to_owned(), token: None, auth: self.auth };
            return Ok(Who { identity, login: Some(login.ask(users, number)) });
        }
        let token = match whence {
            Whence::Place(from) => Some(place(from).and_then(|from| read(&from))?),
            Whence::Told(token) => Some(token.to_owned()),
            Whence::Minted => self.minted(user),
        };
        if token.is_none() && self.own.is_some() {
            return Err(format!(
                "no token for {user}: /as {user} - asks for it, or @FILE or env:NAME says where it is"
            ));
        }
        let told = if whence == Whence::Minted { None } else { token.as_deref().and_then(subject) };
        Ok(self.showing(told.as_deref().unwrap_or(user), token))
    }

    fn showing(&self, user: &str, token: Option<String>) -> Who {
        let auth = if token.is_some() { self.auth } else { AuthStyle::None };
        Who { identity: Identity { client: ClientId(0), user: user.to_owned(), token, auth }, login: None }
    }

    fn minted(&self, user: &str) -> Option<String> {
        let expires = crate::time::unix_seconds() + DAY;
        self.secret.as_deref().map(|secret| mint_for(secret, user, expires))
    }
}

/// A place a token can be at; the token itself would be seen by everybody in `ps`.
pub(super) fn place(text: &str) -> Result<String, String> {
    let known = text == "-" || text.starts_with('@') || text.starts_with("env:");
    known
        .then(|| text.to_owned())
        .ok_or_else(|| "a token is named, not written: - (asked for), @FILE or env:NAME".to_owned())
}

fn read(place: &str) -> Result<String, String> {
    if let Some(path) = place.strip_prefix('@') {
        return read_file(Path::new(path));
    }
    if let Some(name) = place.strip_prefix("env:") {
        return crate::commands::environment(name).ok_or_else(|| format!("{name} is not set in the environment"));
    }
    let line = read_line().map_err(|error| format!("failed to read a token from stdin: {error}"))?;
    trimmed(&line, "the first line of stdin")
}

/// The next line of stdin; a terminal does not show what is typed.
fn read_line() -> std::io::Result<String> {
    let (stdin, mut line) = (std::io::stdin(), String::new());
    let Some(found) = tcgetattr(&stdin).ok().filter(|_| stdin.is_terminal()) else {
        stdin.lock().read_line(&mut line)?;
        return Ok(line);
    };
    let mut hiding = found.clone();
    hiding.local_modes.remove(LocalModes::ECHO);
    tcsetattr(&stdin, OptionalActions::Flush, &hiding)?;
    eprint!("token: ");
    let read = stdin.lock().read_line(&mut line);
    tcsetattr(&stdin, OptionalActions::Now, &found)?;
    eprintln!();
    read.map(|_| line)
}

fn read_file(path: &Path) -> Result<String, String> {
    let text = std::fs::read_to_string(path).map_err(|error| format!("failed to read {}: {error}", path.display()))?;
    trimmed(&text, &path.display().to_string())
}

fn trimmed(text: &str, from: &str) -> Result<String, String> {
    match text.trim() {
        "" => Err(format!("there is no token in {from}")),
        token => Ok(token.to_owned()),
    }
}

/// Whom a JWT speaks for, if it is one and says so.
fn subject(token: &str) -> Option<String> {
    use base64::Engine as _;
    let payload = token.split('.').nth(1)?;
    let json = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(payload).ok()?;
    let claims: serde_json::Value = serde_json::from_slice(&json).ok()?;
    claims.get("sub")?.as_str().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_says_whom_it_speaks_for() {
        assert_eq!(subject(&mint_for(b"secret", "ada", 1)).as_deref(), Some("ada"));
        assert_eq!(subject("nonsense"), None);
    }

    #[test]
    fn a_token_is_named_and_never_written() {
        assert!(place("eyJhbGciOiJIUzI1NiJ9.e30.x").is_err());
        assert_eq!(place("env:TOKEN").as_deref(), Ok("env:TOKEN"));
    }
}
