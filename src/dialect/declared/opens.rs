//! What opening a socket, or the stream of a room, needs.

use std::sync::Arc;

use super::parameters::Checked;
use super::slot::{Slot, Values};
use super::template::Template;
use crate::dialect::credentials::{show_token, show_token_over_http};
use crate::dialect::{DialectError, Identity, Position};
use crate::wire::Opening;

/// Path, query and headers.
#[derive(Debug)]
struct Place {
    path: Option<Template>,
    query: Vec<(String, Template)>,
    headers: Vec<(String, Template)>,
}

impl Place {
    fn fill(&self, values: &Values<'_>) -> Opening {
        let fill = |entries: &[(String, Template)]| {
            entries.iter().map(|(name, template)| (name.clone(), template.render(values))).collect()
        };
        let mut path = self.path.as_ref().map(|path| path.render(values)).unwrap_or_default();
        if !path.is_empty() && !path.starts_with('/') {
            path.insert(0, '/');
        }
        Opening { path, query: fill(&self.query), headers: fill(&self.headers), ..Opening::default() }
    }

    fn shows_token(&self) -> bool {
        self.query.iter().chain(&self.headers).any(|(_, template)| template.names(Slot::Token))
    }
}

/// What the opening of a socket needs.
#[derive(Debug)]
pub(super) struct Opens {
    place: Place,
    subprotocols: Vec<String>,
}

impl Opens {
    pub(super) fn new(given: &Checked<'_>) -> Result<Self, DialectError> {
        const WHO: &[Slot] = &[Slot::User, Slot::Token];
        let path = given.text("path", WHO)?;
        let place = Place { path, query: given.texts("query", WHO)?, headers: given.texts("headers", WHO)? };
        Ok(Self { place, subprotocols: given.words("subprotocols") })
    }

    pub(super) fn opening(&self, identity: &Identity) -> Opening {
        let token = identity.token.as_deref().unwrap_or_default();
        let opening = self.place.fill(&Values { token, user: &identity.user, ..Values::default() });
        let mut opening = Opening { subprotocols: self.subprotocols.clone(), ..opening };
        if !self.place.shows_token() {
            show_token(identity, &mut opening);
        }
        opening
    }
}

/// Where rooms are streams of events.
#[derive(Debug)]
pub(super) struct Streams {
    place: Place,
    /// How the events are called that carry messages; without it all do.
    event: Option<Arc<str>>,
}

impl Streams {
    pub(super) fn new(given: &Checked<'_>) -> Result<Option<Self>, DialectError> {
        const WHERE: &[Slot] = &[Slot::Room, Slot::User, Slot::Token];
        if !given.has("stream") {
            return Ok(None);
        }
        for key in ["join", "publish", "welcome", "auth", "hello"] {
            if given.has(key) {
                return Err(Checked::missing(key, "is said on a socket, and `stream` says that there is none"));
            }
        }
        let path = given.path("stream.path", WHERE)?;
        let (query, headers) = (given.texts("stream.query", WHERE)?, given.texts("stream.headers", WHERE)?);
        let event = given.plain("stream.event").filter(|name| !name.is_empty()).map(Arc::from);
        Ok(Some(Self { place: Place { path, query, headers }, event }))
    }

    /// The stream of `room`, from `position` on.
    pub(super) fn opening(&self, identity: &Identity, room: &str, position: Option<&Position>) -> Opening {
        let token = identity.token.as_deref().unwrap_or_default();
        let mut opening = self.place.fill(&Values { room, token, user: &identity.user, ..Values::default() });
        opening.event.clone_from(&self.event);
        if let Some(position) = position {
            opening.headers.push(("Last-Event-ID".to_owned(), position.epoch.to_string()));
        }
        if !self.place.shows_token() {
            show_token_over_http(identity, &mut opening);
        }
        opening
    }
}
