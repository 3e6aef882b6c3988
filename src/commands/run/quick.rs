//! `wsbench run --url …` without a file: the scenario its flags amount to.

use super::Args;
use crate::scenario::Source;

/// The scenario, as `--print-scenario` shows it.
pub(super) fn source(args: &Args) -> Source {
    let url = toml_string(args.over.url().unwrap_or_default());
    let dialect = toml_string(&args.dialect);
    let text = format!(
        r#"#:schema ./scenario.schema.json
name = "quick"

[run]
warm_up  = "1s"
duration = "10s"
drain    = "2s"

[target]
urls    = [{url}]
dialect = {dialect}

[[clients]]
name  = "clients"
count = 10
ramp  = "1s"
rooms = {{ count = 1, per_client = 1, name = "wsbench" }}
auth  = "none"

[[publish]]
name = "chat"
from = "clients"
rate = "10/s"
size = "128B"
"#
    );
    Source::new("the command line", text)
}

fn toml_string(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}
