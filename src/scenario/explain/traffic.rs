//! Who comes, into which rooms, and what is said there.

use super::time_text;
use super::wrap::{Wrapped, few, plural};
use crate::observe::TransportKind;
use crate::profile::Spacing;
use crate::scenario::plan::Plan;
use crate::scenario::{
    Cadence, Group, Membership, Occasion, Pick, Population, Publish, Request, Scenario, Stay, Target, Text, To,
};
use crate::units::human::{bytes, grouped, rate};

/// The groups, and the rooms that result.
pub(super) fn clients(scenario: &Scenario, plan: &Plan, out: &mut Wrapped) {
    out.heading("Clients");
    for group in &scenario.groups {
        out.item(&format!("{}: {}", group.name, self::group(scenario, group)));
    }
    let urls = scenario.target.urls();
    if urls > 1 && !scenario.rooms.is_empty() {
        let what = if matches!(scenario.target, Target::Bundled(_)) { "instances" } else { "URLs" };
        out.item(&format!("within each room members are spread evenly over the {urls} {what}"));
    }
    if !scenario.rooms.is_empty() {
        out.item(&room_sizes(scenario, plan));
    }
}

fn group(scenario: &Scenario, group: &Group) -> String {
    let population = match &group.population {
        Population::Ramp { count, over } => {
            format!("{}, started over {}", grouped(u64::from(*count)), time_text(*over))
        }
        Population::Steps(points) => {
            let most = points.iter().map(|(_, n)| *n).max().unwrap_or(0);
            format!("up to {}, following {}", grouped(u64::from(most)), plural(points.len() as u64, "point"))
        }
        Population::Arrive { rate: shape, .. } => {
            format!("arriving at {} to begin with", rate(shape.rate(std::time::Duration::ZERO)))
        }
    };
    let rooms: Vec<String> = group.rooms.iter().map(|set| membership(scenario, set)).collect();
    let rooms = if rooms.is_empty() { "in no room".to_owned() } else { rooms.join(" and ") };
    let stay = match group.stay {
        None => String::new(),
        Some(stay) => format!("; each stays {}", self::stay(stay)),
    };
    let reconnect = match group.reconnect.policy.name() {
        "none" => "never reconnecting".to_owned(),
        policy => format!("reconnecting by {policy}"),
    };
    format!("{population}{}; {rooms}{stay}; {reconnect}", transports(group))
}

/// What a group connects by, where it is not a WebSocket each.
fn transports(group: &Group) -> String {
    let total: u32 = group.transports.iter().map(|(_, weight)| weight).sum();
    match group.transports.as_slice() {
        [(TransportKind::WebSocket, _)] => String::new(),
        [(kind, _)] => format!(", by {}", kind.name()),
        several => {
            let share = |(kind, weight): &(TransportKind, u32)| {
                format!("{} % {}", f64::from(*weight) * 100.0 / f64::from(total), kind.name())
            };
            format!(", {}", several.iter().map(share).collect::<Vec<_>>().join(", "))
        }
    }
}

fn membership(scenario: &Scenario, set: &Membership) -> String {
    let names: Vec<&str> = set.rooms.iter().map(|room| scenario.rooms[room.0 as usize].as_str()).collect();
    let pick = match set.pick {
        Pick::Even => "in turn",
        Pick::Zipf(_) => "a few of them popular",
        Pick::Sizes(_) => "filled to the sizes given",
    };
    match set.rooms.len() {
        1 => format!("all in {}", names[0]),
        many => format!("each in {} of {many} rooms ({}), {pick}", set.per_client, few(&names)),
    }
}

fn stay(stay: Stay) -> String {
    match stay {
        Stay::Constant(stay) => time_text(stay),
        Stay::Exponential(mean) => format!("{} on average", time_text(mean)),
        Stay::Uniform(least, most) => format!("{} to {}", time_text(least), time_text(most)),
    }
}

