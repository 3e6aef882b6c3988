//! The fault proxy of a run: whether there is one, and how it treats connections all along.

use crate::observe::GroupId;
use crate::proxy::Impairment;

/// A proxy that this run starts between its clients and the target.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Proxy {
    /// Whose connections are impaired; `None`: those of all groups.
    pub clients: Option<GroupId>,
    /// How many of them, of `(0, 100]`.
    pub percent: f64,
    /// How they are treated, all along.
    pub impairment: Impairment,
}

impl Default for Proxy {
    /// One that passes everything on as it comes.
    fn default() -> Self {
        Self { clients: None, percent: 100.0, impairment: Impairment::default() }
    }
}
