//! What may be said to a bench after `--`: `key=value` words. Cargo adds flags of its own, which are passed over.

#![allow(dead_code)] // each bench uses its part

use std::str::FromStr;

/// The value of `key`, or `otherwise`.
pub(crate) fn argument<T: FromStr>(key: &str, otherwise: T) -> T {
    let given = std::env::args().skip(1).find_map(|word| Some(word.strip_prefix(key)?.strip_prefix('=')?.to_owned()));
    match given {
        Some(text) => text.parse().unwrap_or_else(|_| panic!("{key}={text} makes no sense")),
        None => otherwise,
    }
}