/// The sizes of rooms in the middle of the measured phase.
fn room_sizes(scenario: &Scenario, plan: &Plan) -> String {
    let mut members = plan.members_at(scenario.times.warm_up + scenario.times.duration / 2);
    members.sort_unstable();
    let (least, most) = (members[0], members[members.len() - 1]);
    let median = members[members.len() / 2];
    match least == most {
        true => format!("a room has {}", plural(u64::from(most), "member")),
        false => format!(
            "rooms have {} to {} members, half of them {} or more, midway through",
            grouped(u64::from(least)),
            grouped(u64::from(most)),
            grouped(u64::from(median))
        ),
    }
}

/// The streams.
pub(super) fn publications(scenario: &Scenario, out: &mut Wrapped) {
    out.heading("Publications");
    if scenario.publishes.is_empty() {
        out.item("none: the clients only listen");
    }
    for publish in &scenario.publishes {
        out.item(&format!("{}: {}", publish.name, stream(scenario, publish)));
    }
}

fn stream(scenario: &Scenario, publish: &Publish) -> String {
    let who = &scenario[publish.from].name;
    let to = match publish.to {
        To::Rooms => "in their rooms in turn".to_owned(),
        To::BySize => "in one of their rooms, the likelier the larger".to_owned(),
        To::UserOf(group) => format!("each time to one user of {}, at random", scenario[group].name),
        To::Room(room) => format!("in {}", scenario.rooms[room.0 as usize]),
    };
    let text = match &publish.text {
        Text::Size(size) => format!("{} each", bytes(u64::from(*size))),
        Text::LogNormal { median, .. } => format!("{} each, more or less", bytes(u64::from(*median))),
        Text::Corpus(lines) => format!("{} in turn", plural(lines.len() as u64, "line")),
    };
    let cadence = cadence(scenario, &publish.rate, publish.spacing);
    let speak = match &publish.message {
        Some(saying) => format!("say {}", saying.name),
        None => "speak".to_owned(),
    };
    let echo = match (publish.echo, scenario.target.sender_hears_itself()) {
        (false, true) => "; whoever speaks gets no copy",
        (true, false) => "; whoever speaks gets a copy too",
        _ => "",
    };
    format!("{who} {speak} {to}, {cadence}, {text}{echo}")
}

/// How often something is due.
fn cadence(scenario: &Scenario, cadence: &Cadence, spacing: Spacing) -> String {
    match cadence {
        Cadence::Total(shape) => {
            let times = &scenario.times;
            let mean = (shape.total(times.published()) - shape.total(times.warm_up)) / times.duration.as_secs_f64();
            let spacing = match spacing {
                Spacing::Constant => "evenly spaced".to_owned(),
                Spacing::Poisson => "at random moments".to_owned(),
                Spacing::Burst(size) => format!("in bursts of {size}"),
            };
            format!("all together {}, {spacing}", rate(mean))
        }
        Cadence::Think(least, most) if least == most => format!("each every {}", time_text(*least)),
        Cadence::Think(least, most) => format!("each every {} to {}", time_text(*least), time_text(*most)),
    }
}

/// What is asked beside it.
pub(super) fn requests(scenario: &Scenario, out: &mut Wrapped) {
    if scenario.requests.is_empty() {
        return;
    }
    out.heading("Requests");
    for request in &scenario.requests {
        out.item(&format!("{}: {}", request.name, self::request(scenario, request)));
    }
}

fn request(scenario: &Scenario, request: &Request) -> String {
    let (who, what) = (&scenario[request.from].name, &request.message);
    let when = match &request.when {
        Occasion::Joined => " after every join of a room, also after a reconnect".to_owned(),
        Occasion::Paced(cadence, spacing) => {
            let about = if request.names_room { " about one of their rooms" } else { "" };
            format!("{about}, {}", self::cadence(scenario, cadence, *spacing))
        }
    };
    format!("{who} ask {what}{when}; an answer counts for {}", time_text(request.within))
}
