//! Whoever can do something to the ground of a run: the bundled server, the fault proxy, commands. Each act goes to the one
//! it concerns.

use std::path::PathBuf;

use crate::commands::errand::Errands;
use crate::commands::exit::Failure;
use crate::commands::fault_proxy::FaultProxy;
use crate::commands::rig::Rig;
use crate::engine::{self, Act, Aftermath, Cuts, Victim};
use crate::proxy::{Hit, Order, Setup, Written};
use crate::scenario::plan::Plan;
use crate::scenario::{Cut, Scenario};

/// All of them, as far as they are there.
#[derive(Default)]
pub(super) struct Rigging {
    pub(super) server: Option<Rig>,
    pub(super) proxy: Option<FaultProxy>,
    pub(super) errands: Errands,
}

/// The fault proxy, if `scenario` asks for one; its log goes to `log`. Call it from the main thread.
pub(super) fn proxy(scenario: &Scenario, plan: &Plan, log: Option<PathBuf>) -> Result<Option<FaultProxy>, Failure> {
    let Some(proxy) = &scenario.proxy else { return Ok(None) };
    let share = plan.share(proxy.percent, proxy.clients, scenario.seed);
    let clients = (share.len() < plan.lives().len()).then(|| share.iter().map(|client| client.0).collect());
    let setup = Setup { seed: scenario.seed, impairment: proxy.impairment, clients, log };
    FaultProxy::start(&program()?, &setup).map(Some)
}

/// This program, to be started again.
pub(super) fn program() -> Result<PathBuf, Failure> {
    std::env::current_exe().map_err(|error| Failure::internal(format!("own path: {error}")))
}

impl engine::Rig for Rigging {
    fn act(&mut self, act: &Act) -> Result<Cuts, String> {
        match (act, &mut self.server) {
            (Act::Proxy(victims, hit), _) => self.order(victims, *hit),
            (Act::StartCommand(fault, argv), _) => self.errands.start(*fault, argv).map(|()| Cuts::new()),
            (Act::EndCommand(fault), _) => {
                self.errands.end(*fault);
                Ok(Cuts::new())
            }
            (act, Some(server)) => server.act(act),
            (Act::Disconnect(victims, how), None) => match how {
                Cut::Fin => self.order(victims, Hit::Fin),
                Cut::Rst => self.order(victims, Hit::Reset { after: 0 }),
                Cut::Blackhole => self.order(victims, Hit::HalfOpen),
                Cut::Close(_) => Err("a close frame comes from the server, and this one is not ours".to_owned()),
            },
            (_, None) => Err("this target was not started by wsbench".to_owned()),
        }
    }

    fn aftermath(&mut self) -> Vec<Aftermath> {
        let mut after = self.proxy.as_mut().map(FaultProxy::cuts).unwrap_or_default();
        after.extend(self.errands.aftermath());
        after
    }
}

impl Rigging {
    /// Ends everything; what became of the proxy's log, if there was a proxy, or why it had ended already.
    pub(super) fn stop(&mut self) -> Result<Option<Written>, String> {
        self.errands = Errands::default();
        let written = self.proxy.as_mut().map(FaultProxy::stop).transpose();
        if let Some(server) = &mut self.server {
            server.stop();
        }
        written
    }

    /// The proxy tells of its cuts when they have happened.
    fn order(&mut self, victims: &[Victim], hit: Hit) -> Result<Cuts, String> {
        let proxy = self.proxy.as_mut().ok_or("there is no fault proxy in this run")?;
        let clients = victims.iter().map(|victim| victim.client.0).collect();
        proxy.order(&Order { clients, hit }).map(|()| Cuts::new())
    }
}
