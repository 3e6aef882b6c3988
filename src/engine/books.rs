//! One worker's books: the walk of the plan, the ledger and the recorder. Owned by the worker, shared with nobody.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use rustc_hash::FxHashMap;

use super::outcome::ErrorSample;
use super::raw::RawLog;
use super::walk::{Share, Step, Walk};
use crate::dialect::Delivery;
use crate::ledger::{Arrival, Arrived, Ledger, Owed, Row, Rules, SeatId, Sent};
use crate::metrics::{HOP_STAGES, Recorder};
use crate::observe::{ClientId, Fact, GroupId, Labels, Observation, Observe, PublishId, RoomId, TransportKind, Word};
use crate::scenario::Times;
use crate::scenario::plan::{Life, Plan, Publication};
use crate::time::{Timestamp, nanos};
use crate::wire::{InstanceTag, Markers};

/// What a talker's worker tells the others about a publication.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct SendReport {
    pub(super) room: RoomId,
    pub(super) index: u32,
    pub(super) fate: SendFate,
}

/// What became of a publication at its talker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SendFate {
    Sent(Sent),
    Refused,
}

/// What the pacer has to do after the ledger has taken note of it.
#[derive(Debug)]
pub(super) enum Action {
    Start(ClientId),
    Leave(ClientId),
    Say(Publication),
}

/// How many different failures, and how many unknown frames, are kept as examples.
const EXAMPLES: usize = 32;
const UNKNOWN_FRAMES: usize = 3;

/// The books.
pub(super) struct Books {
    pub(super) ledger: Ledger,
    pub(super) recorder: Recorder,
    pub(super) walk: Walk,
    pub(super) markers: Markers,
    pub(super) actions: VecDeque<Action>,
    pub(super) rows: Vec<Row>,
    pub(super) reports: Vec<SendReport>,
    pub(super) errors: Vec<ErrorSample>,
    pub(super) unknown: Vec<String>,
    pub(super) instances: BTreeMap<InstanceTag, (String, u64)>,
    /// Deliveries recognised in any phase.
    pub(super) recognised: u64,
    pub(super) raw: Option<RawLog>,
    seats: FxHashMap<ClientId, Box<[(RoomId, SeatId)]>>,
    transport: TransportKind,
    measured: std::ops::Range<Duration>,
    t0: Option<Timestamp>,
}

impl Books {
    pub(super) fn new(
        plan: &Plan,
        share: Share,
        times: &Times,
        rooms: usize,
        echo: bool,
        transport: TransportKind,
        markers: Markers,
    ) -> Self {
        let rules = Rules { settle: times.settle, race: crate::ledger::RACE, sender_hears_itself: echo };
        Self {
            ledger: Ledger::new(rooms, rules),
            recorder: Recorder::default(),
            walk: Walk::new(plan, share),
            markers,
            actions: VecDeque::new(),
            rows: Vec::new(),
            reports: Vec::new(),
            errors: Vec::new(),
            unknown: Vec::new(),
            instances: BTreeMap::new(),
            recognised: 0,
            raw: None,
            seats: FxHashMap::default(),
            transport,
            measured: times.warm_up..times.warm_up + times.duration,
            t0: None,
        }
    }

    /// The moment the schedule counts from.
    pub(super) fn t0(&self) -> Option<Timestamp> {
        self.t0
    }

    pub(super) fn start_schedule(&mut self, t0: Timestamp) {
        self.t0 = Some(t0);
        if let Some(raw) = &mut self.raw {
            raw.axis(t0, t0 + self.measured.start, t0 + self.measured.end, self.ledger.rules());
        }
    }

    /// Whether something due then belongs to the measured phase.
    pub(super) fn measures(&self, due: Duration) -> bool {
        self.measured.contains(&due)
    }

