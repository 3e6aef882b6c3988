//! The rows of the self-test: what is done to the traffic, in whose log it stands, and how exactly it must be found
//! again. Pure: how a row is measured is told by `trials`.

use std::time::Duration;

use serde::Serialize;

use crate::time::nanos;

/// Delays must be found to this, or to a hundredth.
const DELAY_ALLOWED: u64 = 100_000;

/// Whose word is taken for what really happened.
pub(super) const PROXY: &str = "the fault proxy's log";
pub(super) const SERVER: &str = "the server's log of its faults";
pub(super) const STOPPER: &str = "the clock of the process that stopped the server";

/// What a row is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Subject {
    /// Bytes to half of the clients are held for so many milliseconds.
    Delay(u64),
    /// The server does this to some copies, called so in its log; this counter must say how often.
    Mutation { deed: &'static str, counter: &'static str },
    /// As a mutation, of joins: clients have to come and go for it.
    Early,
    /// The server does nothing wrong.
    Clean,
    /// The server stands still for a second: what the 99th percentile must be.
    StallP99,
    /// Likewise, what the longest wait must be.
    StallMax,
}

/// One row of the table.
#[derive(Debug)]
pub(super) struct Row {
    /// Its name on the command line.
    pub(super) name: &'static str,
    /// What is injected, in words; at most 30 columns.
    pub(super) words: &'static str,
    /// What it is about.
    pub(super) subject: Subject,
}

const fn row(name: &'static str, words: &'static str, subject: Subject) -> Row {
    Row { name, words, subject }
}

const fn mutation(name: &'static str, words: &'static str, deed: &'static str, counter: &'static str) -> Row {
    row(name, words, Subject::Mutation { deed, counter })
}

/// All rows, in the order of the table. Those of one run stand together.
pub(super) const ROWS: &[Row] = &[
    row("clean", "nothing wrong: false alarms", Subject::Clean),
    mutation("loss", "copies not sent", "drop", "deliveries.lost"),
    mutation("duplicates", "copies sent twice", "duplicate", "deliveries.duplicate"),
    mutation("swaps", "copies behind a later one", "swap", "deliveries.reordered"),
    mutation("misrouted", "copies to another room's member", "misroute", "deliveries.misrouted"),
    row("early", "copies before the join's answer", Subject::Early),
    row("delay-1ms", "bytes held for 1 ms", Subject::Delay(1)),
    row("delay-5ms", "bytes held for 5 ms", Subject::Delay(5)),
    row("delay-20ms", "bytes held for 20 ms", Subject::Delay(20)),
    row("delay-100ms", "bytes held for 100 ms", Subject::Delay(100)),
    row("stall-p99", "server stopped for 1 s: p99", Subject::StallP99),
    row("stall-max", "server stopped for 1 s: longest", Subject::StallMax),
];

impl Subject {
    /// Whose log says what really happened.
    pub(super) fn witness(self) -> &'static str {
        match self {
            Self::Delay(_) => PROXY,
            Self::Mutation { .. } | Self::Early | Self::Clean => SERVER,
            Self::StallP99 | Self::StallMax => STOPPER,
        }
    }

    /// Whether truth and report are nanoseconds; they are counts otherwise.
    pub(super) fn is_time(self) -> bool {
        matches!(self, Self::Delay(_) | Self::StallP99 | Self::StallMax)
    }

    /// How far the report may be from this truth: counts are exact.
    pub(super) fn allowed(self, truth: u64) -> u64 {
        match self {
            Self::Delay(_) => DELAY_ALLOWED.max(truth / 100),
            Self::StallP99 | Self::StallMax => truth / 20,
            Self::Mutation { .. } | Self::Early | Self::Clean => 0,
        }
    }

    /// A truth that is wrong, to see that a miss is noticed.
    fn falsified(self, truth: u64) -> u64 {
        if self.is_time() { truth + truth / 2 + nanos(Duration::from_millis(1)) } else { truth + 1 }
    }
}

/// What became of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Verdict {
    /// The report says what happened.
    Hit,
    /// It says something else.
    Miss,
    /// It does, and the machine was too busy for the row to prove anything.
    Unsaid,
}

