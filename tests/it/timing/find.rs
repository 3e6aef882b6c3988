//! Where the search for the highest rate ends: between a rate that holds and one that does not. A generator that is late cannot
//! say where a rule fails, and says that; then the search is repeated.

use super::TRIES;
use crate::find::{KEEP, is_settled, rate_of, search};

#[test]
#[ignore = "about time: see the module"]
fn the_limit_lies_between_a_rate_that_holds_and_one_that_does_not() {
    let settled = (0..TRIES).map(|_| search(KEEP)).find(|(finished, report)| is_settled(finished, report));
    let (finished, report) = settled.expect("the generator was never on time; give it a quieter machine");
    finished.expect(0);
    let [held, fails] = ["rate", "fails_at"].map(|key| rate_of(&report, key).unwrap());
    assert!(held < 101.0 && 99.0 < fails && fails / held <= 1.11, "{held} {fails}");
    let trials = report.0["find"]["trials"].as_array().unwrap();
    let at = |rate: f64, outcome: &str| {
        trials.iter().filter(|trial| trial["rate"] == rate && trial["outcome"] == outcome).count()
    };
    assert!(at(held, "held") >= 2 && at(fails, "failed") >= 2, "both ends are tried again: {trials:?}");
    assert!(
        (report.count("deliveries.due") as f64 / 4.0 - held).abs() <= 2.0,
        "the counts are those of the rate found"
    );
    assert!(finished.stdout.contains("the limit is"), "{}", finished.stdout);
}
