//! One HTTP request that is made for its answer alone.

use bytes::Bytes;
use std::fmt;

use super::{Method, Opening};

/// A request to an address its sender knows. The path counts where the URL has none of its own.
#[derive(Clone, PartialEq, Eq)]
pub struct Ask {
    /// What it does.
    pub method: Method,
    /// Path, query and headers.
    pub opening: Opening,
    /// Its body, if it has one.
    pub body: Option<Bytes>,
}

/// The body may hold secrets: not shown.
impl fmt::Debug for Ask {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ask").field("method", &self.method).field("opening", &self.opening).finish_non_exhaustive()
    }
}
