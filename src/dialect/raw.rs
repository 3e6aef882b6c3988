//! No protocol at all: a text is a frame, a frame is a text. For servers whose language nobody has put into words yet.
//!
//! There is nothing to join and nothing is acknowledged: whoever is connected is taken to hear everything, itself included.

use std::sync::Arc;

use super::credentials::{show_token, show_token_over_http};
use super::{
    AuthStyle, Delivery, Dialect, DialectEntry, DialectError, Event, Habits, Identity, Intent, Parameters, Position,
};
use crate::observe::TransportKind;
use crate::wire::{Frame, Opening};

pub(super) const ENTRY: DialectEntry =
    DialectEntry { name: "raw", help: "no protocol: a text is a frame", keys: &[], file: None, signs: None, make };

fn make(parameters: &Parameters) -> Result<Arc<dyn Dialect>, DialectError> {
    match parameters.keys().next() {
        None => Ok(Arc::new(Raw)),
        Some(key) => {
            let problem = "the dialect \"raw\" takes no parameters".to_owned();
            Err(DialectError::Parameter { key: key.clone(), problem })
        }
    }
}

/// It has no state.
#[derive(Debug)]
struct Raw;

impl Dialect for Raw {
    fn name(&self) -> &'static str {
        "raw"
    }

    fn habits(&self) -> Habits {
        Habits {
            sender_hears_itself: true,
            acknowledges_joins: false,
            tells_joins: false,
            acknowledges_messages: false,
            acknowledges_auth: false,
            welcomes: false,
            answers_welcome: false,
            heartbeat: None,
        }
    }

    fn opening(&self, identity: &Identity) -> Opening {
        let mut opening = Opening::default();
        show_token(identity, &mut opening);
        opening
    }

    fn speaks(&self, kind: TransportKind) -> bool {
        kind != TransportKind::LongPoll
    }

    fn stream(&self, identity: &Identity, _room: Option<&str>, _position: Option<&Position>) -> Option<Opening> {
        let mut opening = Opening::default();
        show_token_over_http(identity, &mut opening);
        Some(opening)
    }

    fn encode(&self, intent: &Intent<'_>) -> Option<Frame> {
        match *intent {
            Intent::Publish { text, .. } => Some(Frame::text(text.to_owned())),
            // The first message is the token itself: whoever wants it wrapped says it by hand.
            Intent::Auth { identity: Identity { auth: AuthStyle::FirstMessage, token: Some(token), .. } } => {
                Some(Frame::text(token.clone()))
            }
            _ => None,
        }
    }

    fn decode(&self, frame: &Frame, emit: &mut dyn FnMut(Event<'_>)) {
        match frame {
            Frame::Text(_) | Frame::Binary(_) => {
                let body = frame.bytes();
                emit(Event::Delivery(Delivery { body, stamps: None, offset: None, replayed: false }));
            }
            Frame::Beside(_) | Frame::Call(_) | Frame::Answer(_) => emit(Event::Unknown),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dialect::find;

    #[test]
    fn a_text_is_a_frame_and_a_frame_a_delivery() {
        let raw = find("raw", &Parameters::new()).unwrap();
        let said = raw.encode(&Intent::Publish { room: "any", text: "{\"a\":1}", reference: 1 });
        assert_eq!(said, Some(Frame::text("{\"a\":1}")));
        assert_eq!(raw.encode(&Intent::Join { room: "any", position: None, reference: 1 }), None);
        let frame = Frame::Binary(bytes::Bytes::from_static(&[0, 255]));
        let mut heard = Vec::new();
        raw.decode(&frame, &mut |event| {
            if let Event::Delivery(delivery) = event {
                heard.push(delivery.body.to_vec());
            }
        });
        assert_eq!(heard, [vec![0, 255]]);
    }

    #[test]
    fn it_takes_no_parameters() {
        let with = [("join".to_owned(), serde_json::Value::from("x"))].into_iter().collect();
        let refused = find("raw", &with).err().map(|error| error.to_string());
        assert_eq!(refused.as_deref(), Some("parameter \"join\": the dialect \"raw\" takes no parameters"));
    }
}
