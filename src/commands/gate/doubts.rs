//! What the blocks do not show and yet puts them in doubt.

use crate::engine::Outcome;
use crate::gate::Side;

/// Share of what was due that may be lost, and of what was scheduled that may be unsent.
const LOST: f64 = 0.01;
const UNSENT: f64 = 0.005;

/// Share of the deliveries that may come when their block has been closed.
const LATE: f64 = 0.001;

/// Why what one side's run measured is not to be believed.
pub(super) fn of(side: Side, outcome: &Outcome) -> Vec<String> {
    let (name, mut doubts) = (side.name(), Vec::new());
    let identity = &outcome.identity;
    if !identity.holds() {
        doubts.push(format!("{name}: the account of its deliveries does not add up: {identity:?}"));
    }
    let share = |part: u64, whole: u64| part as f64 / whole.max(1) as f64;
    let lost = share(identity.lost, identity.due);
    if lost > LOST {
        doubts.push(format!(
            "{name} lost {:.1} % of its deliveries, and what is lost has no latency: look at it with `wsbench run`",
            lost * 100.0
        ));
    }
    let unsent = share(outcome.totals.count("messages.unsent"), outcome.totals.count("messages.scheduled"));
    if unsent > UNSENT {
        doubts.push(format!("{name}: {:.1} % of the messages could not be sent", unsent * 100.0));
    }
    doubts
}

/// Why what was measured is not to be believed where this share of the deliveries came `late`.
pub(super) fn of_late(late: f64) -> Option<String> {
    (late > LATE).then(|| {
        let percent = late * 100.0;
        format!(
            "{percent:.1} % of the deliveries came more than half a second after their block: too late to be judged"
        )
    })
}

/// Of a machine `share` of whose cores were in use though the rate was lowered.
pub(super) fn too_busy(share: f64) -> String {
    format!(
        "{:.0} % of the cores were in use, and neither the rate nor the time left allowed for less: use a quieter or larger \
         machine, or give it more time",
        share * 100.0
    )
}
