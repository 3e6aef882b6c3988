//! What only shows once everything is put together: enough users, not too many lives, no room without a talker.

use std::collections::BTreeSet;

use super::rooms::MOST;
use super::{Check, Checked};
use crate::scenario::plan::Plan;
use crate::scenario::{Group, Pick, Population, Scenario, Stay, Times, To, Users};

impl Check<'_> {
    pub(super) fn sanity(&self, scenario: &Scenario) -> Checked<()> {
        let lives: f64 = scenario.groups.iter().map(|group| expected_lives(group, &scenario.times)).sum();
        if lives * 1.01 > f64::from(MOST) {
            let message = format!("about {lives:.0} clients would come in the course of the run; {MOST} is the most");
            return Err(self.wrong("clients", message));
        }
        let plan = Plan::new(scenario);
        self.owned(scenario, &plan)?;
        self.enough_users(scenario, &plan)?;
        self.logins_in_time(scenario, &plan)?;
        self.no_silent_room(scenario, &plan)
    }

    fn enough_users(&self, scenario: &Scenario, plan: &Plan) -> Checked<()> {
        let Users::Rows { rows, cycle: false, .. } = &scenario.users else { return Ok(()) };
        if rows.len() >= plan.lives().len() {
            return Ok(());
        }
        let message = format!("{} users are too few: {} clients will come", rows.len(), plan.lives().len());
        let help = "add rows, or write `reuse = \"cycle\"`".to_owned();
        let place =
            if self.root.get("users").is_some_and(|users| users.node.get("csv").is_some()) { "csv" } else { "jsonl" };
        Err(self.wrong(&format!("users.{place}"), message).with_help(help))
    }

    /// Where anything is published at all, every room that has members must have a talker among them, unless chance
    /// (`zipf`) or the name of one room (`to`) decides who is spoken to.
    fn no_silent_room(&self, scenario: &Scenario, plan: &Plan) -> Checked<()> {
        if scenario.publishes.iter().all(|publish| matches!(publish.to, To::UserOf(_))) {
            return Ok(());
        }
        let mut spoken = BTreeSet::new();
        for publish in &scenario.publishes {
            match publish.to {
                To::Room(room) => drop(spoken.insert(room)),
                To::UserOf(_) => {}
                To::Rooms | To::BySize => {
                    let talkers = plan.lives().iter().filter(|life| life.group == publish.from);
                    talkers.for_each(|life| spoken.extend(life.rooms.iter().copied()));
                }
            }
        }
        let inhabited: BTreeSet<_> = plan.lives().iter().flat_map(|life| life.rooms.iter().copied()).collect();
        for (at, group) in scenario.groups.iter().enumerate() {
            for set in &group.rooms {
                let rooms: Vec<_> = set.rooms.iter().filter(|room| inhabited.contains(room)).collect();
                let silent: Vec<_> = rooms.iter().filter(|room| !spoken.contains(**room)).collect();
                let by_choice = scenario.publishes.iter().any(|publish| match publish.to {
                    To::Room(room) => set.rooms.contains(&room),
                    To::UserOf(_) => false,
                    To::Rooms | To::BySize => {
                        let talkers = &scenario[publish.from].rooms;
                        talkers.iter().any(|other| other.rooms == set.rooms && matches!(other.pick, Pick::Zipf(_)))
                    }
                });
                let Some(first) = silent.first() else { continue };
                if by_choice && silent.len() < rooms.len() {
                    continue;
                }
                return Err(self.silent(scenario, at, silent.len(), rooms.len(), &scenario.rooms[first.0 as usize]));
            }
        }
        Ok(())
    }

    fn silent(&self, scenario: &Scenario, at: usize, silent: usize, all: usize, first: &str) -> super::Diagnostic {
        let name = &scenario.groups[at].name;
        let (message, help) = match silent == all {
            true => (
                format!("nobody ever speaks in the rooms of `{name}`"),
                format!(
                    "let a `[[publish]]` come from `{name}`, or from a group with `rooms = {{ same_as = \"{name}\" }}`"
                ),
            ),
            false => (
                format!("{silent} of the {all} rooms of `{name}` have no talker, `{first}` for one"),
                "let more clients talk, or have fewer rooms".to_owned(),
            ),
        };
        self.wrong(&format!("clients.{at}.rooms"), message).with_help(help)
    }
}

/// How many lives a group will have, about.
fn expected_lives(group: &Group, times: &Times) -> f64 {
    let span = times.published().as_secs_f64();
    let turnover = match group.stay {
        None => 0.0,
        Some(Stay::Constant(stay) | Stay::Exponential(stay)) => span / stay.as_secs_f64().max(1e-3),
        Some(Stay::Uniform(least, most)) => span * 2.0 / (least + most).as_secs_f64().max(1e-3),
    };
    match &group.population {
        Population::Ramp { count, .. } => f64::from(*count) * (1.0 + turnover),
        Population::Steps(points) => {
            let climbs = points.windows(2).map(|pair| f64::from(pair[1].1.saturating_sub(pair[0].1)));
            let first = points.first().map_or(0.0, |(_, n)| f64::from(*n));
            (first + climbs.sum::<f64>()) * (1.0 + turnover)
        }
        Population::Arrive { rate, .. } => rate.total(times.published()),
    }
}
