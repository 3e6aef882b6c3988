//! The few statistics a bench prints.

#![allow(dead_code)] // each bench uses its part

/// The middle value; NaN without any.
pub(crate) fn median(values: impl IntoIterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.into_iter().collect();
    values.sort_by(f64::total_cmp);
    match (values.len(), values.get(values.len() / 2)) {
        (_, None) => f64::NAN,
        (n, Some(upper)) if n % 2 == 1 => *upper,
        (n, Some(upper)) => (values[n / 2 - 1] + upper) / 2.0,
    }
}
