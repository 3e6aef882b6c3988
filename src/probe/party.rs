//! One of the two conversations: what has been heard on it so far, and how both are driven at once.

use std::future::poll_fn;
use std::task::Poll;
use std::time::Duration;

use crate::dialect::told;
use crate::session::{Ended, Happening, Session};
use crate::time::Timestamp;
use crate::wire::{Frame, MARKER_PREFIX, Marker, Markers};

/// Frames that mean nothing, of which the first are shown.
const KEPT: usize = 3;

/// Ids of deliveries that are kept: others may speak in the same room.
const IDS: usize = 256;

/// A conversation and what was heard on it.
pub(super) struct Party {
    pub(super) session: Session,
    markers: Markers,
    awaited: Marker,
    pub(super) ended: Option<Ended>,
    pub(super) refused_join: Option<String>,
    /// The room that an acknowledgement of a join named, where it is not the one that is entered.
    elsewhere: Option<String>,
    /// When the awaited copy came.
    pub(super) copy: Option<Timestamp>,
    pub(super) acked: Option<Duration>,
    /// The server's code, and whether it may still be delivered.
    pub(super) refused: Option<(String, bool)>,
    /// A delivery came in which only the begin of a marker is.
    pub(super) altered: bool,
    /// The marker came in a frame that is no delivery.
    pub(super) mistaken: bool,
    unknown: Vec<String>,
    /// What the server's acknowledgement calls the message, where copies are recognised by that.
    pub(super) called: Option<String>,
    /// Ids of deliveries without a marker, and when they came.
    pub(super) ids: Vec<(String, Timestamp)>,
    /// The acknowledgement of the message, and the first delivery that holds nothing of a marker.
    pub(super) acknowledgement: Option<Frame>,
    pub(super) unmarked: Option<Frame>,
    /// What is being read.
    reading: Option<Frame>,
}

impl Party {
    /// Nothing heard yet; the copy of `awaited`, written by `markers`, is waited for.
    pub(super) fn new(session: Session, (markers, awaited): (Markers, Marker)) -> Self {
        Self {
            session,
            markers,
            awaited,
            ended: None,
            refused_join: None,
            elsewhere: None,
            copy: None,
            acked: None,
            refused: None,
            altered: false,
            mistaken: false,
            unknown: Vec::new(),
            called: None,
            ids: Vec::new(),
            acknowledgement: None,
            unmarked: None,
            reading: None,
        }
    }

    /// When the copy of what `talker` said came, by its marker or by the id that the server gave it.
    pub(super) fn copy_of(&self, talker: &Self) -> Option<Timestamp> {
        let named = || self.ids.iter().find(|(id, _)| Some(id) == talker.called.as_ref()).map(|(_, at)| *at);
        self.copy.or_else(named)
    }

    /// Nothing more will come of it.
    pub(super) fn is_over(&self) -> bool {
        self.ended.is_some() || self.refused.is_some()
    }

    /// What came that means nothing to the dialect, for the end of a sentence.
    pub(super) fn instead(&self) -> String {
        let elsewhere = self.elsewhere.as_ref().map_or(String::new(), |room| {
            format!("; an answer came that names another room, as the dialect reads it: {room}")
        });
        if self.unknown.is_empty() {
            return elsewhere;
        }
        format!("{elsewhere}; what came means nothing to the dialect: {}", self.unknown.join(" | "))
    }

    fn poll(&mut self, cx: &mut std::task::Context<'_>) {
        let Self { session, markers, awaited, refused_join, elsewhere, copy, acked, refused, .. } = self;
        let (altered, mistaken, unknown) = (&mut self.altered, &mut self.mistaken, &mut self.unknown);
        let (called, ids, reading) = (&mut self.called, &mut self.ids, &mut self.reading);
        let (acknowledgement, unmarked) = (&mut self.acknowledgement, &mut self.unmarked);
        let holds = |bytes: &[u8]| memchr::memmem::find(bytes, MARKER_PREFIX).is_some();
        let ended = session.poll(cx, usize::MAX, &mut |happening| match happening {
            Happening::JoinRefused(_, code) => *refused_join = Some(code.escape_debug().to_string()),
            Happening::JoinedElsewhere(room) => *elsewhere = Some(room.escape_debug().to_string()),
            Happening::Delivery(delivery, at) => match markers.find(delivery.body) {
                Some(marker) if marker == *awaited => {
                    copy.get_or_insert(at);
                }
                Some(_) => {}
                None if holds(delivery.body) => *altered = true,
                None => {
                    if ids.len() < IDS {
                        ids.push((String::from_utf8_lossy(delivery.body).into_owned(), at));
                    }
                    unmarked.get_or_insert_with(|| reading.clone().unwrap_or(Frame::text("")));
                }
            },
            Happening::Acked(_, took) => {
                *acked = Some(took);
                acknowledgement.clone_from(reading);
            }
            Happening::Named(_, id) => *called = Some(id.to_owned()),
            Happening::Refused(_, code, unconfirmed) => {
                *refused = Some((code.escape_debug().to_string(), unconfirmed));
            }
            Happening::Unknown(frame) => {
                *mistaken |= holds(frame.bytes());
                if unknown.len() < KEPT {
                    unknown.push(told(frame));
                }
            }
            Happening::Read(received) => *reading = Some(received.frame.clone()),
            Happening::Ready
            | Happening::Stage(..)
            | Happening::Instance(..)
            | Happening::Joined(_)
            | Happening::Written(..)
            | Happening::Answered(..)
            | Happening::Declined(..)
            | Happening::Frame(_) => {}
        });
        if let Poll::Ready(ended) = ended {
            self.ended = Some(ended);
        }
    }
}

/// Lets all talk until there is `enough`, everybody's conversation is over, or this has taken too long.
pub(super) async fn drive(parties: &mut [Party], patience: Duration, enough: impl Fn(&[Party]) -> bool) {
    let talking = poll_fn(|cx| {
        for party in parties.iter_mut().filter(|party| party.ended.is_none()) {
            party.poll(cx);
        }
        let over = enough(parties) || parties.iter().all(|party| party.ended.is_some());
        if over { Poll::Ready(()) } else { Poll::Pending }
    });
    // Whoever asked looks at what there is by then.
    let (Ok(()) | Err(_)) = tokio::time::timeout(patience, talking).await;
}