    /// A client of this worker takes its planned seats.
    pub(super) fn enter(&mut self, life: &Life) {
        let ledger = &mut self.ledger;
        let seat = |room: &RoomId| (*room, ledger.enter(life.client, life.group, self.transport, *room));
        self.seats.insert(life.client, life.rooms.iter().map(seat).collect());
        if let Some(raw) = &mut self.raw {
            let (from, until) = (life.start.after_t0(), life.leave);
            life.rooms.iter().for_each(|room| raw.member(life.client, *room, from, until));
        }
    }

    /// The seats of a client of this worker.
    pub(super) fn seats(&self, client: ClientId) -> &[(RoomId, SeatId)] {
        self.seats.get(&client).map_or(&[], |seats| seats)
    }

    /// The client is gone for good.
    pub(super) fn vacate(&mut self, client: ClientId) {
        self.seats.remove(&client);
    }

    /// Takes note of everything the plan wanted by `now`, leaving this worker's own part in `actions`.
    pub(super) fn catch_up(&mut self, now: Timestamp) {
        let Some(t0) = self.t0 else { return };
        while let Some((at, step)) = self.walk.due(now - t0) {
            match step {
                Step::Enter(client) if self.walk.owns(client) => {
                    let plan = self.walk.plan().clone();
                    self.enter(plan.life(client));
                    self.actions.push_back(Action::Start(client));
                }
                Step::Leave(client) if self.walk.owns(client) => {
                    for (_, seat) in self.seats.get(&client).map_or(&[][..], |seats| seats) {
                        self.ledger.exit(*seat, t0 + at);
                    }
                    self.actions.push_back(Action::Leave(client));
                }
                Step::Enter(_) | Step::Leave(_) => {}
                Step::Publish(publication) => self.owe(publication, t0),
            }
        }
    }

    fn owe(&mut self, publication: Publication, t0: Timestamp) {
        let (room, publish, publisher) = (publication.room, publication.publish, publication.publisher);
        let measured = self.measures(publication.due);
        self.ledger.owe(&Owed { room, due: t0 + publication.due, publish, publisher, measured });
        if self.walk.owns(publisher) {
            self.actions.push_back(Action::Say(publication));
        }
    }

    /// The fate of one of this worker's publications: for its own ledger at once, for the others' with the next tick.
    pub(super) fn report(&mut self, report: SendReport) {
        let exceptional = match report.fate {
            SendFate::Refused => Some("refused"),
            SendFate::Sent(Sent::Uncertain(_)) => Some("uncertain"),
            SendFate::Sent(_) => None,
        };
        if let (Some(raw), Some(fate)) = (&mut self.raw, exceptional) {
            raw.fate(report.room, report.index, fate);
        }
        self.reports.push(report);
        self.apply(&report);
    }

    /// The fate of a publication, this worker's or another's.
    pub(super) fn apply(&mut self, report: &SendReport) {
        match report.fate {
            SendFate::Sent(sent) => self.ledger.sent(report.room, report.index, sent, &mut self.recorder),
            SendFate::Refused => self.ledger.refused(report.room, report.index),
        }
    }

    /// A copy came in at a client. Gives its room if it is one of ours.
    pub(super) fn deliver(
        &mut self,
        client: ClientId,
        group: GroupId,
        seats: &[(RoomId, SeatId)],
        delivery: &Delivery<'_>,
        at: Timestamp,
        instance: InstanceTag,
    ) -> Option<RoomId> {
        let marker = self.markers.find(delivery.body)?;
        self.recognised += 1;
        if !self.ledger.knows(&marker) {
            self.catch_up(at);
        }
        let room = RoomId(marker.room);
        let seat = seats.iter().find(|(of, _)| *of == room).map(|(_, seat)| *seat);
        let (from, to, replayed) = (self.transport, self.transport, delivery.replayed);
        let arrival = Arrival { marker, at, replayed, instance, from, group, to };
        let arrived = self.ledger.arrived(seat, &arrival, &mut self.recorder);
        if let Some(raw) = &mut self.raw {
            raw.arrival(client, &marker, at, replayed);
        }
        if let (Arrived::Delivered { .. }, Some(stamps)) = (arrived, &delivery.stamps)
            && let Some(stages) = crate::session::hop_stages(stamps, at)
        {
            for (stage, took) in HOP_STAGES.into_iter().zip(stages) {
                let labels = Labels { stage: Some(stage), ..Labels::default() };
                self.recorder.observe(&Observation::new(Fact::HopStage, labels, nanos(took)));
            }
        }
        Some(room)
    }

