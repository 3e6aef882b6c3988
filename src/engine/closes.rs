//! Connections that ended without anybody's wish, outside planned faults: what they have in common, named in words. Pure.

use std::collections::BTreeMap;
use std::time::Duration;

use super::incidents::Parting;
use super::outcome::{Close, Middle};
use crate::observe::Word;
use crate::time::Timestamp;
use crate::units::human::duration;
use crate::wire::InstanceTag;

/// Endings of a kind that are looked at; further ones are only counted.
const SAMPLES: usize = 1_000;

/// Kinds told apart; further ones are counted together.
const KINDS: usize = 32;

/// Fewer endings than this have nothing in common.
const FEWEST: usize = 5;

/// Silence shorter than this is no time-out's.
const SILENCE: Duration = Duration::from_secs(5);

/// Endings this close together are one event.
const TOGETHER: Duration = Duration::from_secs(1);

/// All of them, by kind.
#[derive(Debug, Default)]
pub(super) struct Closes {
    kinds: BTreeMap<Word, Kind>,
}

#[derive(Debug, Default)]
struct Kind {
    count: u64,
    samples: Vec<(Timestamp, Parting)>,
    instances: BTreeMap<InstanceTag, u64>,
}

impl Closes {
    pub(super) fn note(&mut self, at: Timestamp, parting: Parting) {
        let known = self.kinds.len() < KINDS || self.kinds.contains_key(&parting.kind);
        let kind = self.kinds.entry(if known { parting.kind } else { Word::OTHER }).or_default();
        kind.count += 1;
        if kind.samples.len() < SAMPLES {
            kind.samples.push((at, parting));
            *kind.instances.entry(parting.instance).or_default() += 1;
        }
    }

    /// What they amount to, the most frequent first; `instances` names those there are.
    pub(super) fn conclude(self, instances: &BTreeMap<InstanceTag, String>) -> Vec<Close> {
        let mut closes: Vec<Close> =
            self.kinds.into_iter().map(|(word, kind)| kind.conclude(word, instances)).collect();
        closes.sort_by_key(|close| std::cmp::Reverse(close.count));
        closes
    }
}

impl Kind {
    fn conclude(self, word: Word, instances: &BTreeMap<InstanceTag, String>) -> Close {
        let middle = |of: fn(&(Timestamp, Parting)) -> Duration| {
            let mut values: Vec<Duration> = self.samples.iter().map(of).collect();
            values.sort_unstable();
            let at = |share: f64| values[((values.len() - 1) as f64 * share).round() as usize];
            Middle { p5: at(0.05), p50: at(0.5), p95: at(0.95) }
        };
        let (age, idle) = (middle(|(_, parting)| parting.age), middle(|(_, parting)| parting.idle));
        let at = middle(|(at, _)| Duration::from_nanos(at.nanos()));
        let only = match self.instances.keys().collect::<Vec<_>>()[..] {
            [only] if instances.len() > 1 => instances.get(only).cloned(),
            _ => None,
        };
        let together = at.p95 - at.p5 <= TOGETHER;
        let mut words = ending(word);
        if self.samples.len() >= FEWEST {
            if constant(&idle) && idle.p50 >= SILENCE {
                words += &format!(
                    ", each after {} without a byte: a read time-out on the way, most often a proxy's",
                    shown(idle.p50)
                );
            } else if constant(&age) && !together {
                words += &format!(", each at the age of {}: a maximum age of connections", shown(age.p50));
            } else if let (true, Some(name)) = (together, &only) {
                words +=
                    &format!(", all of instance {name} within {}: a crash, a restart or a deploy", shown(TOGETHER));
            } else if together {
                words += &format!(", all within {}", shown(TOGETHER));
            }
        }
        Close { kind: word, count: self.count, instance: only, age, idle, words }
    }
}

/// Whether the values are one value and some scatter.
fn constant(values: &Middle) -> bool {
    values.p95 - values.p5 <= (values.p50 / 20).max(Duration::from_millis(250)) && values.p50 >= TOGETHER
}

