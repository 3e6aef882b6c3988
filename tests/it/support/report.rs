//! A result file, read by its documented names only.

use std::path::Path;

use base64::Engine as _;
use hdrhistogram::Histogram;
use hdrhistogram::serialization::Deserializer;
use serde_json::Value;

use super::Finished;

/// The JSON of a run.
#[derive(Debug)]
pub(crate) struct Report(pub(crate) Value);

impl Report {
    pub(crate) fn read(path: impl AsRef<Path>) -> Self {
        let path = path.as_ref();
        let text = std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        Self::parse(&text)
    }

    pub(crate) fn parse(text: &str) -> Self {
        Self(serde_json::from_str(text).unwrap_or_else(|error| panic!("{error} in {text}")))
    }

    /// The total of a counter; a counter that is not there has counted nothing.
    pub(crate) fn count(&self, name: &str) -> u64 {
        self.counted(name, &[])
    }

    /// The entry of a counter with exactly these labels, 0 without one.
    pub(crate) fn counted(&self, name: &str, labels: &[(&str, &str)]) -> u64 {
        let entry = self.entries("counters").find(|entry| is(entry, name, labels));
        entry.map_or(0, |entry| entry["value"].as_u64().unwrap())
    }

    /// The entry of a histogram without labels.
    pub(crate) fn histogram(&self, name: &str) -> &Value {
        self.entries("histograms").find(|entry| is(entry, name, &[])).unwrap_or_else(|| panic!("no histogram {name}"))
    }

    pub(crate) fn entries(&self, list: &str) -> impl Iterator<Item = &Value> {
        self.0[list].as_array().unwrap_or_else(|| panic!("{list} is not a list")).iter()
    }

    /// `due = delivered + lost + excluded` as counters; gives the four.
    #[track_caller]
    pub(crate) fn identity(&self) -> [u64; 4] {
        let four = ["due", "delivered", "lost", "excluded"].map(|name| self.count(&format!("deliveries.{name}")));
        assert_eq!(four[0], four[1] + four[2] + four[3], "due = delivered + lost + excluded: {four:?}");
        four
    }

    /// Fails unless the run this is of ended well as far as a plain test may ask: every rule that is not about time holds,
    /// and those that are have been judged, whatever came of it on a busy machine. `timing::scenarios` asks for all of them.
    #[track_caller]
    pub(crate) fn holds_but_for_time(&self, finished: &Finished) -> &Self {
        let (timed, counted): (Vec<_>, Vec<_>) = self.entries("thresholds").partition(|rule| rule["unit"] == "ns");
        assert!(timed.iter().all(|rule| rule["value"].is_number()), "not judged: {timed:?}");
        assert!(counted.iter().all(|rule| rule["ok"] == true), "{counted:?}\n{}", finished.stdout);
        finished.expect(if timed.iter().all(|rule| rule["ok"] == true) { 0 } else { 99 });
        self
    }

    pub(crate) fn is_healthy(&self) -> bool {
        self.0["generator"]["healthy"].as_bool().unwrap()
    }
}

fn is(entry: &Value, name: &str, labels: &[(&str, &str)]) -> bool {
    let own = entry["labels"].as_object().unwrap();
    entry["name"] == name
        && own.len() == labels.len()
        && labels.iter().all(|(key, value)| own.get(*key).is_some_and(|v| v == value))
}

/// The histogram embedded in an entry.
pub(crate) fn embedded(entry: &Value) -> Histogram<u64> {
    let bytes = base64::engine::general_purpose::STANDARD.decode(entry["hdr_v2_deflate_base64"].as_str().unwrap());
    Deserializer::new().deserialize(&mut bytes.unwrap().as_slice()).unwrap()
}
