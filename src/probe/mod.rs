//! Two clients and one message: does a target behave as its dialect says? Each step is told as it is known, so that a step
//! that fails says what was missing and what came instead. Not for load, and it judges nothing but the dialect.

use std::sync::Arc;
use std::time::Duration;

use crate::dialect::Identity;
use crate::observe::{TransportKind, Word};
use crate::session::{Dialer, Ended, Pass, Place};
use crate::time::Timestamp;
use crate::wire::{Ask, InstanceTag, Marker, Markers};

mod advice;
mod party;

use party::{Party, drive};

/// How long a talker's own copy, an acknowledgement or anything else may come after the listener's copy.
const GRACE: Duration = Duration::from_millis(500);

/// One of the two.
#[derive(Clone, Debug)]
pub struct Speaker {
    /// What it is called in what is told.
    pub name: &'static str,
    /// Its way to the target.
    pub dialer: Dialer,
    /// What it connects by.
    pub kind: TransportKind,
    /// Which of the target's addresses it goes to.
    pub url: usize,
    /// Whom it speaks for.
    pub identity: Arc<Identity>,
    /// What it says to log in, if it has to.
    pub login: Option<Ask>,
}

/// What is to be tried.
#[derive(Clone, Debug)]
pub struct Asked {
    /// Says the message.
    pub talker: Speaker,
    /// Waits for it.
    pub listener: Speaker,
    /// The room they meet in.
    pub room: Arc<str>,
    /// How long each step may take.
    pub patience: Duration,
}

/// A step and what became of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// What was tried: `talker connects`.
    pub what: String,
    /// How long it took, where that says something.
    pub took: Option<Duration>,
    /// What was found out, or why it failed.
    pub found: Result<String, String>,
}

/// What was found out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Findings {
    /// The steps in their order; the first failure that stops it is the last one.
    pub steps: Vec<Step>,
}

impl Findings {
    /// Whether the target does what the dialect says.
    pub fn good(&self) -> bool {
        self.steps.iter().all(|step| step.found.is_ok())
    }
}

/// Connects both, lets the talker say one message and sees who gets it; `tell` is called with each step as it is known.
pub async fn probe(asked: &Asked, tell: &mut dyn FnMut(&Step)) -> Findings {
    let mut probe = Probe { asked, findings: Findings::default(), tell };
    // A failure has been told; what comes after it cannot be tried.
    let (Ok(()) | Err(Failed)) = probe.run().await;
    probe.findings
}

/// A step failed that all others hang on.
struct Failed;

struct Probe<'a> {
    asked: &'a Asked,
    findings: Findings,
    tell: &'a mut dyn FnMut(&Step),
}

