//! On a machine that does nothing else quickstart should be believed; how often it is cannot be known from one run, so
//! this one only tells.

use crate::support::{Report, scratch, wsbench};

#[test]
#[ignore = "about time: see the module"]
fn quickstart_tells_whether_it_is_to_be_believed() {
    let directory = scratch();
    let json = directory.path().join("r.json");
    wsbench(["run", "@quickstart", "--out", &format!("json={}", json.display())]).vars("DURATION=10s").run().expect(0);
    let report = Report::read(json);
    report.identity();
    let generator = &report.0["generator"];
    println!("healthy: {}  {}  cpu {} s", generator["healthy"], generator["reasons"], generator["cpu_seconds"]);
}
