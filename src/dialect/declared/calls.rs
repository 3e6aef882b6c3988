//! Publishing by an HTTP request in place of a message: a form or JSON, signed where an API wants that.

use bytes::Bytes;
use std::borrow::Cow;
use url::Url;
use url::form_urlencoded::Serializer;

use super::marking;
use super::parameters::Checked;
use super::pointer::Pointer;
use super::rules;
use super::slot::{Slot, Values};
use super::template::Template;
use crate::dialect::credentials::show_token_over_http;
use crate::dialect::{DialectError, Event, Identity};
use crate::wire::{Answer, Call, Method, Opening, Requests, Response};

const METHODS: [(&str, Method); 2] = [("POST", Method::Post), ("PUT", Method::Put)];

/// What a body can name.
const BODY: &[Slot] = &[Slot::Text, Slot::Marker, Slot::Room, Slot::Ref, Slot::User, Slot::Token];

/// What stands around it can name the body too, and the time: that is what is signed.
const AROUND: &[Slot] =
    &[Slot::Text, Slot::Marker, Slot::Room, Slot::Ref, Slot::User, Slot::Token, Slot::Body, Slot::Unix];

/// How to publish.
#[derive(Debug)]
pub(super) struct PublishBy {
    method: Method,
    to: Requests,
    path: Option<Template>,
    query: Vec<(String, Template)>,
    headers: Vec<(String, Template)>,
    body: Body,
    /// What stands in place of the body in messages that are published by name.
    named: Vec<(String, Body)>,
    code: Option<Pointer>,
    /// Where an error stands in an answer whose status is one of success.
    error: Option<Pointer>,
    /// Where the server's id of the message stands in an answer.
    id: Option<Pointer>,
}

#[derive(Debug)]
enum Body {
    None,
    Text(Template),
    Form(Vec<(String, Template)>),
}

