//! The page for `/metrics`: OpenMetrics 1.0 text.

use std::fmt::Write;

/// What the page is, as a content type.
pub(crate) const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// A page being written.
pub(super) struct Page<'a> {
    text: String,
    instance: &'a str,
}

impl<'a> Page<'a> {
    pub(super) fn new(instance: &'a str) -> Self {
        Self { text: String::with_capacity(8_192), instance }
    }

    pub(super) fn gauge(&mut self, name: &str, help: &str, value: f64) {
        self.family("gauge", &format!("room_server_{name}"), None, help, value);
    }

    pub(super) fn counter(&mut self, name: &str, help: &str, value: f64) {
        self.family("counter", &format!("room_server_{name}"), None, help, value);
    }

    /// What the process as a whole uses, and the end.
    pub(super) fn finish(mut self) -> String {
        let cpu = crate::time::process_cpu().as_secs_f64();
        self.family("counter", "process_cpu_seconds", Some("seconds"), "Processor time of the whole process.", cpu);
        if let Some(bytes) = resident_bytes() {
            let help = "Resident memory of the whole process.";
            self.family("gauge", "process_resident_memory_bytes", Some("bytes"), help, bytes);
        }
        self.text.push_str("# EOF\n");
        self.text
    }

    /// A family of one sample. A counter's sample has `_total` behind the family's name. The texts here hold no quote,
    /// backslash or line break, so that nothing has to be escaped; nor does an instance's name.
    fn family(&mut self, kind: &str, name: &str, unit: Option<&str>, help: &str, value: f64) {
        let instance = self.instance;
        let total = if kind == "counter" { "_total" } else { "" };
        let unit = unit.map(|unit| format!("# UNIT {name} {unit}\n")).unwrap_or_default();
        // Writing to a String cannot fail.
        let _infallible = write!(
            self.text,
            "# TYPE {name} {kind}\n{unit}# HELP {name} {help}\n{name}{total}{{instance=\"{instance}\"}} {value}\n"
        );
    }
}

fn resident_bytes() -> Option<f64> {
    let statm = std::fs::read_to_string("/proc/self/statm").ok()?;
    let pages: f64 = statm.split_whitespace().nth(1)?.parse().ok()?;
    Some(pages * rustix::param::page_size() as f64)
}
