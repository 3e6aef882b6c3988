//! One request and the whole of its answer, before there is a connection: a login. Through reqwest, like other requests.
//!
//! A redirect is an answer like any other and is not followed: what is wanted of it may stand in its own headers.

use bytes::Bytes;
use reqwest::header::HeaderMap;
use reqwest::redirect::Policy;
use reqwest::{Client, Request, StatusCode};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;
use url::Url;

use super::caller::Caller;
use super::calls::{Broken, answered};
use super::failure::{failure, shown};
use super::network::{NetworkConfig, SetupError};
use super::refusal::refused;
use super::request::headers_of;
use super::stamped::Traffic;
use super::{ConnectError, ended};
use crate::observe::Word;
use crate::wire::{Ask, Call, Method, Opening};

/// An answer larger than this, in bytes, is no answer to a login.
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
    pub fn body(&self) -> &[u8] {
        &self.body
    }
}

/// Requests to one address, each on a connection of its own.
pub struct Exchanges {
    caller: Arc<Caller>,
    url: Url,
    /// What fails when one of them fails.
    stage: Word,
}

impl fmt::Debug for Exchanges {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Exchanges").field(&self.place()).finish()
    }
}

impl Exchanges {
    /// Requests to `url`, made in `stage`. The headers of `config` are for its target and are not sent here.
    ///
    /// # Errors
    /// When the URL or a file of the configuration cannot be used.
    pub fn new(stage: Word, url: Url, config: NetworkConfig) -> Result<Self, SetupError> {
        let config = NetworkConfig { headers: Vec::new(), max_message: LIMIT, ..config };
        Ok(Self { caller: Caller::new(vec![url.clone()], config)?, url, stage })
    }

    /// Where they go, as it may be shown.
    pub fn place(&self) -> String {
        shown(&self.url)
    }

    /// Asks, and waits for the whole answer, no longer than `within`.
    ///
    /// # Errors
    /// When there is no answer, or one with a status of 400 or more.
    pub async fn ask(&self, ask: &Ask, within: Duration) -> Result<Answered, ConnectError> {
        let failed = |detail: String| failure(self.stage, Word::OTHER, detail);
        let opened = self.caller.open_as(0, |builder| builder.redirect(Policy::none()));
        let opened = opened.map_err(|reason| failed(reason.to_string()))?;
        let request = self.request(ask, within).map_err(failed)?;
        let answered = self.answered(&opened.client, request, within).await?;
        if answered.status.is_client_error() || answered.status.is_server_error() {
            return Err(self.refusal(&answered));
        }
        Ok(answered)
    }

    fn request(&self, ask: &Ask, within: Duration) -> Result<Request, String> {
        let opening = Opening { headers: ask.headers.clone(), ..Opening::default() };
        let call = Call { opening, body: ask.body.clone(), reference: 0, waits: false };
        let mut request = self.caller.request(0, &call).map_err(|reason| reason.to_string())?;
        *request.method_mut() = match ask.method {
            Method::Get => reqwest::Method::GET,
            Method::Post => reqwest::Method::POST,
            Method::Put => reqwest::Method::PUT,
        };
        *request.timeout_mut() = Some(within);
        Ok(request)
    }

    async fn answered(&self, client: &Client, request: Request, within: Duration) -> Result<Answered, ConnectError> {
        // Nobody counts what a login weighs.
        let mut traffic = Traffic::default();
        match answered(client, request, LIMIT, &mut traffic).await {
            Ok((status, headers, body)) => Ok(Answered { status, headers, body }),
            Err(Broken::Http(error)) => Err(ended::exchange(self.stage, &self.url, within, &error)),
            Err(Broken::TooLarge) => {
                let detail = format!("{}: the answer is larger than {LIMIT} bytes", self.place());
                Err(failure(self.stage, Word::PROTOCOL, detail))
            }
        }
    }

    /// The failure that `answered` is.
    fn refusal(&self, answered: &Answered) -> ConnectError {
        let first = answered.body.split(|byte| *byte == b'\n').next().unwrap_or_default();
        let refused = refused(&self.place(), answered.status, &answered.headers, first, "no answer to a login");
        ConnectError { stage: self.stage, ..refused }
    }

    /// The failure of an answer in which something is missing: what, in words. The answer itself may hold secrets.
    pub fn lacks(&self, answered: &Answered, what: &str) -> ConnectError {
        failure(self.stage, Word::PROTOCOL, format!("{}: answered {}, {what}", self.place(), answered.status.as_u16()))
    }
}
