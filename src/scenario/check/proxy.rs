//! The fault proxy: what `[proxy]` says, what befalls connections at it, and whether there has to be one.

use std::time::Duration;

use super::{Check, Checked};
use crate::observe::{GroupId, TransportKind};
use crate::proxy::{Direction, Hit, Impairment};
use crate::scenario::file::{self, DirectionWord, Pace, ProxyFault, ProxyWord, Slice, Time};
use crate::scenario::{Deed, Fault, Group, Proxy, Target};
use crate::units::print_duration;

/// How bytes are treated, as both tables write it.
struct Treatment {
    delay: Option<Time>,
    jitter: Option<Time>,
    bandwidth: Option<Pace>,
    slice: Option<Slice>,
    direction: Option<DirectionWord>,
}

impl Check<'_> {
    /// The proxy, if there is to be one: because it is asked for, or because a fault needs it.
    pub(super) fn proxy_of(
        &self,
        written: Option<&file::Proxy>,
        target: &Target,
        groups: &[Group],
        faults: &[Fault],
    ) -> Checked<Option<Proxy>> {
        for (at, fault) in faults.iter().enumerate().filter(|(_, fault)| needs_proxy(&fault.deed, target)) {
            if let Deed::Proxy { clients, .. } | Deed::Disconnect { clients, .. } = fault.deed {
                self.passes(&format!("fault.{at}"), &groups[usize::from(clients.0)])?;
            }
        }
        let Some(written) = written else {
            let needed = faults.iter().any(|fault| needs_proxy(&fault.deed, target));
            return Ok(needed.then(Proxy::default));
        };
        let clients =
            written.clients.as_ref().map(|name| self.group_called("proxy.clients", name, groups)).transpose()?;
        for (id, group) in (0..).map(GroupId).zip(groups) {
            if clients.is_none_or(|clients| clients == id) {
                self.passes("proxy", group)?;
            }
        }
        let percent = self.share("proxy.share", written.share.unwrap_or(100.0))?;
        let impairment = self.impairment("proxy", &Treatment::from(written))?;
        Ok(Some(Proxy { clients, percent, impairment }))
    }

    /// Requests find their own way to the target, past the proxy.
    fn passes(&self, place: &str, group: &Group) -> Checked<()> {
        if group.transports.iter().all(|(kind, _)| *kind != TransportKind::LongPoll) {
            return Ok(());
        }
        let message =
            format!("clients of `{}` connect by longpoll, and requests do not pass the fault proxy", group.name);
        let help = "name the group that is meant with `clients`, or let these connect by websocket or sse";
        Err(self.wrong(place, message).with_help(help.to_owned()))
    }

    /// What befalls connections at the proxy in a fault.
    pub(super) fn proxy_fault(&self, place: &str, written: &ProxyFault, groups: &[Group]) -> Checked<Deed> {
        let clients: GroupId = self.group_called(&format!("{place}.clients"), &written.clients, groups)?;
        let percent = self.share(&format!("{place}.percent"), written.percent)?;
        self.fitting_keys(place, written)?;
        let way = |usual| written.direction.map_or(usual, direction);
        let lasting = |word| self.lasting(place, word, written.duration);
        let hit = match written.action {
            ProxyWord::Reset => Hit::Reset { after: written.after.map_or(0, |size| size.0.0) },
            ProxyWord::HalfOpen => Hit::HalfOpen,
            ProxyWord::Stall => Hit::Stall { direction: way(Direction::Both), lasting: lasting("stall")? },
            ProxyWord::Corrupt => Hit::Corrupt { direction: way(Direction::Down) },
            ProxyWord::Impair => {
                let impairment = self.impairment(place, &Treatment::from(written))?;
                Hit::Impair { impairment, lasting: lasting("impair")? }
            }
        };
        Ok(Deed::Proxy { clients, percent, hit })
    }

    /// No key that means nothing to the action.
    fn fitting_keys(&self, place: &str, written: &ProxyFault) -> Checked<()> {
        use ProxyWord::{Corrupt, Impair, Reset, Stall};
        let keys: [(&str, bool, &[ProxyWord], &str); 7] = [
            ("after", written.after.is_some(), &[Reset], "reset"),
            ("duration", written.duration.is_some(), &[Stall, Impair], "stall and impair"),
            ("direction", written.direction.is_some(), &[Stall, Corrupt, Impair], "stall, corrupt and impair"),
            ("delay", written.delay.is_some(), &[Impair], "impair"),
            ("jitter", written.jitter.is_some(), &[Impair], "impair"),
            ("bandwidth", written.bandwidth.is_some(), &[Impair], "impair"),
            ("slice", written.slice.is_some(), &[Impair], "impair"),
        ];
        let wrong = keys.iter().find(|(_, named, fits, _)| *named && !fits.contains(&written.action));
        wrong.map_or(Ok(()), |(key, _, _, fits)| {
            let message = format!("`{key}` goes with {fits}; it means nothing here");
            Err(self.wrong(&format!("{place}.{key}"), message))
        })
    }

    fn impairment(&self, place: &str, written: &Treatment) -> Checked<Impairment> {
        let time = |time: Option<Time>| time.map_or(Duration::ZERO, |time| time.0);
        let impairment = Impairment {
            delay: time(written.delay),
            jitter: time(written.jitter),
            bandwidth: written.bandwidth.map(|pace| pace.0),
            slice: written.slice.map(|slice| slice.0),
            direction: written.direction.map_or(Direction::Both, direction),
        };
        if impairment.jitter > impairment.delay {
            let message = format!("nothing passes before it comes: `jitter` is at most the `delay`, {}", {
                print_duration(impairment.delay)
            });
            return Err(self.wrong(&format!("{place}.jitter"), message));
        }
        if place != "proxy" && impairment.is_none() {
            let help = "write one of `delay`, `bandwidth` and `slice`, as in `delay = \"200ms\"`".to_owned();
            return Err(self.wrong(place, "how they are impaired is not said").with_help(help));
        }
        Ok(impairment)
    }
}

impl From<&file::Proxy> for Treatment {
    fn from(written: &file::Proxy) -> Self {
        let file::Proxy { delay, jitter, bandwidth, slice, direction, .. } = *written;
        Self { delay, jitter, bandwidth, slice, direction }
    }
}

impl From<&ProxyFault> for Treatment {
    fn from(written: &ProxyFault) -> Self {
        let ProxyFault { delay, jitter, bandwidth, slice, direction, .. } = *written;
        Self { delay, jitter, bandwidth, slice, direction }
    }
}

fn direction(word: DirectionWord) -> Direction {
    match word {
        DirectionWord::Up => Direction::Up,
        DirectionWord::Down => Direction::Down,
        DirectionWord::Both => Direction::Both,
    }
}

/// Whether only a proxy can do this: the bundled server cuts connections by itself.
fn needs_proxy(deed: &Deed, target: &Target) -> bool {
    match deed {
        Deed::Proxy { .. } => true,
        Deed::Disconnect { .. } => matches!(target, Target::Foreign(_)),
        Deed::Instance { .. } | Deed::Redis(_) | Deed::Slow { .. } | Deed::Command { .. } => false,
    }
}
