//! One worker's books: the walk of the plan, the ledger and the recorder. Owned by the worker, shared with nobody.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use rustc_hash::FxHashMap;
use serde::{Deserialize, Serialize};

use crate::dialect::{Delivery, Marking};
use crate::engine::Setup;
use crate::engine::incidents::ClientEvent;
use crate::engine::outcome::ErrorSample;
use crate::engine::raw::{RawLog, RawSink};
use crate::engine::stretches::Stretches;
use crate::engine::turns::TurnBooks;
use crate::engine::walk::{Share, Step, Walk};
use crate::ledger::{Arrival, Arrived, Ledger, Owed, Row, Rules, SeatId, Sent};
use crate::metrics::Recorder;
use crate::observe::{ClientId, GroupId, RoomId, Stretch, Topic, TransportKind};
use crate::scenario::plan::{Inquiry, Publication};
use crate::time::Timestamp;
use crate::wire::{InstanceTag, Marker, Markers};

mod correlation;
mod early;
mod notes;
mod pending;
mod requests;
mod seats;

use correlation::Correlation;
pub(in crate::engine) use correlation::Named;
use early::Early;
use pending::Pending;
pub(in crate::engine) use requests::{Account, Fate};

/// What a talker's worker tells the others about a publication.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::engine) struct SendReport {
    pub(in crate::engine) room: RoomId,
    pub(in crate::engine) index: u32,
    pub(in crate::engine) fate: SendFate,
}

/// What became of a publication at its talker.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::engine) enum SendFate {
    Sent(Sent),
    Refused,
    /// Its acknowledgement called it that, by a hash, where copies are recognised by that: who said it, where, and when
    /// that was known.
    Named {
        id: u64,
        publisher: ClientId,
        instance: InstanceTag,
        at: Timestamp,
    },
}

/// What the pacer has to do after the ledger has taken note of it.
#[derive(Debug)]
pub(in crate::engine) enum Action {
    Start(ClientId),
    Leave(ClientId),
    Say(Publication),
    Ask(Inquiry),
    /// A fault's own part that a worker does: its number.
    Afflict(u16),
}

/// What a delivery has to know of its receiver's connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::engine) struct Receiver {
    pub(in crate::engine) instance: InstanceTag,
    pub(in crate::engine) transport: TransportKind,
    /// When it last lost its connection.
    pub(in crate::engine) last_loss: Option<Timestamp>,
}

/// A copy as it came in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::engine) struct Heard {
    pub(in crate::engine) client: ClientId,
    pub(in crate::engine) at: Timestamp,
    /// Whether the server says it is a replay.
    pub(in crate::engine) replayed: bool,
    pub(in crate::engine) receiver: Receiver,
}

/// The books.
pub(in crate::engine) struct Books {
    pub(in crate::engine) ledger: Ledger,
    pub(in crate::engine) recorder: Recorder,
    pub(in crate::engine) walk: Walk,
    pub(in crate::engine) markers: Markers,
    pub(in crate::engine) actions: VecDeque<Action>,
    pub(in crate::engine) rows: Vec<Row>,
    pub(in crate::engine) reports: Vec<SendReport>,
    pub(in crate::engine) errors: Vec<ErrorSample>,
    pub(in crate::engine) unknown: Vec<String>,
    pub(in crate::engine) instances: BTreeMap<InstanceTag, (String, u64)>,
    /// Deliveries recognised in any phase.
    pub(in crate::engine) recognised: u64,
    pub(in crate::engine) stretches: Stretches,
    /// Losses and returns since the last tick.
    pub(in crate::engine) events: Vec<ClientEvent>,
    pub(in crate::engine) raw: Option<RawLog>,
    pub(in crate::engine) turns: Option<TurnBooks>,
    pending: Pending,
    early: Vec<Early>,
    /// Only where copies are recognised by the server's ids.
    correlation: Option<Correlation>,
    seats: FxHashMap<ClientId, Box<[(RoomId, SeatId)]>>,
    measured: std::ops::Range<Duration>,
    t0: Option<Timestamp>,
}

impl Books {
    /// The books of one worker of the run `setup` describes.
    pub(in crate::engine) fn new(setup: &Setup, share: Share) -> Self {
        let (times, faults) = (&setup.scenario.times, &setup.scenario.faults);
        let needs_name = setup.dialer.dialect.marking() == Marking::Correlate;
        let rules = Rules { settle: times.settle, race: crate::ledger::RACE, needs_name };
        Self {
            ledger: Ledger::new(setup.plan.rooms(), rules),
            recorder: Recorder::default(),
            walk: Walk::new(&setup.plan, share, faults.iter().map(|fault| times.warm_up + fault.at)),
            markers: Markers::new(setup.run),
            actions: VecDeque::new(),
            rows: Vec::new(),
            reports: Vec::new(),
            errors: Vec::new(),
            unknown: Vec::new(),
            instances: BTreeMap::new(),
            recognised: 0,
            stretches: Stretches::expecting(!faults.is_empty()),
            events: Vec::new(),
            raw: setup.raw.as_ref().map(RawSink::for_worker),
            turns: setup.turns.as_ref().map(|turns| TurnBooks::new(Arc::clone(&turns.spans))),
            pending: Pending::default(),
            early: Vec::new(),
            correlation: needs_name.then(Correlation::default),
            seats: FxHashMap::default(),
            measured: times.warm_up..times.warm_up + times.duration,
            t0: None,
        }
    }

