//! The report as JSON: the result file.

use std::io::{self, Write};

use crate::report::Report;

pub(super) fn write(report: &Report, to: &mut dyn Write) -> io::Result<()> {
    serde_json::to_writer(&mut *to, report)?;
    to.write_all(b"\n")
}
