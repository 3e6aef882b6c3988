//! Faults and incidents at the coordinator: carrying out the schedule, following who was cut, telling the workers.

use super::Coordinator;
use crate::engine::fault::{Aftermath, Schedule, Victim, describe, lasts, victims};
use crate::engine::incidents::{Boundary, ClientEvent, Incidents, Turn};
use crate::engine::link::ToWorker;
use crate::observe::{ClientId, Fact, Labels, Observation, Observe};
use crate::scenario::Fault;
use crate::time::{Timestamp, nanos};

impl Coordinator<'_> {
    /// Lays the planned faults out, now that the moment the measured phase begins is known.
    pub(super) fn expect_faults(&mut self, measured: Timestamp) {
        let scenario = &self.setup.scenario;
        let planned = scenario
            .faults
            .iter()
            .map(|fault| (fault.name.clone(), describe(scenario, fault), measured + fault.at, lasts(&fault.deed)));
        self.incidents = Incidents::declared(planned);
        let setup = &self.setup;
        let victims = |number: u16, fault: &Fault| {
            let clients = victims(&setup.plan, scenario, number, fault);
            clients.into_iter().map(|client| Victim { client, user: user(setup, client) }).collect()
        };
        self.schedule = Schedule::of(&scenario.faults, measured, victims);
    }

    /// Does what is due.
    pub(super) fn carry_out(&mut self) {
        while let Some((number, act)) = self.schedule.due(self.clock.now()) {
            match self.rig.act(&act) {
                Ok(cuts) => cuts.into_iter().for_each(|(client, at)| self.was_cut(client, at)),
                Err(why) => self.incidents.failed(number, why),
            }
        }
    }

    /// A run that is over leaves nothing stopped and nothing running.
    pub(super) fn make_amends(&mut self) {
        for act in self.schedule.amends() {
            // What cannot be woken is not there any more.
            self.rig.act(&act).ok();
        }
        self.hear_of_aftermath();
    }

    /// Takes in what has become of acts done earlier.
    fn hear_of_aftermath(&mut self) {
        for after in self.rig.aftermath() {
            match after {
                Aftermath::Cut(client, at) => self.was_cut(client, at),
                Aftermath::CommandEnded { fault, status, failure } => {
                    self.incidents.command_ended(fault, status);
                    failure.into_iter().for_each(|why| self.incidents.failed(fault, why));
                }
            }
        }
    }

    /// Takes in what happened to clients, and lets the workers know of stretches that begin.
    pub(super) async fn follow(&mut self, events: Vec<ClientEvent>) {
        // Before the losses: an instant must be known when its loss is.
        self.hear_of_aftermath();
        let clients = self.workers.iter().map(|known| known.asked).sum();
        let mut boundaries: Vec<Boundary> = Vec::new();
        for event in events {
            if let Turn::Lost(parting) = event.what {
                self.measure_detection(event);
                if !self.incidents.planned(event.at) {
                    self.closes.note(event.at, parting);
                }
            }
            boundaries.extend(self.incidents.note(event, clients));
        }
        if self.t0.is_some() {
            boundaries.extend(self.incidents.settle(self.clock.now()));
        }
        for (at, stretch) in boundaries {
            self.names.incidents = self.incidents.names();
            self.own.set_phase(Some(stretch));
            self.order(&ToWorker::Stretch(at, stretch)).await;
        }
    }

    fn was_cut(&mut self, client: ClientId, at: Timestamp) {
        self.cuts.insert(client, at);
        self.incidents.cut(client, at);
    }

    fn measure_detection(&mut self, event: ClientEvent) {
        if let Some(cut) = self.cuts.remove(&event.client) {
            let group = Some(self.setup.plan.life(event.client).group);
            let labels = Labels { group, phase: self.incidents.stretch_at(event.at), ..Labels::default() };
            self.own.observe(&Observation::new(Fact::Detect, labels, nanos(event.at - cut)));
        }
    }
}

fn user(setup: &crate::engine::Setup, client: ClientId) -> String {
    setup.scenario.users.user(setup.plan.life(client).user, None).0
}