    /// The server acknowledged a join, or the protocol needs no acknowledgement.
    pub(super) fn joined(&mut self, client: ClientId, (room, seat): (RoomId, SeatId), at: Timestamp) {
        self.ledger.joined(seat, at);
        if let Some(raw) = &mut self.raw {
            raw.joined(client, room, at);
        }
    }

    /// Counts a fact about a client of `group`.
    pub(super) fn count(&mut self, fact: Fact, group: GroupId) {
        self.measure(fact, group, 1);
    }

    /// Records a fact about a client of `group`.
    pub(super) fn measure(&mut self, fact: Fact, group: GroupId, value: u64) {
        let labels = Labels { group: Some(group), ..Labels::default() };
        self.recorder.observe(&Observation::new(fact, labels, value));
    }

    /// Records how long a stage of connecting took.
    pub(super) fn stage(&mut self, stage: Word, group: GroupId, took: Duration) {
        let labels = Labels { stage: Some(stage), group: Some(group), ..Labels::default() };
        self.recorder.observe(&Observation::new(Fact::Connect, labels, nanos(took)));
    }

    /// Records a fact about a publication.
    pub(super) fn said(&mut self, fact: Fact, publish: PublishId, group: GroupId, detail: Option<Word>, value: u64) {
        let labels = Labels { publish: Some(publish), group: Some(group), detail, ..Labels::default() };
        self.recorder.observe(&Observation::new(fact, labels, value));
    }

    /// Counts a frame that is not one of ours.
    pub(super) fn frame(&mut self, kind: Word) {
        let labels = Labels { detail: Some(kind), ..Labels::default() };
        self.recorder.observe(&Observation::new(Fact::FrameReceived, labels, 1));
    }

    /// Counts a failure and keeps the first of its kind; `detail` is only made then.
    pub(super) fn fail(
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
    pub(super) fn lost_connection(&mut self, group: GroupId, kind: Word) {
        let labels = Labels { group: Some(group), detail: Some(kind), ..Labels::default() };
        self.recorder.observe(&Observation::new(Fact::ConnectionLost, labels, 1));
    }

    /// Bytes a connection carried, read and written.
    pub(super) fn bytes(&mut self, read: u64, written: u64) {
        self.recorder.observe(&Observation::new(Fact::BytesReceived, Labels::default(), read));
        self.recorder.observe(&Observation::new(Fact::BytesSent, Labels::default(), written));
    }

    /// Keeps the first few frames that mean nothing to the dialect.
    pub(super) fn unknown(&mut self, frame: &[u8]) {
        self.frame(Word::UNKNOWN);
        if self.unknown.len() < UNKNOWN_FRAMES {
            let shown = String::from_utf8_lossy(&frame[..frame.len().min(200)]).escape_debug().to_string();
            self.unknown.push(shown);
        }
    }

    /// One more, or one less, client in all its rooms on an instance.
    pub(super) fn on_instance(&mut self, instance: InstanceTag, joins: bool) {
        let entry = self.instances.entry(instance).or_insert_with(|| (String::new(), 0));
        entry.1 = if joins { entry.1 + 1 } else { entry.1.saturating_sub(1) };
    }

    /// The server told an instance's name.
    pub(super) fn name_instance(&mut self, instance: InstanceTag, name: &str) {
        let entry = self.instances.entry(instance).or_insert_with(|| (String::new(), 0));
        if entry.0.is_empty() {
            name.clone_into(&mut entry.0);
        }
    }
}

/// `at` counted from `zero`, in nanoseconds.
pub(super) fn signed(at: Timestamp, zero: Timestamp) -> i64 {
    i64::try_from(i128::from(at.nanos()) - i128::from(zero.nanos())).unwrap_or(i64::MAX)
}
