//! `wsbench run --url …` without a file: the scenario its flags amount to.

use std::time::Duration;

use crate::scenario::Source;
use crate::units::{Rate, print_duration};

/// What the flags say; everything but the target may be left to us.
pub(in crate::commands) struct Said<'a> {
    pub(in crate::commands) url: &'a str,
    pub(in crate::commands) dialect: &'a str,
    pub(in crate::commands) clients: Option<u32>,
    pub(in crate::commands) duration: Option<Duration>,
    pub(in crate::commands) rate: Option<Rate>,
}

/// The scenario, as `--print-scenario` shows it.
pub(in crate::commands) fn source(said: &Said<'_>) -> Source {
    let url = toml_string(&without_secrets(said.url));
    let dialect = toml_string(said.dialect);
    let clients = said.clients.unwrap_or(10);
    let duration = print_duration(said.duration.unwrap_or(Duration::from_secs(10)));
    let rate = said.rate.map_or(10.0, Rate::get);
    let text = format!(
        r#"#:schema ./scenario.schema.json
name = "quick"

[run]
warm_up  = "1s"
duration = "{duration}"
drain    = "2s"

[target]
urls    = [{url}]
dialect = {dialect}

[[clients]]
name  = "clients"
count = {clients}
ramp  = "1s"
rooms = {{ count = 1, per_client = 1, name = "wsbench" }}
auth  = "none"

[[publish]]
name = "chat"
from = "clients"
rate = "{rate}/s"
size = "128B"
"#
    );
    Source::new("the command line", text)
}

/// The URL as it may stand in a result: `--url` itself, query and all, beats what the scenario says.
fn without_secrets(text: &str) -> String {
    let Ok(mut url) = url::Url::parse(text) else { return text.to_owned() };
    let cleared = url.set_username("").and_then(|()| url.set_password(None));
    if cleared.is_err() || url.query().is_none() && !text.contains('@') {
        return text.to_owned();
    }
    url.set_query(None);
    url.to_string()
}

fn toml_string(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}
