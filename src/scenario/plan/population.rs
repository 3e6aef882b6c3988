//! When the places of a group are taken: the intervals of its population, before users and rooms are given to them.

use rand::{Rng, RngExt};
use std::time::Duration;

use super::Start;
use super::seed::{For, derive, rng};
use crate::observe::GroupId;
use crate::scenario::{Group, Population, Stay};

/// Clients that are there from the beginning without a ramp of their own are started at this rate.
pub(in crate::scenario) const RAMP_PER_SECOND: u32 = 500;

/// A stay in a place of a group: the place's number, from when, until when.
pub(super) struct Interval {
    /// The place: its holders share rooms and URL.
    pub(super) place: u32,
    /// Nobody held the place before.
    pub(super) first: bool,
    pub(super) start: Start,
    pub(super) leave: Option<Duration>,
}

/// Every stay in a place of `group` that begins before `until`, place by place.
pub(super) fn intervals(seed: u64, id: GroupId, group: &Group, until: Duration) -> Vec<Interval> {
    let mut out = Vec::new();
    let mut take = |place: u32, spans: Vec<(Start, Option<Duration>)>, replaced: bool| {
        let mut stays = rng(seed, For::Stays, id.0, place);
        let mut first = true;
        for (start, end) in spans {
            let mut start = start;
            loop {
                let stay = group.stay.map(|stay| start.after_t0() + draw(stay, &mut stays));
                let leave = [stay, end].into_iter().flatten().min().filter(|leave| *leave < until);
                out.push(Interval { place, first, start, leave });
                first = false;
                match leave {
                    Some(leave) if replaced && Some(leave) != end => start = Start::AfterT0(leave),
                    _ => break,
                }
            }
        }
    };
    match &group.population {
        Population::Ramp { count, over } => {
            for place in 0..*count {
                take(place, vec![(Start::BeforeT0(share(*over, place, *count)), None)], true);
            }
        }
        Population::Steps(points) => {
            let most = points.iter().map(|(_, n)| *n).max().unwrap_or(0);
            for place in 0..most {
                take(place, crossings(points, place, until), true);
            }
        }
        Population::Arrive { rate, spacing } => {
            let counts = spacing.counts(derive(seed, For::Arrivals, id.0, 0));
            let moments = counts.map_while(|n| rate.when(n)).take_while(|at| *at < until);
            for (place, at) in (0..).zip(moments) {
                take(place, vec![(Start::AfterT0(at), None)], false);
            }
        }
    }
    out
}

fn share(over: Duration, place: u32, count: u32) -> Duration {
    over.mul_f64(f64::from(place) / f64::from(count.max(1)))
}

/// When place number `place` is taken while the number of clients moves along `points`: whenever it is above
/// `place + ½`.
fn crossings(points: &[(Duration, u32)], place: u32, until: Duration) -> Vec<(Start, Option<Duration>)> {
    let level = f64::from(place) + 0.5;
    let Some(&(_, first)) = points.first() else { return Vec::new() };
    let mut spans = Vec::new();
    let initial = Start::BeforeT0(Duration::from_secs_f64(f64::from(place) / f64::from(RAMP_PER_SECOND)));
    let mut open = (f64::from(first) > level).then_some(initial);
    for pair in points.windows(2) {
        let ((from, before), (to, after)) = (pair[0], pair[1]);
        let (before, after) = (f64::from(before), f64::from(after));
        if (before > level) == (after > level) {
            continue;
        }
        let at = from + (to - from).mul_f64((level - before) / (after - before));
        if at >= until {
            break;
        }
        match open.take() {
            Some(start) => spans.push((start, Some(at))),
            None => open = Some(Start::AfterT0(at)),
        }
    }
    spans.extend(open.map(|start| (start, None)));
    spans
}

fn draw(stay: Stay, rng: &mut impl Rng) -> Duration {
    let nanos = match stay {
        Stay::Constant(stay) => stay.as_nanos() as f64,
        Stay::Exponential(mean) => mean.as_nanos() as f64 * -(1.0 - rng.random::<f64>()).ln(),
        Stay::Uniform(least, most) => least.as_nanos() as f64 + (most - least).as_nanos() as f64 * rng.random::<f64>(),
    };
    // A stay of nothing would let a place be taken over without end.
    Duration::from_nanos((nanos as u64).max(1_000_000))
}
