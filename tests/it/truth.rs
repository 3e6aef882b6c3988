//! The accounts of a run against what its Redis passed on, which a witness beside the servers has heard.

use std::collections::HashSet;

use rustix::process::Signal;

use crate::support::process::{instances, signal};
use crate::support::raw_log::{Log, Message, compare};
use crate::support::witness::Witness;
use crate::support::{PATIENCE, Report, put, scratch, wait_for, wsbench};

/// Sixty people in three rooms on two processes, everybody talking fast. They take their time to come: the witness has to be
/// there before the first word.
const LIVELY: &str = r#"
name = "lively"
[run]
warm_up = "0s"
duration = "6s"
drain = "6s"
[server]
instances = 2
broker = "redis"
[[clients]]
name = "people"
count = 60
ramp = "2s"
rooms = { count = 3, name = "room-{n}" }
reconnect = { policy = "full-jitter", base = "300ms", cap = "1s", resume = RESUME }
[[publish]]
name = "talk"
from = "people"
rate = "300/s"
size = "128B"
"#;

/// What is left of a run.
struct Run {
    log: Log,
    report: Report,
    /// What Redis passed on.
    passed: HashSet<Message>,
    text: String,
}

impl Run {
    /// Runs [`LIVELY`] with `more` in it; `meddle` is called with the run's process when people talk.
    fn of(more: &str, resume: bool, meddle: impl FnOnce(u32)) -> Self {
        let directory = scratch();
        let [raw, json] = ["run.raw", "run.json"].map(|name| directory.path().join(name));
        let text = LIVELY.replace("RESUME", &resume.to_string()) + more;
        let running = wsbench(["run", &put(&directory, "lively.toml", &text)])
            .args(["--out", &format!("raw={}", raw.display()), "--out", &format!("json={}", json.display())])
            .start();
        let (witness, _) = Witness::beside(running.pid());
        let arrived = || std::fs::read_to_string(&raw).ok().filter(|text| text.contains(r#""what":"arrival""#));
        wait_for("the first arrivals in the raw log", PATIENCE, arrived);
        meddle(running.pid());
        let finished = running.finish();
        assert!(matches!(finished.code, Some(0 | 99)), "{finished:?}");
        let report = Report::read(&json);
        compare(&raw, &report);
        Self { log: Log::read(&raw), report, passed: witness.testimony(), text: finished.stdout }
    }

    /// Pairs of the measured phase that were not delivered, by what Redis, the talker's answer and the accounts say.
    fn missing(&self) -> Missing {
        let mut missing = Missing { away: true, ..Missing::default() };
        for (message, publication) in self.log.publications.iter().filter(|(_, p)| self.log.is_measured(p)) {
            if publication.sent.is_none() {
                assert!(!self.passed.contains(message), "{message:?} was never said, and Redis passed it on");
                continue;
            }
            let owed = self.log.owed(message.0, publication);
            let (came, absent): (Vec<u64>, Vec<u64>) =
                owed.into_iter().partition(|client| self.log.arrivals.contains_key(&(*client, *message)));
            assert!(came.is_empty() || self.passed.contains(message), "{message:?} came past Redis");
            if self.passed.contains(message) {
                missing.away &= absent.iter().all(|client| self.log.down.contains_key(client));
            }
            let of = match (self.passed.contains(message), publication.refused, publication.uncertain) {
                (true, ..) => &mut missing.passed,
                (false, true, _) => &mut missing.refused,
                (false, false, true) => &mut missing.uncertain,
                (false, false, false) => &mut missing.swallowed,
            };
            *of += absent.len() as u64;
        }
        missing
    }

    fn excluded(&self, reason: &str) -> u64 {
        self.report.counted("deliveries.excluded", &[("reason", reason)])
    }
}

/// Missing pairs, by what became of their publication.
#[derive(Debug, Default, PartialEq)]
struct Missing {
    /// Redis passed it on.
    passed: u64,
    /// It did not, and the talker was told so.
    refused: u64,
    /// It did not, and the talker never learned of it.
    uncertain: u64,
    /// It did not, and the talker was not told.
    swallowed: u64,
    /// Whoever missed what Redis passed on has lost a connection.
    away: bool,
}

const OUTAGE: &str = "[[fault]]\nname = \"outage\"\nat = \"2s\"\nredis = ";

#[test]
fn a_paused_redis_costs_what_redis_itself_did_not_pass_on() {
    let run = Run::of(&format!("{OUTAGE}{{ action = \"pause\", duration = \"3s\" }}\n"), true, |_| {});
    let missing = run.missing();
    let lost = run.report.count("deliveries.lost");
    assert_eq!((missing.passed, lost), (0, missing.swallowed), "nobody lost a connection: {missing:?}\n{}", run.text);
    assert_eq!(run.excluded("refused"), missing.refused, "{missing:?}\n{}", run.text);
    assert_eq!(run.report.count("reconnect.lost_connections"), 0);
}

#[test]
fn a_killed_redis_costs_what_redis_itself_did_not_pass_on() {
    let run = Run::of(&format!("{OUTAGE}{{ action = \"kill\", duration = \"2s\" }}\n"), true, |_| {});
    let missing = run.missing();
    let lost = run.report.count("deliveries.lost");
    assert!(missing.refused > 0, "two seconds without a bus: {missing:?}\n{}", run.text);
    assert_eq!(lost, missing.passed + missing.swallowed, "{missing:?}\n{}", run.text);
    assert_eq!(run.excluded("refused"), missing.refused, "{missing:?}\n{}", run.text);
}

#[test]
fn who_resumes_gets_all_that_redis_passed_on() {
    let run = Run::of("", true, |pid| signal(instances(pid)[0], Signal::KILL));
    let missing = run.missing();
    assert_eq!(missing.passed, 0, "{missing:?}\n{}", run.text);
    assert_eq!(run.report.count("deliveries.lost"), missing.swallowed, "what died with the instance\n{}", run.text);
    assert!(run.report.count("deliveries.replayed") > 100, "{}", run.text);
    let deploy = "[[fault]]\nname = \"deploy\"\nat = \"2s\"\n\
                  instance = { index = 1, action = \"drain\", restart_after = \"3s\" }\n";
    let run = Run::of(deploy, true, |_| {});
    assert_eq!(run.report.count("reconnect.lost_connections"), 30, "{}", run.text);
    assert_eq!((run.missing().passed, run.report.count("deliveries.lost")), (0, 0), "{}", run.text);
}

#[test]
fn who_does_not_resume_misses_what_redis_passed_on_meanwhile() {
    let run = Run::of("", false, |pid| signal(instances(pid)[0], Signal::KILL));
    let missing = run.missing();
    assert!(missing.passed > 100, "half of them were away: {missing:?}\n{}", run.text);
    let [gap, steady] =
        ["reconnect_gap", "steady"].map(|class| run.report.counted("deliveries.lost", &[("class", class)]));
    assert_eq!(gap + steady, missing.passed + missing.swallowed, "{gap} {steady} {missing:?}\n{}", run.text);
    // Whoever sat on the killed instance was away; the others missed only what died with it.
    assert!(steady <= missing.swallowed && missing.away, "{steady} {missing:?}\n{}", run.text);
    assert_eq!(run.report.count("reconnect.missed"), gap, "{missing:?}\n{}", run.text);
}
