//! The rooms of a scenario: sets that groups define, and those they share.

use std::collections::HashMap;

use super::{Check, Checked};
use crate::observe::RoomId;
use crate::scenario::file::{Clients, RoomSet};
use crate::scenario::{Membership, Pick};

/// More cannot be told apart by a marker.
pub(super) const MOST: u32 = 1 << 24;

/// Every room so far.
#[derive(Default)]
pub(super) struct Rooms {
    /// Their names; [`RoomId`] counts in it.
    pub(super) names: Vec<String>,
    /// Which group made each.
    ids: HashMap<String, RoomId>,
}

impl Rooms {
    /// The room called `name`.
    pub(super) fn id(&self, name: &str) -> Option<RoomId> {
        self.ids.get(name).copied()
    }

    /// A new room; `None` when there is one of that name.
    fn add(&mut self, name: String) -> Option<RoomId> {
        let id = RoomId(self.names.len() as u32);
        match self.ids.insert(name.clone(), id) {
            None => {
                self.names.push(name);
                Some(id)
            }
            Some(_) => None,
        }
    }
}

impl Check<'_> {
    /// The room sets of every group, in the order of the groups; `sizes` are their numbers of clients.
    pub(super) fn memberships(
        &self,
        groups: &[Clients],
        sizes: &[Option<u32>],
        rooms: &mut Rooms,
    ) -> Checked<Vec<Vec<Membership>>> {
        let mut own: Vec<Vec<Membership>> = Vec::new();
        for (at, group) in groups.iter().enumerate() {
            let mut sets = Vec::new();
            for (path, set) in room_sets(at, group).filter(|(_, set)| set.same_as.is_none()) {
                sets.push(self.room_set(&path, set, sizes[at], rooms)?);
            }
            own.push(sets);
        }
        let mut all = own.clone();
        for (at, group) in groups.iter().enumerate() {
            for (path, set) in room_sets(at, group) {
                if let Some(other) = &set.same_as {
                    let shared = self.same_as(&path, set, other, groups, &own)?;
                    all[at].extend(shared);
                }
            }
        }
        Ok(all)
    }

    fn same_as(
        &self,
        path: &str,
        set: &RoomSet,
        other: &str,
        groups: &[Clients],
        own: &[Vec<Membership>],
    ) -> Checked<Vec<Membership>> {
        let place = format!("{path}.same_as");
        let extra = [("count", set.count.is_some()), ("name", set.name.is_some()), ("sizes", set.sizes.is_some())];
        if let Some((key, _)) = extra.iter().find(|(_, given)| *given) {
            return Err(self.wrong(&format!("{path}.{key}"), format!("`{key}` and `same_as` exclude each other")));
        }
        let Some(found) = groups.iter().position(|group| group.name == other) else {
            let names: Vec<&str> = groups.iter().map(|group| group.name.as_str()).collect();
            return Err(self.unknown(&place, "group of clients", other, &names));
        };
        if own[found].is_empty() {
            return Err(self.wrong(&place, format!("the group `{other}` has no rooms of its own")));
        }
        let adjust = |membership: &Membership| -> Checked<Membership> {
            let mut membership = membership.clone();
            if let Some(pick) = set.pick {
                membership.pick = pick.0.into();
            }
            if let Some(per_client) = set.per_client {
                self.few_enough(path, per_client.0, membership.rooms.len())?;
                membership.per_client = per_client.0;
            }
            Ok(membership)
        };
        own[found].iter().map(adjust).collect()
    }

    fn few_enough(&self, path: &str, per_client: u32, rooms: usize) -> Checked<()> {
        if per_client as usize <= rooms {
            return Ok(());
        }
        let message = format!("a client cannot enter {per_client} different rooms of {rooms}");
        Err(self.wrong(&format!("{path}.per_client"), message))
    }

    fn room_set(&self, path: &str, set: &RoomSet, clients: Option<u32>, rooms: &mut Rooms) -> Checked<Membership> {
        let Some(count) = set.count.map(|count| count.0) else {
            let help = "write `count = 10`, or `same_as` and the name of a group to share its rooms".to_owned();
            return Err(self.wrong(path, "how many rooms is not said").with_help(help));
        };
        let at = |key: &str| format!("{path}.{key}");
        if count as usize + rooms.names.len() > MOST as usize {
            return Err(self.wrong(&at("count"), format!("there may be {MOST} rooms at most")));
        }
        let per_client = set.per_client.map_or(1, |per_client| per_client.0);
        self.few_enough(path, per_client, count as usize)?;
        let pattern = set.name.as_deref().unwrap_or("room-{n}");
        if pattern.is_empty() || (count > 1 && !pattern.contains("{n}")) {
            let help = format!("write `{pattern}-{{n}}`; {{n}} is the room's number");
            return Err(self.wrong(&at("name"), format!("{count} rooms need different names")).with_help(help));
        }
        let named = (0..count).map(|n| pattern.replace("{n}", &n.to_string())).map(|name| {
            rooms.add(name.clone()).ok_or_else(|| {
                let help = "to share rooms, write `rooms = { same_as = \"…\" }`; else give them another `name`";
                let place = if set.name.is_some() { at("name") } else { at("count") };
                self.wrong(&place, format!("there is a room `{name}` already")).with_help(help.to_owned())
            })
        });
        let ids = named.collect::<Checked<Vec<RoomId>>>()?;
        let pick = self.pick(path, set, count, per_client, clients)?;
        Ok(Membership { rooms: ids, per_client, pick })
    }

    fn pick(&self, path: &str, set: &RoomSet, count: u32, per_client: u32, clients: Option<u32>) -> Checked<Pick> {
        let place = format!("{path}.sizes");
        let sizes = match (&set.sizes, set.pick) {
            (None, pick) => return Ok(pick.map_or(Pick::Even, |pick| pick.0.into())),
            (Some(_), Some(_)) => return Err(self.wrong(&place, "`sizes` and `pick` exclude each other")),
            (Some(sizes), None) => sizes,
        };
        let Some(clients) = clients else {
            return Err(self.wrong(&place, "`sizes` needs a group with a `count`"));
        };
        let mut members: Vec<u32> = Vec::new();
        for point in sizes {
            if members.len() + point.rooms.0 as usize > count as usize {
                return Err(self.wrong(&place, format!("`sizes` names more than the {count} rooms there are")));
            }
            if point.members.0 > clients {
                let message = format!("a room cannot have {} members of a group of {clients}", point.members.0);
                return Err(self.wrong(&place, message));
            }
            members.extend(std::iter::repeat_n(point.members.0, point.rooms.0 as usize));
        }
        let seats = u64::from(clients) * u64::from(per_client);
        let taken: u64 = members.iter().map(|members| u64::from(*members)).sum();
        let others = count as usize - members.len();
        let fits = if others == 0 { taken == seats } else { taken <= seats };
        if !fits {
            let message = format!(
                "`sizes` adds up to {taken} members, but {clients} clients in {per_client} rooms each are {seats}"
            );
            return Err(self.wrong(&place, message));
        }
        let rest = crate::scenario::plan::apportion(seats - taken, &vec![1; others]);
        members.extend(rest.into_iter().map(|members| members as u32));
        Ok(Pick::Sizes(members))
    }
}

/// The room sets of the group at `at`, with their places.
fn room_sets(at: usize, group: &Clients) -> impl Iterator<Item = (String, &RoomSet)> {
    let sets = group.rooms.as_ref();
    let list = sets.is_some_and(|sets| sets.list);
    let items = sets.map(|sets| sets.items.as_slice()).unwrap_or_default();
    items.iter().enumerate().map(move |(nth, set)| match list {
        true => (format!("clients.{at}.rooms.{nth}"), set),
        false => (format!("clients.{at}.rooms"), set),
    })
}
