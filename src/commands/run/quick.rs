//! `wsbench run --url …` without a file: the scenario its flags amount to.

use std::time::Duration;

use super::Args;
use crate::scenario::Source;
use crate::units::print_duration;

/// The scenario, as `--print-scenario` shows it.
pub(super) fn source(args: &Args) -> Source {
    let url = toml_string(&without_secrets(args.over.url().unwrap_or_default()));
    let dialect = toml_string(&args.dialect);
    let clients = args.over.clients().unwrap_or(10);
    let duration = print_duration(args.over.duration().unwrap_or(Duration::from_secs(10)));
    let rate = args.over.rate().map_or(10.0, |rate| rate.get());
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
