//! The text of a publication: the marker in front, then filler of the exact size or a line of the corpus.

use rand::RngExt;
use std::sync::Arc;

use super::Publication;
use super::seed::{For, rng};
use crate::scenario::{Scenario, Text};
use crate::wire::MARKER_LEN;

/// Length of the block all filler is cut from.
const BLOCK: usize = 1 << 16;

/// Writes payloads. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Payload {
    /// Seeded printable ASCII without quotes and backslashes, so that no protocol has to escape it.
    block: Arc<str>,
    texts: Arc<[Text]>,
}

impl Payload {
    /// The payloads of `scenario`.
    pub fn new(scenario: &Scenario) -> Self {
        const ALPHABET: &[u8] = b"abcdefghijklmnopqrstuvwxyz ABCDEFGHIJKLMNOPQRSTUVWXYZ 0123456789 .,;:!?-+*=()";
        let mut random = rng(scenario.seed, For::Filler, 0, 0);
        let letters = (0..BLOCK).map(|_| char::from(ALPHABET[random.random_range(0..ALPHABET.len())]));
        let texts = scenario.publishes.iter().map(|publish| publish.text.clone());
        Self { block: letters.collect::<String>().into(), texts: texts.collect() }
    }

    /// Replaces `out` with the payload of `publication`, which carries `marker`.
    pub fn write(&self, publication: &Publication, marker: &[u8; MARKER_LEN], out: &mut String) {
        out.clear();
        out.extend(marker.iter().map(|byte| char::from(*byte)));
        if let Text::Corpus(lines) = &self.texts[usize::from(publication.publish.0)] {
            out.push(' ');
            out.push_str(lines.get(publication.size as usize).map_or("", String::as_str));
            return;
        }
        let mut missing = (publication.size as usize).saturating_sub(out.len());
        // Another place in the block for each publication, so that payloads differ.
        let mut at = (publication.sequence as usize).wrapping_mul(7_919) % BLOCK;
        while missing > 0 {
            let length = missing.min(BLOCK - at);
            out.push_str(&self.block[at..at + length]);
            missing -= length;
            at = 0;
        }
    }
}