impl PublishBy {
    pub(super) fn new(given: &Checked<'_>) -> Result<Option<Self>, DialectError> {
        if !given.has("publish_by") {
            return Ok(None);
        }
        let headers = given.late_texts("publish_by.headers", AROUND)?;
        let json = !headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("content-type"));
        let text = given.late_read("publish_by.body", BODY, if json { Template::json } else { Template::plain })?;
        let body = match (text, given.late_texts("publish_by.form", BODY)?) {
            (Some(_), form) if !form.is_empty() => {
                return Err(Checked::missing("publish_by.form", "excludes `body`"));
            }
            (Some(text), _) => Body::Text(text),
            (None, form) if form.is_empty() => Body::None,
            (None, form) => Body::Form(form),
        };
        let named = given.late_bodies("publish_by.as", BODY, if json { Template::json } else { Template::plain })?;
        if matches!(body, Body::Form(_)) && !named.is_empty() {
            return Err(Checked::missing(
                "publish_by.as",
                "are bodies, and `publish_by.form` says that there is a form",
            ));
        }
        let publishing = Self {
            method: given.one_of("publish_by.method", &METHODS)?,
            to: target(given)?,
            path: given.late_read("publish_by.path", &[Slot::Room, Slot::User, Slot::Ref], Template::path)?,
            query: given.late_texts("publish_by.query", AROUND)?,
            headers,
            body,
            named: named.into_iter().map(|(name, text)| (name, Body::Text(text))).collect(),
            code: given.pointer("publish_by.code")?,
            error: given.pointer("publish_by.error")?,
            id: given.pointer("publish_by.id")?,
        };
        let marked = |body: &Body| publishing.templates(body).any(Template::carries_marker);
        let correlates = marking::correlates(given)?;
        if !marked(&publishing.body) && !correlates {
            return Err(Checked::missing("publish_by", "has no {{text}} in its `body`, `form` or `query`"));
        }
        if let Some((name, _)) = publishing.named.iter().find(|(_, body)| !correlates && !marked(body)) {
            let problem = "has no {{text}} and no {{marker}}: no copy could be recognised";
            return Err(Checked::missing(&format!("publish_by.as.{name}"), problem));
        }
        Ok(Some(publishing))
    }

    /// What the text can stand in, in a request with this body.
    fn templates<'a>(&'a self, body: &'a Body) -> impl Iterator<Item = &'a Template> {
        let (text, form) = match body {
            Body::None => (None, &[][..]),
            Body::Text(text) => (Some(text), &[][..]),
            Body::Form(form) => (None, form.as_slice()),
        };
        text.into_iter().chain(form.iter().chain(&self.query).chain(&self.headers).map(|(_, template)| template))
    }

    /// Whether `slot` is named in what the text can stand in.
    pub(super) fn names(&self, slot: Slot) -> bool {
        self.templates(&self.body).any(|template| template.names(slot))
    }

    /// What can be published by name.
    pub(super) fn sayings(&self) -> impl Iterator<Item = &str> + Clone {
        self.named.iter().map(|(name, _)| name.as_str())
    }

    /// Where its requests go.
    pub(super) fn to(&self) -> &Requests {
        &self.to
    }

    /// The request that publishes, as the message `named` if there is one; nothing where that is none of a request.
    pub(super) fn call(&self, identity: &Identity, named: Option<&str>, values: Values<'_>) -> Option<Call> {
        let body = match named {
            None => &self.body,
            Some(named) => self.named.iter().find(|(name, _)| name == named).map(|(_, body)| body)?,
        };
        Some(self.request(identity, body, values))
    }

    fn request(&self, identity: &Identity, template: &Body, values: Values<'_>) -> Call {
        let token = identity.token.as_deref().unwrap_or_default();
        let values = Values { token, user: &identity.user, ..values };
        let body = match template {
            Body::None => String::new(),
            Body::Text(text) => text.render(&values),
            Body::Form(form) => {
                let fields = form.iter().map(|(name, value)| (name, value.render(&values)));
                Serializer::new(String::new()).extend_pairs(fields).finish()
            }
        };
        let values = Values { body: &body, ..values };
        let fill = |entries: &[(String, Template)]| {
            entries.iter().map(|(name, template)| (name.clone(), template.render(&values))).collect()
        };
        let path = self.path.as_ref().map(|path| path.render(&values)).unwrap_or_default();
        let mut opening =
            Opening { path, query: fill(&self.query), headers: fill(&self.headers), ..Opening::default() };
        if matches!(template, Body::Form(_)) {
            let kind = ("Content-Type".to_owned(), "application/x-www-form-urlencoded".to_owned());
            opening.headers.push(kind);
        }
        // Another server is shown a user's token only where the dialect says so.
        if self.to == Requests::Target && !self.templates(template).any(|template| template.names(Slot::Token)) {
            show_token_over_http(identity, &mut opening);
        }
        let reference = values.reference;
        Call { method: self.method, opening, body: Some(Bytes::from(body)), reference, waits: false }
    }

    /// What an answer means; nothing, where there is none: that is the conversation's business.
    pub(super) fn answered(&self, answer: &Answer, emit: &mut dyn FnMut(Event<'_>)) {
        let reference = answer.reference;
        let Ok(response) = &answer.outcome else { return };
        let good = (200..300).contains(&response.status);
        let error = self.error.as_ref().filter(|_| good).and_then(|error| error.find(&response.body));
        let error = error.filter(|error| rules::is_error(error));
        if good && error.is_none() {
            if let Some(id) = self.id.as_ref().and_then(|id| id.find(&response.body)).and_then(rules::name) {
                emit(Event::Named { reference, id });
            }
            return emit(Event::Acked { reference });
        }
        let code = self.code(response, error);
        emit(Event::Refused { reference: Some(reference), code: &code, unconfirmed: code == "unconfirmed" });
    }

    fn code<'a>(&self, response: &'a Response, error: Option<&'a [u8]>) -> Cow<'a, str> {
        let told = self.code.as_ref().and_then(|code| code.find(&response.body)).and_then(rules::name);
        match (told.or(error.and_then(rules::name)), response.status) {
            (Some(code), _) => Cow::Borrowed(code),
            (None, 429) => Cow::Borrowed("rate_limited"),
            (None, 503) => Cow::Borrowed("unavailable"),
            (None, 502 | 504) => Cow::Borrowed("unconfirmed"),
            (None, status) => Cow::Owned(format!("status {status}")),
        }
    }
}

/// Where requests go: an empty URL means the target, as no URL does.
fn target(given: &Checked<'_>) -> Result<Requests, DialectError> {
    let wrong = |problem: &str| Err(Checked::missing("publish_by.url", problem));
    let Some(text) = given.plain("publish_by.url").filter(|text| !text.is_empty()) else { return Ok(Requests::Target) };
    match Url::parse(text) {
        Ok(url) if !matches!(url.scheme(), "http" | "https") => wrong("is none of http:// and https://"),
        Ok(url) if url.has_host() => Ok(Requests::To(url)),
        Ok(_) => wrong("names no host"),
        Err(error) => wrong(&format!("is not a URL ({error}); write it as https://host:port")),
    }
}
