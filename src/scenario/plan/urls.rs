//! Which URL each place connects to: within every room its members spread evenly, and each group's members among them.
//! Otherwise a room could live on one instance, and "crosses instances" would mean "is in another room".

#[cfg(test)]
use super::Life;
use crate::observe::RoomId;

/// Gives out URLs, remembering what it gave to whom.
pub(super) struct Spread {
    urls: usize,
    /// Members per room and URL, of all groups.
    members: Vec<u32>,
    /// Members per room and URL, of the group at hand.
    of_group: Vec<u32>,
    /// Places per URL, of the group at hand.
    group: Vec<u32>,
    /// Places per URL.
    all: Vec<u32>,
}

impl Spread {
    pub(super) fn new(urls: usize, rooms: usize) -> Self {
        let per_room = vec![0; urls * rooms];
        Self { urls, members: per_room.clone(), of_group: per_room, group: vec![0; urls], all: vec![0; urls] }
    }

    /// What follows is another group.
    pub(super) fn next_group(&mut self) {
        self.of_group.fill(0);
        self.group.fill(0);
    }

    /// The URL for a place in `rooms`: where the fewest members of these rooms are, then the fewest of its group in
    /// these rooms, of its group, of all.
    pub(super) fn next(&mut self, rooms: &[RoomId]) -> u32 {
        let at = |room: &RoomId, url: usize| room.0 as usize * self.urls + url;
        let cost = |url: &usize| {
            let sum = |counts: &[u32]| rooms.iter().map(|room| u64::from(counts[at(room, *url)])).sum::<u64>();
            (sum(&self.members), sum(&self.of_group), self.group[*url], self.all[*url], *url)
        };
        let url = (0..self.urls).min_by_key(cost).unwrap_or(0);
        for room in rooms {
            let place = room.0 as usize * self.urls + url;
            self.members[place] += 1;
            self.of_group[place] += 1;
        }
        self.group[url] += 1;
        self.all[url] += 1;
        url as u32
    }
}

/// How many members of `room` connect to each of `urls` URLs, among `lives`.
#[cfg(test)]
pub(super) fn per_url<'l>(lives: impl Iterator<Item = &'l Life>, room: RoomId, urls: usize) -> Vec<u32> {
    let mut counts = vec![0; urls];
    lives.filter(|life| life.rooms.contains(&room)).for_each(|life| counts[life.url as usize] += 1);
    counts
}
