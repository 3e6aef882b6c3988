//! Many simulated gates on the noise of a shared machine: how often the gate is wrong, how often it sees what is there,
//! and what the usual rule (all of base, then all of new, fail at +10 %) makes of the same noise.

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::Gate;
use crate::gate::{About, Block, Metric, Settings, Side, Verdict};
use crate::metrics::Histogram;

/// Drift: autocorrelation 0.75 and a spread of 16 %, as on the machine whose recordings are behind the rule.
struct Noise {
    rng: ChaCha8Rng,
    level: f64,
}

impl Noise {
    fn new(seed: u64) -> Self {
        Self { rng: ChaCha8Rng::seed_from_u64(seed), level: 0.0 }
    }

    fn normal(&mut self) -> f64 {
        let radius = (-2.0 * (1.0 - self.rng.random::<f64>()).ln()).sqrt();
        radius * (std::f64::consts::TAU * self.rng.random::<f64>()).cos()
    }

    fn next(&mut self) -> f64 {
        let (rho, spread) = (0.75f64, 0.16);
        self.level = rho * self.level + spread * (1.0 - rho * rho).sqrt() * self.normal();
        self.level
    }

    fn coin(&mut self) -> bool {
        self.rng.random()
    }
}

fn block((start, pair): (u32, u32), side: Side, log: f64) -> Block {
    let mut delivery = Histogram::default();
    delivery.record_n((1e6 * log.exp()) as u64, 100);
    Block { pair, start, side, delivery, send_lag: Histogram::default(), steal_ppm: 0 }
}

/// One gate on p50 with a tolerance of 5 %, new later by `effect`, of at most `pairs` pairs.
fn gate(seed: u64, effect: f64, pairs: u32) -> Verdict {
    started(seed, effect, pairs, (1, 0.0)).report(&About::default()).verdict
}

/// The same over `starts` of both sides, each of which puts new off by its own share, `apart` from one to the next.
fn started(seed: u64, effect: f64, pairs: u32, (starts, apart): (u32, f64)) -> Gate {
    let metric: Metric = "p50=5%".parse().unwrap();
    let mut gate = Gate::new(Settings::new(vec![metric], seed).unwrap());
    let mut noise = Noise::new(seed);
    let (mut start, mut luck) = (0, apart * noise.normal());
    for pair in 0..pairs {
        if gate.has_enough_of_this_start(starts) {
            (start, luck) = (start + 1, apart * noise.normal());
        }
        let (first, second) = (noise.next(), noise.next());
        let (base, new) = if noise.coin() { (first, second) } else { (second, first) };
        let new = new + effect.ln_1p() + luck;
        if gate.push(block((start, pair), Side::Base, base), block((start, pair), Side::New, new)) {
            break;
        }
    }
    gate.finish();
    gate
}

/// The usual rule: sixty blocks of base, then sixty of new.
fn usual_rule(seed: u64, effect: f64) -> bool {
    let mut noise = Noise::new(seed);
    let mut mean = |shift: f64| (0..60).map(|_| (noise.next() + shift).exp()).sum::<f64>() / 60.0;
    let base = mean(0.0);
    mean(effect.ln_1p()) > base * 1.1
}

fn count(verdict: Verdict, effect: f64, gates: u64) -> usize {
    (0..gates).filter(|seed| gate(*seed, effect, 70) == verdict).count()
}

#[test]
fn equal_servers_pass_and_are_hardly_ever_accused() {
    let (gates, mut passed, mut accused) = (40, 0, 0);
    for seed in 0..gates {
        match gate(seed, 0.0, 70) {
            Verdict::NotRegressed => passed += 1,
            Verdict::Regressed => accused += 1,
            _ => {}
        }
    }
    let usual = (0..10 * gates).filter(|seed| usual_rule(*seed, 0.0)).count();
    assert_eq!(accused, 0, "false alarms in {gates}");
    assert!(passed * 10 >= gates as usize * 9, "{passed} of {gates} passed");
    assert!(usual >= 20, "{usual} false alarms of the usual rule in {}", 10 * gates);
}

#[test]
fn a_tenth_later_is_seen() {
    let seen = count(Verdict::Regressed, 0.10, 20);
    assert!(seen >= 18, "{seen} of 20 seen");
    assert_eq!(count(Verdict::NotRegressed, 0.10, 20), 0);
}

#[test]
fn three_pairs_never_pass() {
    for effect in [0.0, 0.5] {
        assert!((0..20).all(|seed| gate(seed, effect, 8) == Verdict::Inconclusive));
    }
}

#[test]
fn what_one_start_happened_to_be_weighs_less_among_three() {
    let accused = |starts: u32| {
        let verdict = |seed| started(seed, 0.0, 120, (starts, 0.07)).report(&About::default()).verdict;
        (0..60).filter(|seed| verdict(*seed) == Verdict::Regressed).count()
    };
    let (one, three) = (accused(1), accused(3));
    assert!(one >= 6 && three * 2 <= one, "{one} of 60 with one start, {three} with three");
}

#[test]
fn every_start_is_warmed_up() {
    let one = started(5, 0.0, 120, (1, 0.0));
    let three = started(5, 0.0, 120, (3, 0.0));
    assert_eq!([one.starts(), three.starts()], [1, 3]);
    let warm_up = |gate: &Gate| gate.report(&About::default()).warm_up;
    assert!(warm_up(&one) >= 5 && warm_up(&three) >= 15, "{} {}", warm_up(&one), warm_up(&three));
}
