//! Small entries: facts about clients and publications, stages, frames, failures.

use std::time::Duration;

use super::{Books, signed};
use crate::engine::outcome::ErrorSample;
use crate::observe::{Fact, GroupId, Labels, Observation, Observe, Topic, Word};
use crate::time::{Timestamp, nanos};
use crate::wire::InstanceTag;

/// How many different failures, and how many unknown frames, are kept as examples.
const EXAMPLES: usize = 32;
const UNKNOWN_FRAMES: usize = 3;

impl Books {
    /// Counts a fact about a client of `group`.
    pub(in crate::engine) fn count(&mut self, fact: Fact, group: GroupId) {
        self.measure(fact, group, 1);
    }

    /// Records a fact about a client of `group`.
    pub(in crate::engine) fn measure(&mut self, fact: Fact, group: GroupId, value: u64) {
        let labels = Labels { group: Some(group), ..Labels::default() };
        self.recorder.observe(&Observation::new(fact, labels, value));
    }

    /// Records a fact about a client of `group` that lost its connection at `lost`: it belongs to that moment's stretch.
    pub(in crate::engine) fn since(&mut self, lost: Timestamp, fact: Fact, group: GroupId, value: u64) {
        let labels = Labels { group: Some(group), phase: self.stretches.at(lost), ..Labels::default() };
        self.recorder.observe(&Observation::new(fact, labels, value));
    }

    /// Records how long a stage of connecting took.
    pub(in crate::engine) fn stage(&mut self, stage: Word, group: GroupId, took: Duration) {
        let labels = Labels { stage: Some(stage), group: Some(group), ..Labels::default() };
        self.recorder.observe(&Observation::new(Fact::Connect, labels, nanos(took)));
    }

    /// Records a fact about a publication.
    pub(in crate::engine) fn said(
        &mut self,
        fact: Fact,
        topic: Topic,
        group: GroupId,
        detail: Option<Word>,
        value: u64,
    ) {
        let (publish, phase) = (Some(topic.publish), topic.phase);
        let labels = Labels { publish, group: Some(group), detail, phase, ..Labels::default() };
        self.recorder.observe(&Observation::new(fact, labels, value));
    }

    /// Counts a frame that is not one of ours.
    pub(in crate::engine) fn frame(&mut self, kind: Word) {
        let labels = Labels { detail: Some(kind), ..Labels::default() };
        self.recorder.observe(&Observation::new(Fact::FrameReceived, labels, 1));
    }

    /// Counts a failure and keeps the first of its kind; `detail` is only made then.
    pub(in crate::engine) fn fail(
        &mut self,
        stage: Word,
        kind: Word,
        at: Timestamp,
        client: impl FnOnce() -> String,
        detail: impl FnOnce() -> String,
    ) {
        let labels = Labels { stage: Some(stage), detail: Some(kind), ..Labels::default() };
        self.recorder.observe(&Observation::new(Fact::Error, labels, 1));
        let known = self.errors.iter().any(|sample| (sample.stage, sample.kind) == (stage, kind));
        if !known && self.errors.len() < EXAMPLES {
            let at_ns = self.t0.map_or(-1, |t0| signed(at, t0 + self.measured.start));
            self.errors.push(ErrorSample { stage, kind, detail: detail(), at_ns, client: client() });
        }
    }

    /// A connection ended without being asked to.
    pub(in crate::engine) fn lost_connection(&mut self, group: GroupId, kind: Word) {
        let labels = Labels { group: Some(group), detail: Some(kind), ..Labels::default() };
        self.recorder.observe(&Observation::new(Fact::ConnectionLost, labels, 1));
    }

    /// Keeps the first few frames that mean nothing to the dialect.
    pub(in crate::engine) fn unknown(&mut self, frame: &[u8]) {
        self.frame(Word::UNKNOWN);
        if self.unknown.len() < UNKNOWN_FRAMES {
            let shown = String::from_utf8_lossy(&frame[..frame.len().min(200)]).escape_debug().to_string();
            self.unknown.push(shown);
        }
    }

    /// One more, or one less, client in all its rooms on an instance.
    pub(in crate::engine) fn on_instance(&mut self, instance: InstanceTag, joins: bool) {
        let entry = self.instances.entry(instance).or_insert_with(|| (String::new(), 0));
        entry.1 = if joins { entry.1 + 1 } else { entry.1.saturating_sub(1) };
    }

    /// The server told an instance's name.
    pub(in crate::engine) fn name_instance(&mut self, instance: InstanceTag, name: &str) {
        let entry = self.instances.entry(instance).or_insert_with(|| (String::new(), 0));
        if entry.0.is_empty() {
            name.clone_into(&mut entry.0);
        }
    }
}
