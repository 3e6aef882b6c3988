//! Faults and incidents at the coordinator: carrying out the schedule, following who was cut, telling the workers.

use rustc_hash::FxHashMap;

use super::Coordinator;
use crate::engine::fault::{Schedule, describe, lasts, victims};
use crate::engine::incidents::{Boundary, ClientEvent, Incidents, Turn};
use crate::engine::link::ToWorker;
use crate::observe::{ClientId, Fact, Labels, Observation, Observe};
use crate::scenario::{Deed, Fault};
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
        let users = |number: u16, fault: &Fault| {
            let clients = victims_of(setup, number, fault);
            clients.into_iter().map(|client| user(setup, client)).collect()
        };
        self.schedule = Schedule::of(&scenario.faults, measured, users);
    }

    /// Does what is due.
    pub(super) async fn carry_out(&mut self) {
        while let Some((number, act)) = self.schedule.due(self.clock.now()) {
            match self.rig.act(&act) {
                Ok(cuts) if cuts.is_empty() => {}
                Ok(cuts) => {
                    let fault = &self.setup.scenario.faults[usize::from(number)];
                    let clients = victims_of(&self.setup, number, fault);
                    let by_user: FxHashMap<String, ClientId> =
                        clients.into_iter().map(|client| (user(&self.setup, client), client)).collect();
                    let known = cuts.into_iter().filter_map(|(user, at)| Some((*by_user.get(&user)?, at)));
                    self.cuts.extend(known);
                }
                Err(why) => self.incidents.failed(number, why),
            }
        }
    }

    /// A run that ends before its time leaves nothing stopped.
    pub(super) fn make_amends(&mut self) {
        for act in self.schedule.amends() {
            // What cannot be woken is not there any more.
            self.rig.act(&act).ok();
        }
    }

    /// Takes in what happened to clients, and lets the workers know of stretches that begin.
    pub(super) async fn follow(&mut self, events: Vec<ClientEvent>) {
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

    fn measure_detection(&mut self, event: ClientEvent) {
        if let Some(cut) = self.cuts.remove(&event.client) {
            let group = Some(self.setup.plan.life(event.client).group);
            let labels = Labels { group, ..Labels::default() };
            self.own.observe(&Observation::new(Fact::Detect, labels, nanos(event.at - cut)));
        }
    }
}

fn victims_of(setup: &crate::engine::Setup, number: u16, fault: &Fault) -> Vec<ClientId> {
    let at = setup.scenario.times.warm_up + fault.at;
    match fault.deed {
        Deed::Disconnect { clients, percent, .. } => {
            victims(&setup.plan, setup.scenario.seed, number, clients, percent, at)
        }
        _ => Vec::new(),
    }
}

fn user(setup: &crate::engine::Setup, client: ClientId) -> String {
    setup.scenario.users.user(setup.plan.life(client).user, None).0
}
