//! One HTTP request that is made for its answer alone.

use bytes::Bytes;
use std::fmt;

/// What a request does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// `GET`
    Get,
    /// `POST`
    Post,
    /// `PUT`
    Put,
}

/// A request to an address its sender knows.
#[derive(Clone, PartialEq, Eq)]
pub struct Ask {
    /// What it does.
    pub method: Method,
    /// Its headers.
    pub headers: Vec<(String, String)>,
    /// Its body, if it has one.
    pub body: Option<Bytes>,
}

/// Values and body may be secrets: only names are shown.
impl fmt::Debug for Ask {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self.headers.iter().map(|(name, _)| name.as_str()).collect();
        f.debug_struct("Ask").field("method", &self.method).field("headers", &names).finish_non_exhaustive()
    }
}