/// Whether the truth of a row is taken as it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Truth {
    AsLogged,
    Falsified,
}

/// How the generator fared while a row was measured.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Machine {
    Quiet,
    /// What kept it from running, in words.
    Disturbed(String),
}

/// A row that has been measured.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Measured {
    pub(super) row: &'static str,
    pub(super) injected: &'static str,
    /// `ns`, or `copies`.
    pub(super) unit: &'static str,
    /// What really happened.
    pub(super) truth: u64,
    /// Who says so.
    pub(super) witness: &'static str,
    /// What wsbench says.
    pub(super) reported: u64,
    /// By how much they may differ.
    pub(super) allowed: u64,
    pub(super) verdict: Verdict,
    /// Why there is no verdict.
    pub(super) why: Option<String>,
    #[serde(skip)]
    pub(super) is_time: bool,
}

/// Judges a row.
pub(super) fn judge(row: &'static Row, truth: u64, reported: u64, taken: Truth, machine: &Machine) -> Measured {
    let subject = row.subject;
    let truth = match taken {
        Truth::AsLogged => truth,
        Truth::Falsified => subject.falsified(truth),
    };
    let allowed = subject.allowed(truth);
    let (verdict, why) = match machine {
        _ if truth.abs_diff(reported) <= allowed => (Verdict::Hit, None),
        // Counts do not depend on when anything happened.
        Machine::Disturbed(why) if subject.is_time() => (Verdict::Unsaid, Some(why.clone())),
        _ => (Verdict::Miss, None),
    };
    Measured {
        row: row.name,
        injected: row.words,
        unit: if subject.is_time() { "ns" } else { "copies" },
        truth,
        witness: subject.witness(),
        reported,
        allowed,
        verdict,
        why,
        is_time: subject.is_time(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(name: &str) -> &'static Row {
        ROWS.iter().find(|row| row.name == name).unwrap()
    }

    fn verdict(name: &str, truth: u64, reported: u64, taken: Truth, machine: &Machine) -> Verdict {
        judge(named(name), truth, reported, taken, machine).verdict
    }

    #[test]
    fn counts_are_exact_and_times_are_not() {
        let quiet = Machine::Quiet;
        assert_eq!(verdict("loss", 80, 80, Truth::AsLogged, &quiet), Verdict::Hit);
        assert_eq!(verdict("loss", 80, 79, Truth::AsLogged, &quiet), Verdict::Miss);
        assert_eq!(verdict("delay-1ms", 1_000_000, 1_099_000, Truth::AsLogged, &quiet), Verdict::Hit);
        assert_eq!(verdict("delay-1ms", 1_000_000, 1_101_000, Truth::AsLogged, &quiet), Verdict::Miss);
        assert_eq!(verdict("delay-100ms", 100_000_000, 100_990_000, Truth::AsLogged, &quiet), Verdict::Hit);
        assert_eq!(verdict("stall-p99", 900_000_000, 850_000_000, Truth::AsLogged, &quiet), Verdict::Miss);
    }

    #[test]
    fn a_busy_machine_excuses_times_and_never_counts() {
        let busy = Machine::Disturbed("it was busy".to_owned());
        assert_eq!(verdict("delay-1ms", 1_000_000, 3_000_000, Truth::AsLogged, &busy), Verdict::Unsaid);
        assert_eq!(verdict("delay-1ms", 1_000_000, 1_000_000, Truth::AsLogged, &busy), Verdict::Hit);
        assert_eq!(verdict("swaps", 3, 4, Truth::AsLogged, &busy), Verdict::Miss);
    }

    #[test]
    fn every_row_can_miss() {
        for row in ROWS {
            for truth in [0, 5, 1_000_000, 1_000_000_000] {
                let judged = judge(row, truth, truth, Truth::Falsified, &Machine::Quiet);
                assert_eq!(judged.verdict, Verdict::Miss, "{} with {truth}", row.name);
            }
            assert!(row.words.chars().count() <= 31, "{}", row.words);
        }
    }
}
