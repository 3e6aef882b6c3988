//! Requests before there is a connection, each with the whole of its answer: a login, or the way in where that begins by
//! polling. Through reqwest, like other requests, and not through a proxy of this run.
//!
//! A redirect is an answer like any other and is not followed: what is wanted of it may stand in its own headers.

use bytes::Bytes;
use reqwest::header::HeaderMap;
use reqwest::redirect::Policy;
use reqwest::{Request, StatusCode};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;
use url::Url;

use super::caller::{Caller, Opened};
use super::calls::{Broken, answered};
use super::failure::{failure, shown};
use super::network::{NetworkConfig, SetupError};
use super::refusal::refused;
use super::request::headers_of;
use super::stamped::Traffic;
use super::target::Target;
use super::{ConnectError, ended};
use crate::observe::Word;
use crate::wire::{Ask, Call, Requests};

/// No answer before a connection is larger than this, in bytes.
const LIMIT: usize = 1 << 20;

/// What a server that was asked answers.
pub struct Answered {
    status: StatusCode,
    headers: HeaderMap,
    body: Bytes,
}

impl Answered {
    /// Its headers, lower-case names.
    pub fn headers(&self) -> Vec<(String, String)> {
        headers_of(&self.headers)
    }

    /// Its body.
    pub fn body(&self) -> &Bytes {
        &self.body
    }
}

/// Requests to the addresses of a target.
pub struct Exchanges {
    caller: Arc<Caller>,
    /// What fails when one of them fails.
    stage: Word,
}

impl fmt::Debug for Exchanges {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.caller.targets.iter().map(|target| shown(&target.url))).finish()
    }
}

impl Exchanges {
    /// Requests to `urls`, made in `stage`.
    ///
    /// # Errors
    /// When a URL, a header or a file of the configuration cannot be used.
    pub fn new(stage: Word, urls: Vec<Url>, config: NetworkConfig) -> Result<Self, SetupError> {
        let config = NetworkConfig { max_message: LIMIT, requests: Requests::Usual, ..config };
        Ok(Self { caller: Caller::new(urls, config)?, stage })
    }

    /// For one exchange after the other with the address number `url`, over one connection if the server keeps it.
    ///
    /// # Errors
    /// When there can be no client for them.
    pub fn with(&self, url: usize) -> Result<Exchange<'_>, ConnectError> {
        let opened = self.caller.open_as(url, |builder| builder.redirect(Policy::none()));
        let opened = opened.map_err(|reason| failure(self.stage, Word::OTHER, reason.to_string()))?;
        Ok(Exchange { caller: &self.caller, stage: self.stage, url, opened })
    }
}

/// Exchanges with one address.
pub struct Exchange<'e> {
    caller: &'e Caller,
    stage: Word,
    url: usize,
    opened: Opened,
}

impl Exchange<'_> {
    fn target(&self) -> &Target {
        self.caller.target(self.url)
    }

    /// Asks, and waits for the whole answer, no longer than `within`.
    ///
    /// # Errors
    /// When there is no answer, or one with a status of 400 or more.
    pub async fn ask(&self, ask: &Ask, within: Duration) -> Result<Answered, ConnectError> {
        let request = self.request(ask, within)?;
        let url = request.url().clone();
        // Nobody counts what the way in weighs.
        let mut traffic = Traffic::default();
        match answered(&self.opened.client, request, LIMIT, &mut traffic).await {
            Ok((status, headers, body)) if status.is_client_error() || status.is_server_error() => {
                let first = body.split(|byte| *byte == b'\n').next().unwrap_or_default();
                let refused = refused(&shown(&url), status, &headers, first, "no answer");
                Err(ConnectError { stage: self.stage, ..refused })
            }
            Ok((status, headers, body)) => Ok(Answered { status, headers, body }),
            Err(Broken::Http(error)) => Err(ended::exchange(self.stage, &url, within, &error)),
            Err(Broken::TooLarge) => {
                let detail = format!("{}: the answer is larger than {LIMIT} bytes", shown(&url));
                Err(failure(self.stage, Word::PROTOCOL, detail))
            }
        }
    }

    fn request(&self, ask: &Ask, within: Duration) -> Result<Request, ConnectError> {
        let mut opening = ask.opening.clone();
        if !matches!(self.target().url.path(), "" | "/") {
            opening.path.clear();
        }
        let call = Call { method: ask.method, opening, body: ask.body.clone(), reference: 0, waits: false };
        let request = self.caller.request(self.url, &call);
        let mut request = request.map_err(|reason| failure(self.stage, Word::OTHER, reason.to_string()))?;
        *request.timeout_mut() = Some(within);
        Ok(request)
    }

    /// The failure of an answer that is not what it should be: how, in words. The answer itself may hold secrets.
    pub fn lacks(&self, answered: &Answered, what: &str) -> ConnectError {
        let (place, status) = (shown(&self.target().url), answered.status.as_u16());
        failure(self.stage, Word::PROTOCOL, format!("{place}: answered {status}, {what}"))
    }
}
