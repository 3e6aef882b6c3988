//! The way in where a protocol begins before its socket: requests, the socket, a few words on it. What is said comes from
//! the dialect; what is heard and not waited for is handed on to the conversation.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::sync::Arc;
use std::time::Duration;

use super::{Dialer, Pass};
use crate::dialect::{Act, Approach, Carried, Dialect, Identity, Intent, Omen, Passing, Sign};
use crate::observe::{TransportKind, Word};
use crate::time::Timestamp;
use crate::transport::{ConnectError, Connected, Exchange, Stages, Transport};
use crate::wire::{Ask, Frame, Method, Opening, Received};

/// So many polls may pass before what is waited for has come.
const POLLS: usize = 16;

/// Where a client is on its way.
struct Way<'w> {
    dialer: &'w Dialer,
    dialect: &'w Arc<dyn Dialect>,
    approach: &'w Approach,
    identity: &'w Arc<Identity>,
    /// What opening the socket needs, without what is carried.
    opening: Opening,
    exchange: Exchange<'w>,
    pass: &'w mut Pass,
    carried: Carried,
    heard: VecDeque<Received>,
    /// Of the requests, in order.
    headers: Vec<(String, String)>,
    began: Timestamp,
    /// The socket, and how long what came before it took.
    open: Option<(Connected, Duration)>,
}

impl Dialer {
    /// Goes the way that `approach` says to the target's address number `url`, over sockets of `transport`. Stage auth is
    /// what comes before the socket, stage upgrade ends with the last step.
    pub(super) async fn go(
        &self,
        (approach, dialect): (&Approach, &Arc<dyn Dialect>),
        (transport, url): (&dyn Transport, usize),
        identity: &Arc<Identity>,
        opening: Opening,
        pass: &mut Pass,
    ) -> Result<Connected, ConnectError> {
        let Some(exchanges) = &self.exchanges else {
            return Err(failed(
                Word::OTHER,
                format!("{} begins by requests, and none can be made", self.dialect.name()),
            ));
        };
        let way = Way {
            dialer: self,
            dialect,
            approach,
            identity,
            opening,
            exchange: exchanges.with(url)?,
            pass,
            carried: Vec::new(),
            heard: VecDeque::new(),
            headers: Vec::new(),
            began: self.clock.now(),
            open: None,
        };
        match tokio::time::timeout(self.join_timeout, way.walk(transport, url)).await {
            Ok(Ok(connected)) => Ok(connected),
            Ok(Err(error)) if approach.has_strayed(&error.detail) => Err(ConnectError {
                kind: Word::SESSION_UNKNOWN,
                detail: format!(
                    "{}; another instance was asked than the one that opened the session: the balancer must keep a \
                     client's requests together (docs/instances.md)",
                    error.detail
                ),
                ..error
            }),
            Ok(Err(error)) => Err(error),
            Err(_) => Err(failed(Word::TIMEOUT, format!("the way in was not through within {:?}", self.join_timeout))),
        }
    }
}

