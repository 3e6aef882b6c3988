//! The bundled json server's protocol.
use super::DialectEntry;
pub(super) const ENTRY: DialectEntry = DialectEntry {
    name: "json",
    help: "the bundled room server",
    parameters: &[],
    make: |_| Err(super::DialectError::NotFound { name: String::new() }),
};
