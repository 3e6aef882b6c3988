//! Digests in templates, `{{hmac_sha256:KEY:TEXT}}` and `{{md5:TEXT}}`, written as hexadecimal digits: what signs requests.

use hmac::{Hmac, Mac as _};
use md5::{Digest as _, Md5};
use sha2::Sha256;
use std::fmt;
use std::fmt::Write as _;

use super::slot::{Slot, Values, Vocabulary};
use super::template::Template;

/// A digest of a text that is filled in first.
#[derive(Clone)]
pub(super) struct Digest {
    by: By,
    text: Template,
}

#[derive(Clone)]
enum By {
    HmacSha256(Template),
    Md5,
}

/// Digits of the longest.
pub(super) const LONGEST: usize = 64;

impl Digest {
    /// The digest called `name` of what stands behind its colon.
    ///
    /// # Errors
    /// When there is none of that name, or what it is of cannot be filled in.
    pub(super) fn new(name: &str, of: &str, words: Vocabulary<'_>) -> Result<Self, String> {
        let (by, text) = match name {
            "md5" => (By::Md5, of),
            "hmac_sha256" => {
                let parted = of.split_once(':');
                let (key, text) = parted.ok_or("{{hmac_sha256:…}} is written {{hmac_sha256:KEY:TEXT}}")?;
                (By::HmacSha256(Template::plain(key, words)?), text)
            }
            _ => {
                let there_are = "there are: {{hmac_sha256:KEY:TEXT}} {{md5:TEXT}}";
                return Err(format!("{{{{{name}:…}}}} is no digest; {there_are}"));
            }
        };
        Ok(Self { by, text: Template::plain(text, words)? })
    }

    /// Whether it names `slot`.
    pub(super) fn names(&self, slot: Slot) -> bool {
        let by_key = matches!(&self.by, By::HmacSha256(key) if key.names(slot));
        by_key || self.text.names(slot)
    }

    /// Its digits for these values.
    pub(super) fn of(&self, values: &Values<'_>) -> String {
        let text = self.text.render(values);
        match &self.by {
            By::Md5 => digits(&Md5::digest(text)),
            By::HmacSha256(key) => {
                let key = key.render(values);
                let mac = Hmac::<Sha256>::new_from_slice(key.as_bytes());
                let mut mac = mac.expect("HMAC takes keys of any length");
                mac.update(text.as_bytes());
                digits(&mac.finalize().into_bytes())
            }
        }
    }
}

fn digits(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(2 * bytes.len());
    for byte in bytes {
        let written = write!(out, "{byte:02x}");
        debug_assert!(written.is_ok(), "a string takes every digit");
    }
    out
}

/// Keys are secrets: not shown.
impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Digest").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WORDS: Vocabulary<'static> = Vocabulary { slots: &[Slot::Room, Slot::Body], saved: &[] };

    fn digest(name: &str, of: &str, values: &Values<'_>) -> String {
        Digest::new(name, of, WORDS).unwrap().of(values)
    }

    #[test]
    fn digests_are_those_of_rfc_1321_and_rfc_4231() {
        let values = Values { body: "message digest", room: "what do ya want for nothing?", ..Values::default() };
        assert_eq!(digest("md5", "{{body}}", &values), "f96b697d7cb7938d525a2f31aaf161d0");
        let expected = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843";
        assert_eq!(digest("hmac_sha256", "Jefe:{{room}}", &values), expected);
        assert_eq!(digest("hmac_sha256", "Jefe:what do ya want for nothing?", &values), expected);
    }

    #[test]
    fn a_key_is_shown_nowhere() {
        let digest = Digest::new("hmac_sha256", "hidden:{{room}}", WORDS).unwrap();
        assert!(!format!("{digest:?}").contains("hidden"));
    }
}