impl Way<'_> {
    async fn walk(mut self, transport: &dyn Transport, url: usize) -> Result<Connected, ConnectError> {
        for act in self.approach.steps() {
            match act {
                Act::Ask(sign) => self.ask(sign).await?,
                Act::Greet(sign) => self.greet(sign).await?,
                Act::Say(text) => self.say(transport, url, text).await?,
                Act::Hear(text) => self.hear(transport, url, text).await?,
            }
        }
        self.open(transport, url).await?;
        let Some((Connected { connection, stages, mut headers }, before)) = self.open else {
            return Err(failed(Word::OTHER, "the way in has no socket".to_owned()));
        };
        let all = self.dialer.clock.now() - self.began;
        headers.extend(self.headers);
        let stages = staged(stages, before, all);
        Ok(Connected { connection: connection.preceded_by(self.heard), stages, headers })
    }

    async fn ask(&mut self, sign: &Sign) -> Result<(), ConnectError> {
        for _ in 0..POLLS {
            if self.exchange(None, sign).await? {
                return Ok(());
            }
        }
        Err(failed(Word::PROTOCOL, format!("{POLLS} polls did not bring {}", named(sign))))
    }

    async fn greet(&mut self, sign: &Sign) -> Result<(), ConnectError> {
        let greeting = self.dialect.encode(&Intent::Auth { identity: self.identity });
        let greeting = greeting.ok_or_else(|| failed(Word::OTHER, "there is no greeting to be posted".to_owned()))?;
        match self.exchange(Some(greeting), sign).await? {
            true => Ok(()),
            false => Err(failed(Word::PROTOCOL, format!("the greeting was not answered by {}", named(sign)))),
        }
    }

    /// Asks, or posts `body`; whether the answer brings what is waited for.
    async fn exchange(&mut self, body: Option<Frame>, sign: &Sign) -> Result<bool, ConnectError> {
        let method = if body.is_some() { Method::Post } else { Method::Get };
        let mut opening = self.approach.of_request(method, &self.opening, &self.carried);
        opening.headers.extend(self.pass.cookies().shown().map(|cookies| ("Cookie".to_owned(), cookies)));
        if method == Method::Get {
            self.dialect.on_the_way(Passing::Said(&format!("GET {}", opening.path)));
        }
        let body = body.map(|frame| frame.bytes().to_vec().into());
        let answered = self.exchange.ask(&Ask { method, opening, body }, self.dialer.join_timeout).await?;
        let (at, headers) = (self.dialer.clock.now(), answered.headers());
        self.pass.cookies().take(&headers);
        self.headers.extend(headers);
        let mut met = false;
        for frame in self.approach.messages(answered.body()) {
            let omen = self.approach.omen(&frame, sign);
            if let Omen::Refused(words) = omen {
                return Err(failed(Word::REFUSED, format!("token refused: {}", words.escape_debug())));
            }
            met |= omen == Omen::Met;
            self.approach.carry(&frame, &mut self.carried);
            match sign {
                Sign::Text(_) if omen == Omen::Met => self.note_heard(&frame),
                _ => self.heard.push_back(Received { frame, at }),
            }
        }
        Ok(met)
    }

    fn note_heard(&self, frame: &Frame) {
        self.dialect.on_the_way(Passing::Heard(&String::from_utf8_lossy(frame.bytes())));
    }

    /// The socket; opened now if it is not yet.
    async fn open(&mut self, transport: &dyn Transport, url: usize) -> Result<&mut Connected, ConnectError> {
        if self.open.is_none() {
            let before = self.dialer.clock.now() - self.began;
            let mut opening = self.approach.of_socket(&self.opening, &self.carried);
            opening.headers.extend(self.pass.cookies().shown().map(|cookies| ("Cookie".to_owned(), cookies)));
            debug_assert_eq!(transport.kind(), TransportKind::WebSocket, "nothing else is opened this way");
            let connected = transport.connect(url, &opening, &self.dialer.clock).await?;
            self.open = Some((connected, before));
        }
        let open = self.open.as_mut().map(|(connected, _)| connected);
        open.ok_or_else(|| failed(Word::OTHER, "there is no socket".to_owned()))
    }

    async fn say(&mut self, transport: &dyn Transport, url: usize, text: &str) -> Result<(), ConnectError> {
        self.dialect.on_the_way(Passing::Said(text));
        let connection = &mut self.open(transport, url).await?.connection;
        let ended = |reason| failed(Word::EOF, format!("the socket ended on the way in: {reason}"));
        connection.start_send(Frame::text(text.to_owned())).map_err(ended)?;
        poll_fn(|cx| connection.poll_flush(cx)).await.map_err(ended)
    }

    async fn hear(&mut self, transport: &dyn Transport, url: usize, text: &str) -> Result<(), ConnectError> {
        loop {
            let connection = &mut self.open(transport, url).await?.connection;
            let received = poll_fn(|cx| connection.poll_receive(cx)).await;
            let received = received
                .map_err(|reason| failed(Word::EOF, format!("the socket ended before it said {text:?}: {reason}")))?;
            if received.frame.bytes() == text.as_bytes() {
                self.note_heard(&received.frame);
                return Ok(());
            }
            self.heard.push_back(received);
        }
    }
}

fn failed(kind: Word, detail: String) -> ConnectError {
    ConnectError { stage: Word::AUTH, kind, detail, retry_after: None }
}

fn named(sign: &Sign) -> String {
    match sign {
        Sign::Welcome => "the welcome".to_owned(),
        Sign::Authenticated => "what lets a client in".to_owned(),
        Sign::Text(text) => format!("{text:?}"),
    }
}

/// The stages of the socket with that of what came `before` it; the upgrade lasts until `all` is over.
fn staged(mut stages: Stages, before: Duration, all: Duration) -> Stages {
    let known: Duration = stages.iter().map(|(_, took)| *took).sum();
    if let Some((_, upgrade)) = stages.iter_mut().find(|(stage, _)| *stage == Word::UPGRADE) {
        *upgrade += all.saturating_sub(before + known);
    }
    stages.push((Word::AUTH, before));
    stages
}
