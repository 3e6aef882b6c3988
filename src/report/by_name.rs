//! Values by the name of their metric, as a result tells them: made once, shared by all copies, and small. A run of hours
//! holds a thousand of them.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::metrics::METRICS;

/// A map from the names of metrics to values that never changes, in the order of the names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ByName<T>(Arc<[(Name, T)]>);

/// The name of a metric: its place in the table, or the text where another version of this program wrote it.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Name {
    Known(u16),
    Other(Box<str>),
}

impl Name {
    fn of(text: &str) -> Self {
        let known = METRICS.iter().position(|metric| metric.name == text).and_then(|at| u16::try_from(at).ok());
        known.map_or_else(|| Self::Other(text.into()), Self::Known)
    }

    fn text(&self) -> &str {
        match self {
            Self::Known(at) => METRICS[usize::from(*at)].name,
            Self::Other(text) => text,
        }
    }
}

impl<T> ByName<T> {
    /// The value of the metric called `name`.
    pub fn get(&self, name: &str) -> Option<&T> {
        let at = self.0.binary_search_by(|(known, _)| known.text().cmp(name)).ok()?;
        Some(&self.0[at].1)
    }

    /// Names and values.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &T)> {
        self.0.iter().map(|(name, value)| (name.text(), value))
    }
}

impl<T, N: AsRef<str>> FromIterator<(N, T)> for ByName<T> {
    fn from_iter<I: IntoIterator<Item = (N, T)>>(values: I) -> Self {
        let mut values: Vec<(Name, T)> =
            values.into_iter().map(|(name, value)| (Name::of(name.as_ref()), value)).collect();
        values.sort_by(|(one, _), (other, _)| one.text().cmp(other.text()));
        Self(values.into())
    }
}

impl<T: Serialize> Serialize for ByName<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.iter())
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for ByName<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(BTreeMap::<String, T>::deserialize(deserializer)?.into_iter().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_written_as_a_map_in_the_order_of_the_names_and_read_back_whoever_wrote_it() {
        let values: ByName<u64> =
            [("messages.sent", 3), ("a metric of another version", 2), ("deliveries.due", 1)].into_iter().collect();
        let text = serde_json::to_string(&values).unwrap();
        assert_eq!(text, r#"{"a metric of another version":2,"deliveries.due":1,"messages.sent":3}"#);
        assert_eq!(serde_json::from_str::<ByName<u64>>(&text).unwrap(), values);
        let asked = ["deliveries.due", "deliveries.lost", "a metric of another version"].map(|name| values.get(name));
        assert_eq!(asked, [Some(&1), None, Some(&2)]);
        let names: Vec<&str> = values.iter().map(|(name, _)| name).collect();
        assert!(names.is_sorted() && names.len() == 3, "{names:?}");
    }

    #[test]
    fn a_copy_shares_what_it_holds() {
        let values: ByName<u64> = [("messages.sent", 3)].into_iter().collect();
        assert!(Arc::ptr_eq(&values.0, &values.clone().0));
        assert!(size_of::<Name>() <= 16, "a name is as small as a place in the table allows");
    }
}