    /// The moment the schedule counts from.
    pub(in crate::engine) fn t0(&self) -> Option<Timestamp> {
        self.t0
    }

    pub(in crate::engine) fn start_schedule(&mut self, t0: Timestamp) {
        self.t0 = Some(t0);
        if let Some(raw) = &mut self.raw {
            raw.axis(t0, t0 + self.measured.start, t0 + self.measured.end, self.ledger.rules());
        }
        self.judge_early();
    }

    /// Whether something due then belongs to the measured phase.
    pub(in crate::engine) fn measures(&self, due: Duration) -> bool {
        self.measured.contains(&due)
    }

    /// Takes note of everything the plan wanted by `now`, leaving this worker's own part in `actions`.
    pub(in crate::engine) fn catch_up(&mut self, now: Timestamp) {
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
                Step::Fault(number) => {
                    self.begin_stretch(t0 + at, Stretch::during(number));
                    self.actions.push_back(Action::Afflict(number));
                }
                Step::Publish(publication) => self.owe(publication, t0),
                Step::Ask(inquiry) if self.walk.owns(inquiry.client) => self.actions.push_back(Action::Ask(inquiry)),
                Step::Ask(_) => {}
            }
        }
    }

    fn owe(&mut self, publication: Publication, t0: Timestamp) {
        let (room, publish, publisher) = (publication.room, publication.publish, publication.publisher);
        let measured = self.measures(publication.due);
        let due = t0 + publication.due;
        let topic = Topic { publish, phase: self.stretches.at(due) };
        let echo = self.walk.plan().echoes(publish);
        self.ledger.owe(&Owed { room, due, topic, publisher, measured, echo });
        if self.walk.owns(publisher) {
            self.actions.push_back(Action::Say(publication));
        }
    }

    /// From `at` on `stretch` lasts.
    pub(in crate::engine) fn begin_stretch(&mut self, at: Timestamp, stretch: Stretch) {
        self.stretches.begin(at, stretch);
        let newest = self.stretches.newest();
        self.recorder.set_phase(newest);
    }

    /// The fate of one of this worker's publications: for its own ledger at once, for the others' with the next tick.
    pub(in crate::engine) fn report(&mut self, report: SendReport) {
        let exceptional = match report.fate {
            SendFate::Refused => Some("refused"),
            SendFate::Sent(Sent::Uncertain(_)) => Some("uncertain"),
            SendFate::Named { .. } => Some("named"),
            SendFate::Sent(_) => None,
        };
        if let (Some(raw), Some(fate)) = (&mut self.raw, exceptional) {
            raw.fate(report.room, report.index, fate);
        }
        self.reports.push(report);
        self.apply(&report);
    }

    /// The fate of a publication, this worker's or another's.
    pub(in crate::engine) fn apply(&mut self, report: &SendReport) {
        match report.fate {
            SendFate::Sent(sent) => self.ledger.sent(report.room, report.index, sent, &mut self.recorder),
            SendFate::Refused => self.ledger.refused(report.room, report.index),
            SendFate::Named { id, publisher, instance, at } => {
                self.called(Named { room: report.room, index: report.index, publisher, instance }, id, at);
            }
        }
    }

    /// A copy came in at a client, whose seat in a room `seat_in` tells. Gives whether it is one of ours.
    pub(in crate::engine) fn deliver(
        &mut self,
        client: ClientId,
        group: GroupId,
        seat_in: impl FnOnce(RoomId) -> Option<SeatId>,
        delivery: &Delivery<'_>,
        at: Timestamp,
        receiver: &Receiver,
    ) -> bool {
        let copy = Heard { client, at, replayed: delivery.replayed, receiver: *receiver };
        let Some(marker) = self.markers.find(delivery.body) else { return self.correlate(delivery.body, copy, group) };
        let seat = seat_in(RoomId(marker.room));
        if !self.ledger.knows(&marker) {
            self.catch_up(at);
            if self.keep_early(&marker, &copy, group) {
                return true;
            }
        }
        if let (Arrived::Delivered { .. }, Some(stamps)) = (self.arrived(seat, &marker, &copy, group), &delivery.stamps)
        {
            self.hop(stamps, at);
        }
        true
    }

    /// A copy of what `marker` names; `seat` is its receiver's in that room.
    #[inline]
    fn arrived(&mut self, seat: Option<SeatId>, marker: &Marker, copy: &Heard, group: GroupId) -> Arrived {
        let Heard { client, at, replayed, receiver } = *copy;
        self.recognised += 1;
        let to = receiver.transport;
        let from = self.walk.plan().transport(ClientId(marker.publisher));
        let bystander = self.stretches.is_bystander(receiver.last_loss, at);
        let (instance, marker) = (receiver.instance, *marker);
        let arrival = Arrival { marker, at, replayed, instance, from, bystander, group, to };
        let arrived = self.ledger.arrived(seat, &arrival, &mut self.recorder);
        if let Some(raw) = &mut self.raw {
            raw.arrival(client, &marker, at, replayed);
        }
        if let (Arrived::Delivered { latency }, Some(turns), Some(t0), false) =
            (arrived, &mut self.turns, self.t0, replayed)
        {
            turns.delivered((at - t0).saturating_sub(Duration::from_nanos(latency)), latency);
        }
        arrived
    }
}

/// `at` counted from `zero`, in nanoseconds.
pub(in crate::engine) fn signed(at: Timestamp, zero: Timestamp) -> i64 {
    i64::try_from(i128::from(at.nanos()) - i128::from(zero.nanos())).unwrap_or(i64::MAX)
}
