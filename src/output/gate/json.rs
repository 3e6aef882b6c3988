//! A gate as data: what a recording of it gives again to the last byte.

use std::io::{self, Write};

use crate::gate::Ruling;

pub(super) fn write(ruling: &Ruling, to: &mut dyn Write) -> io::Result<()> {
    serde_json::to_writer_pretty(&mut *to, &ruling.report).map_err(io::Error::from)?;
    to.write_all(b"\n")
}