impl Probe<'_> {
    async fn run(&mut self) -> Result<(), Failed> {
        let asked = self.asked;
        let listener = self.enter(&asked.listener).await?;
        let talker = self.enter(&asked.talker).await?;
        let mut parties = [listener, talker];
        self.instances(&parties);
        self.speak(&mut parties).await?;
        for party in &mut parties {
            party.session.leave();
        }
        drive(&mut parties, GRACE, |parties| parties.iter().all(|party| party.ended.is_some())).await;
        Ok(())
    }

    /// Connects, authenticates and joins.
    async fn enter(&mut self, who: &Speaker) -> Result<Party, Failed> {
        let clock = who.dialer.clock.clone();
        let places = vec![Place::new(Arc::clone(&self.asked.room), None)];
        let began = clock.now();
        let mut pass = Pass::new(who.login.clone());
        let dialed = who.dialer.dial(who.kind, who.url, &who.identity, places, &mut pass);
        let (session, stages) = match tokio::time::timeout(self.asked.patience, dialed).await {
            Ok(Ok(dialed)) => dialed,
            Ok(Err(error)) => return Err(self.failed(format!("{} connects", who.name), error.to_string())),
            Err(_) => return Err(self.failed(format!("{} connects", who.name), "no answer in time".to_owned())),
        };
        let stages = stages.iter().map(|(stage, took)| format!("{} {}", stage.name(), ms(*took)));
        let stages = stages.collect::<Vec<_>>().join(", ");
        let stages = if stages.is_empty() { stages } else { format!(" ({stages})") };
        self.done(
            format!("{} connects", who.name),
            Some(clock.now() - began),
            format!("by {}{stages}", who.kind.name()),
        );
        let began = clock.now();
        let mut party = [Party::new(session, self.markers())];
        // Where joins are not acknowledged it is in at once.
        drive(&mut party, self.asked.patience, |party| party[0].session.is_ready() || party[0].refused_join.is_some())
            .await;
        let [party] = party;
        let what = format!("{} enters {}", who.name, self.asked.room);
        if party.session.is_ready() {
            let how = if who.dialer.dialect.habits().acknowledges_joins {
                "acknowledged"
            } else {
                "not acknowledged by this dialect"
            };
            let place = match party.session.places().first().and_then(Place::position) {
                Some(position) => format!(", at position {}: it can resume", position.offset),
                None => ", without a position".to_owned(),
            };
            self.done(what, Some(clock.now() - began), format!("{how}{place}"));
            return Ok(party);
        }
        let why = match (&party.refused_join, &party.ended) {
            (Some(code), _) => format!("refused: {code}"),
            (None, Some(Ended::AuthRefused(words))) => format!("the token was refused: {words}"),
            (None, Some(ended)) => format!("the connection ended: {ended}"),
            (None, None) => format!("{} was not answered in time", party.session.stage().name()),
        };
        let unanswered = party.ended.is_none() && party.session.stage() == Word::JOIN;
        let advice = who.dialer.dialect.advice().filter(|_| unanswered && party.refused_join.is_none());
        let advice = advice.map_or(String::new(), |advice| format!("; {advice}"));
        Err(self.failed(what, why + &party.instead() + &advice))
    }

    /// The markers of this probe, and the one that is said.
    fn markers(&self) -> (Markers, Marker) {
        let marker = Marker { room: 0, index: 0, publisher: 0, instance: InstanceTag::UNKNOWN, sent: Duration::ZERO };
        (Markers::new(u64::from(std::process::id())), marker)
    }

    fn instances(&mut self, parties: &[Party; 2]) {
        let names = [&parties[1], &parties[0]].map(|party| party.session.instance_name().map(printable));
        let found = match &names {
            [Some(talker), Some(listener)] if talker == listener => format!("told apart by name: both are on {talker}"),
            [Some(talker), Some(listener)] => {
                format!("told apart by name: the talker is on {talker}, the listener on {listener}")
            }
            _ => "cannot be told apart: deliveries count as hop=unknown".to_owned(),
        };
        self.done("instances".to_owned(), None, found);
    }

    async fn speak(&mut self, parties: &mut [Party; 2]) -> Result<(), Failed> {
        let asked = self.asked;
        let (markers, marker) = self.markers();
        let text = format!("{} wsbench probe", String::from_utf8_lossy(&markers.write(&marker)));
        let what = "talker says a message".to_owned();
        let at = match parties[1].session.publish(0, &text, 1) {
            Ok(at) => at,
            Err(word) => return Err(self.failed(what, format!("it cannot be said now: {}", word.name()))),
        };
        let settled =
            |parties: &[Party]| parties[0].copy_of(&parties[1]).is_some() || parties.iter().any(Party::is_over);
        drive(parties, asked.patience, settled).await;
        let habits = asked.talker.dialer.dialect.habits();
        drive(parties, GRACE, |parties| {
            parties[1].copy_of(&parties[1]).is_some() && (parties[1].acked.is_some() || !habits.acknowledges_messages)
        })
        .await;
        self.answered(&parties[1], what, habits.acknowledges_messages)?;
        self.heard(parties, at)?;
        self.echo(&parties[1], habits.sender_hears_itself, at);
        Ok(())
    }

    fn answered(&mut self, talker: &Party, what: String, awaited: bool) -> Result<(), Failed> {
        if let Some((code, unconfirmed)) = &talker.refused {
            let more = if *unconfirmed { ", though it may still be delivered" } else { "" };
            return Err(self.failed(what, format!("refused: {code}{more}")));
        }
        if let Some(ended) = &talker.ended {
            return Err(self.failed(what, format!("the connection ended: {ended}{}", talker.instead())));
        }
        match (talker.acked, awaited) {
            (Some(took), _) => self.done(what, Some(took), "acknowledged".to_owned()),
            (None, false) => self.done(what, None, "not acknowledged by this dialect".to_owned()),
            (None, true) => {
                // The message may have arrived all the same: that is the next step's business.
                self.step(what, None, Err(format!("no acknowledgement came{}", talker.instead())));
            }
        }
        Ok(())
    }

    fn heard(&mut self, parties: &[Party; 2], said: Timestamp) -> Result<(), Failed> {
        let what = "listener hears it".to_owned();
        let [listener, talker] = parties;
        let marking = self.asked.talker.dialer.dialect.marking();
        if let Some(at) = listener.copy_of(talker) {
            self.done(what, Some(at - said), advice::recognised(marking, talker));
            return Ok(());
        }
        Err(self.failed(what, advice::missing(marking, parties) + &listener.instead()))
    }

    /// Whether the talker hears itself is what decides who is due a copy.
    fn echo(&mut self, talker: &Party, expected: bool, said: Timestamp) {
        let what = "talker hears itself".to_owned();
        let took = talker.copy_of(talker).map(|at| at - said);
        let found = match (took.is_some(), expected) {
            (true, true) => Ok("yes, as this dialect says".to_owned()),
            (false, false) => Ok("no, as this dialect says".to_owned()),
            (true, false) => Err("yes, but this dialect says no: its own copies would count as ghosts".to_owned()),
            (false, true) => {
                Err(format!("no, but this dialect says yes: every own copy would count as lost{}", talker.instead()))
            }
        };
        self.step(what, took, found);
    }

    fn done(&mut self, what: String, took: Option<Duration>, found: String) {
        self.step(what, took, Ok(found));
    }

    fn failed(&mut self, what: String, why: String) -> Failed {
        self.step(what, None, Err(why));
        Failed
    }

    fn step(&mut self, what: String, took: Option<Duration>, found: Result<String, String>) {
        let step = Step { what, took, found };
        (self.tell)(&step);
        self.findings.steps.push(step);
    }
}

fn printable(name: &str) -> String {
    name.escape_debug().to_string()
}

fn ms(took: Duration) -> String {
    format!("{:.2} ms", took.as_secs_f64() * 1e3)
}

#[cfg(test)]
mod tests;
