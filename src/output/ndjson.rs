//! The run over time, a line of JSON per second (per stretch of seconds in a run of more than ten minutes).

use std::io::{self, Write};

use crate::report::Report;

pub(super) fn write(report: &Report, to: &mut dyn Write) -> io::Result<()> {
    for point in &report.series {
        serde_json::to_writer(&mut *to, point)?;
        to.write_all(b"\n")?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample::{HELD, outcome, report};
    use crate::report::{Broker, Point};

    #[test]
    fn every_line_is_a_point() {
        let report = report(&outcome(), Broker::Redis, HELD);
        let mut text = Vec::new();
        write(&report, &mut text).unwrap();
        let lines = std::str::from_utf8(&text).unwrap().lines();
        let points: Vec<Point> = lines.map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(points, report.series);
        assert!(!points.is_empty());
    }
}
