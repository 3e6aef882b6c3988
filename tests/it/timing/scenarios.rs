//! Every shipped scenario, scaled down, holds all of what it asks for, how long things take included.

use super::believed;
use crate::scenarios::scaled_down;
use crate::support::scaled;

#[test]
#[ignore = "about time: see the module"]
fn every_scenario_holds_what_it_asks_of_time() {
    for name in scaled::names() {
        believed(|| {
            let (finished, report) = scaled_down(name);
            if report.is_healthy() {
                finished.expect(0);
            }
            report
        });
    }
}
