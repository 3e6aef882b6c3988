//! stub
use super::Scenario;
/// What this machine allows.
#[derive(Clone, Copy, Debug)]
pub struct Limits {}
/// In prose.
pub fn explain(_: &Scenario, _: &Limits) -> String {
    String::new()
}
