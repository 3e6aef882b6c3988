//! The log of what was done, for those who check a tester against it: one JSON object per deed, the last ones only.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard},
};

use serde::{Deserialize, Serialize, Serializer};
use serde_json::value::RawValue;

use crate::auth::User;

/// Deeds that are remembered.
const CAPACITY: usize = 131_072;
/// Bytes of a message's content that are told.
const PREFIX: usize = 96;

/// See the module.
#[derive(Debug)]
pub(crate) struct Truth {
    instance: Arc<str>,
    log: Mutex<Log>,
}

#[derive(Debug, Default)]
struct Log {
    deeds: VecDeque<Deed>,
    done: u64,
}

/// One thing that was done.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct Deed {
    pub(crate) what: &'static str,
    /// Microseconds of CLOCK_MONOTONIC.
    #[serde(rename = "at_us")]
    pub(crate) at: u64,
    /// Whose connection.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "name")]
    pub(crate) user: Option<Arc<User>>,
    /// Which message.
    #[serde(flatten, serialize_with = "said")]
    pub(crate) message: Option<Arc<Said>>,
    /// Behind which message it was sent.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "id")]
    pub(crate) behind: Option<Arc<Said>>,
    /// How long it took or lasted.
    #[serde(rename = "by_us", skip_serializing_if = "Option::is_none")]
    pub(crate) by: Option<u64>,
    /// In which way.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) how: Option<String>,
}

/// What a message was, as far as a tester needs it to know it again.
#[derive(Debug, Serialize)]
pub(crate) struct Said {
    room: Box<str>,
    id: Box<RawValue>,
    off: Option<u64>,
    from: Box<RawValue>,
    /// Begin of the text, if the content is a string, otherwise of its JSON.
    content: Box<str>,
    /// What draws depend on: the offset, or without history the id.
    #[serde(skip)]
    key: Box<str>,
}

#[derive(Deserialize)]
struct Frame<'a> {
    #[serde(borrow)]
    room: std::borrow::Cow<'a, str>,
    id: &'a RawValue,
    off: Option<u64>,
    from: &'a RawValue,
    content: &'a RawValue,
}

fn name<S: Serializer>(user: &Option<Arc<User>>, serializer: S) -> Result<S::Ok, S::Error> {
    let json = user.as_ref().map(|user| serde_json::from_str::<&RawValue>(&user.json));
    json.and_then(Result::ok).serialize(serializer)
}

fn said<S: Serializer>(message: &Option<Arc<Said>>, serializer: S) -> Result<S::Ok, S::Error> {
    message.as_deref().serialize(serializer)
}

fn id<S: Serializer>(message: &Option<Arc<Said>>, serializer: S) -> Result<S::Ok, S::Error> {
    message.as_ref().map(|message| &message.id).serialize(serializer)
}

impl Said {
    /// Reads a message's frame.
    pub(crate) fn parse(frame: &str) -> Option<Arc<Self>> {
        let Frame { room, id, off, from, content } = serde_json::from_str(frame).ok()?;
        let text: String = serde_json::from_str(content.get()).unwrap_or_else(|_| content.get().to_owned());
        let end = (0..=PREFIX.min(text.len())).rev().find(|&at| text.is_char_boundary(at)).unwrap_or(0);
        let key = off.map_or_else(|| id.get().to_owned(), |off| off.to_string());
        let (room, content, key) = (room.into(), text[..end].into(), key.into());
        Some(Arc::new(Self { room, id: id.to_owned(), off, from: from.to_owned(), content, key }))
    }

    /// What draws about it depend on.
    pub(crate) fn key(&self) -> &str {
        &self.key
    }

    /// Who said it, as JSON.
    pub(crate) fn from(&self) -> &str {
        self.from.get()
    }
}

impl Truth {
    pub(super) fn new(instance: Arc<str>) -> Self {
        Self { instance, log: Mutex::default() }
    }

    /// Remembers a deed; the oldest one is forgotten when there are too many.
    pub(crate) fn record(&self, deed: Deed) {
        let mut log = self.lock();
        if log.deeds.len() == CAPACITY {
            log.deeds.pop_front();
        }
        log.deeds.push_back(deed);
        log.done += 1;
    }

    /// How many deeds there have been.
    pub(crate) fn done(&self) -> u64 {
        self.lock().done
    }

    /// The deeds after number `after`, one JSON object per line; the first line says how many are forgotten, if any.
    pub(crate) fn page(&self, after: u64) -> String {
        #[derive(Serialize)]
        struct Line<'a> {
            seq: u64,
            instance: &'a str,
            #[serde(flatten)]
            deed: &'a Deed,
        }
        let (deeds, first) = {
            let log = self.lock();
            let first = log.done - log.deeds.len() as u64 + 1;
            let skip = (after + 1).saturating_sub(first) as usize;
            (log.deeds.iter().skip(skip).cloned().collect::<Vec<_>>(), first.max(after + 1))
        };
        let mut page = String::new();
        if first > after + 1 {
            page = format!("{{\"what\":\"forgotten\",\"count\":{}}}\n", first - after - 1);
        }
        for (seq, deed) in (first..).zip(&deeds) {
            let line = Line { seq, instance: &self.instance, deed };
            // Invariant: strings, numbers and JSON read before always serialise.
            page.push_str(&serde_json::to_string(&line).expect("a deed serialises"));
            page.push('\n');
        }
        page
    }

    fn lock(&self) -> MutexGuard<'_, Log> {
        // Invariant: nothing panics while this lock is held.
        self.log.lock().expect("truth lock is never poisoned")
    }
}

#[cfg(test)]
mod tests;
