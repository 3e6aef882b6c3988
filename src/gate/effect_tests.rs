use super::*;
use proptest::prelude::{prop_assert, prop_assert_eq, proptest};

#[test]
fn the_effect_is_the_median_of_all_pairwise_means() {
    // Means of 1, 2, 9: 1, 1.5, 2, 5, 5.5, 9.
    assert_eq!(Effect::of(&[1.0, 2.0, 9.0], 1).estimate, 3.5);
    assert_eq!(Effect::of(&[4.0], 1).estimate, 4.0);
}

#[test]
fn p_is_the_share_of_sign_patterns_at_least_as_extreme() {
    assert_eq!(sign_flip(&[1.0, 2.0, 3.0, 4.0, 5.0]), 1.0 / 32.0);
    // Ranks 1 to 3, the largest negative: sums of at least 3 are 3 (twice), 4, 5, 6 of eight.
    assert_eq!(sign_flip(&[1.0, 2.0, -3.0]), 5.0 / 8.0);
    assert_eq!((sign_flip(&[]), sign_flip(&[0.0, 0.0])), (1.0, 1.0));
    // Two that tie share rank 1.5.
    assert_eq!(sign_flip(&[2.0, -2.0]), 3.0 / 4.0);
}

proptest! {
    #[test]
    fn p_agrees_with_trying_every_sign(differences in proptest::collection::vec(-5i32..5, 1..11)) {
        let values: Vec<f64> = differences.iter().map(|d| f64::from(*d)).collect();
        let rank = |v: f64| {
            let nonzero = values.iter().filter(|w| **w != 0.0);
            nonzero.map(|w| if w.abs() < v.abs() { 2 } else { i32::from(w.abs() == v.abs()) }).sum::<i32>() + 1
        };
        let ranks: Vec<i32> = values.iter().map(|v| if *v == 0.0 { 0 } else { rank(*v) }).collect();
        let observed: i32 = ranks.iter().zip(&values).filter(|(_, v)| **v > 0.0).map(|(r, _)| r).sum();
        let sum = |signs: u32| -> i32 { ranks.iter().enumerate().filter(|(k, _)| signs >> k & 1 == 1).map(|(_, r)| r).sum() };
        let all = 1u32 << ranks.len();
        let extreme = (0..all).filter(|signs| sum(*signs) >= observed).count();
        prop_assert!((sign_flip(&values) - extreme as f64 / f64::from(all)).abs() < 1e-9);
    }

    #[test]
    fn a_resample_has_the_median_of_its_means(values in proptest::collection::vec(-9i32..9, 1..9), times in proptest::collection::vec(0u64..4, 9)) {
        let values: Vec<f64> = values.iter().map(|v| f64::from(*v)).collect();
        let times = &times[..values.len()];
        let drawn: Vec<f64> = values.iter().zip(times).flat_map(|(v, n)| std::iter::repeat_n(*v, *n as usize)).collect();
        if !drawn.is_empty() {
            let once = vec![1; drawn.len()];
            prop_assert_eq!(Walsh::of(&values).median(times), Walsh::of(&drawn).median(&once));
        }
    }
}

#[test]
fn the_same_seed_gives_the_same_effect_and_the_error_shrinks_with_the_pairs() {
    let series = |n: usize| -> Vec<f64> { (0..n).map(|k| ((k * 7919) % 101) as f64 / 101.0 - 0.5).collect() };
    assert_eq!(Effect::of(&series(60), 5), Effect::of(&series(60), 5));
    let (few, many) = (Effect::of(&series(20), 5).error, Effect::of(&series(80), 5).error);
    assert!(many < few && (0.02..0.08).contains(&many), "{few} {many}");
    assert_eq!(Effect::of(&[0.1, 0.2], 5).error, f64::INFINITY);
}
