//! `wsbench token`: a token for a user of a server that shares the secret.

use std::time::Duration;

use super::exit::{Done, Failure};
use super::secret::SecretArgs;
use crate::ui::Terminal;

/// Print a token for a user of the bundled server
#[derive(Clone, Debug, clap::Args)]
pub(super) struct Args {
    /// The user
    #[arg(long, value_name = "USER")]
    sub: String,
    /// How long it is valid
    #[arg(long, default_value = "1h", value_parser = crate::units::parse_duration)]
    ttl: Duration,
    #[command(flatten)]
    secret: SecretArgs,
}

pub(super) fn main(args: &Args, terminal: &Terminal) -> Done {
    let secret = args.secret.given()?.ok_or_else(|| {
        Failure::usage("no secret: give --jwt-secret-file FILE or WSBENCH_JWT_SECRET, the same as the server's")
    })?;
    let mut claims = serde_json::Map::new();
    claims.insert("sub".to_owned(), args.sub.clone().into());
    claims.insert("exp".to_owned(), (crate::time::unix_seconds() + args.ttl.as_secs()).into());
    super::print(terminal, &format!("{}\n", crate::token::mint(secret.as_bytes(), &claims)))
}