fn shown(time: Duration) -> String {
    duration(crate::time::nanos(time))
}

/// How it ended, in words.
fn ending(word: Word) -> String {
    match word {
        Word::EOF => "ended by the other side without a close frame (1006)".to_owned(),
        Word::RESET => "reset by the other side without a close frame (1006)".to_owned(),
        Word::SILENT => "given up, because nothing was heard for too long".to_owned(),
        Word::PROTOCOL => "broken off, because what came was not the protocol".to_owned(),
        word => {
            let name = word.name();
            let known = [
                ("close_1000", "closed as done (1000)"),
                ("close_1001", "closed, because the server goes away (1001)"),
                ("close_1005", "closed without a reason (1005)"),
                ("close_1008", "closed, because of a policy (1008)"),
                ("close_1011", "closed, because of an error in the server (1011)"),
                ("close_1012", "closed, because the server restarts (1012)"),
                ("close_1013", "closed, because the server is overloaded (1013)"),
                ("close_4202", "closed, because the client read too slowly (4202)"),
            ];
            let words = known.iter().find(|(known, _)| *known == name).map(|(_, words)| (*words).to_owned());
            words.unwrap_or_else(|| format!("ended by {name}"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: InstanceTag = InstanceTag(1);
    const B: InstanceTag = InstanceTag(2);

    /// What ten endings are called: when, at which age, after which silence (seconds), where.
    fn words(kind: Word, ending: impl Fn(u64) -> (f64, f64, f64, InstanceTag)) -> String {
        let names = BTreeMap::from([(A, "a".to_owned()), (B, "b".to_owned())]);
        let mut closes = Closes::default();
        for n in 0..10 {
            let (at, age, idle, instance) = ending(n);
            let [at, age, idle] = [at, age, idle].map(Duration::from_secs_f64);
            let at = Timestamp::from_nanos(1_000_000_000_000) + at;
            closes.note(at, Parting { kind, instance, age, idle });
        }
        let closes = closes.conclude(&names);
        assert_eq!((closes.len(), closes[0].count), (1, 10));
        closes[0].words.clone()
    }

    #[test]
    fn what_they_have_in_common_is_named() {
        let n = |n: u64| n as f64;
        let idle = words(Word::EOF, |at| (n(at) * 7.0, 100.0 + n(at) * 9.0, 60.0 + n(at) * 0.01, A));
        assert!(idle.contains("(1006), each after 60.0 s without a byte: a read time-out"), "{idle}");
        let age = words(Word::close(1001), |at| (n(at) * 3.0, 120.0 + n(at) * 0.02, n(at) * 0.3, A));
        assert!(age.ends_with("(1001), each at the age of 2m 00s: a maximum age of connections"), "{age}");
        let crash = words(Word::RESET, |at| (n(at) * 0.01, 30.0 + n(at), n(at) * 0.1, B));
        assert!(crash.contains("all of instance b within"), "{crash}");
        let both = words(Word::RESET, |at| (n(at) * 0.01, 30.0 + n(at), 0.1, if at % 2 == 0 { A } else { B }));
        assert!(both.contains(", all within"), "{both}");
        let nothing = words(Word::close(4999), |at| (n(at) * 5.0, n(at) * 11.0, n(at), A));
        assert_eq!(nothing, "ended by close_4999");
    }

    #[test]
    fn few_have_nothing_in_common_and_many_are_counted() {
        let parting = |kind| Parting { kind, instance: A, age: SILENCE, idle: SILENCE };
        let mut closes = Closes::default();
        closes.note(Timestamp::from_nanos(1), parting(Word::EOF));
        (0..2 * SAMPLES as u64).for_each(|at| closes.note(Timestamp::from_nanos(at), parting(Word::RESET)));
        let concluded = closes.conclude(&BTreeMap::new());
        assert_eq!(concluded.iter().map(|close| close.count).collect::<Vec<_>>(), [2_000, 1]);
        assert_eq!(concluded[1].words, "ended by the other side without a close frame (1006)");
    }
}
