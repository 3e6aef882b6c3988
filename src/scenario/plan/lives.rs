//! Every life of the run: intervals of the population, given rooms, a URL and a user each.

use super::population::intervals;
use super::urls::Spread;
use super::{Life, rooms, transports};
use crate::observe::{ClientId, GroupId};
use crate::scenario::Scenario;

/// Every life of the run, ordered by start; of lives that start together those of the earlier group and place first.
pub(super) fn plan(scenario: &Scenario, urls: usize) -> Vec<Life> {
    let mut lives = Vec::new();
    let mut later = Vec::new();
    let mut spread = Spread::new(urls, scenario.rooms.len());
    let until = scenario.times.published();
    for (id, group) in (0..).map(GroupId).zip(&scenario.groups) {
        let intervals = intervals(scenario.seed, id, group, until);
        let places = intervals.last().map_or(0, |last| last.place + 1);
        let rooms = rooms::of_places(scenario.seed, id, group, places);
        let transports = transports::of_places(scenario.seed, id, group, places);
        spread.next_group();
        let urls: Vec<u32> = rooms.iter().map(|rooms| spread.next(rooms)).collect();
        for interval in intervals {
            let place = interval.place as usize;
            let life = Life {
                client: ClientId(0),
                group: id,
                user: 0,
                transport: transports[place],
                url: urls[place],
                rooms: rooms[place].clone(),
                mailbox: None,
                start: interval.start,
                leave: interval.leave,
            };
            if interval.first { lives.push(life) } else { later.push(life) }
        }
    }
    // Users are numbered by group and place, so that a group's users do not depend on how its ramp overlaps another's;
    // those who take a place over follow in the order of their coming.
    later.sort_by_key(|life| life.start);
    lives.extend(later);
    (0..).zip(&mut lives).for_each(|(user, life)| life.user = user);
    lives.sort_by_key(|life| life.start);
    (0..).zip(&mut lives).for_each(|(client, life)| life.client = ClientId(client));
    lives
}
