//! The bundled room server's protocol.
use super::DialectEntry;
pub(super) const ENTRY: DialectEntry = DialectEntry {
    name: "room",
    help: "the bundled room server",
    parameters: &[],
    make: |_| Err(super::DialectError::NotFound { name: String::new() }),
};
