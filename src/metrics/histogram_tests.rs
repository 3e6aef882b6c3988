use super::*;
use proptest::prelude::{prop_assert, prop_assert_eq, proptest};

fn of(values: &[u64]) -> Histogram {
    let mut histogram = Histogram::default();
    values.iter().for_each(|v| histogram.record(*v));
    histogram
}

proptest! {
    #[test]
    fn merging_equals_recording_in_one(a in proptest::collection::vec(0u64..HIGHEST, 0..50), b in proptest::collection::vec(0u64..HIGHEST, 0..50)) {
        let mut merged = of(&a);
        merged.merge(&of(&b));
        let one = of(&[a, b].concat());
        prop_assert_eq!(merged.buckets().collect::<Vec<_>>(), one.buckets().collect::<Vec<_>>());
        prop_assert_eq!((merged.min(), merged.max(), merged.count()), (one.min(), one.max(), one.count()));
        prop_assert!((merged.mean() - one.mean()).abs() < 1.0);
    }

    #[test]
    fn a_quantile_is_within_a_thousandth_of_the_sorted_truth(mut values in proptest::collection::vec(1_000u64..HIGHEST, 1..200), q in 0.0f64..=1.0) {
        let got = of(&values).quantile(q);
        values.sort_unstable();
        let rank = ((q * values.len() as f64).ceil() as usize).clamp(1, values.len());
        let truth = values[rank - 1];
        prop_assert!(got.abs_diff(truth) as f64 <= truth as f64 / 1_000.0 + 512.0, "{} {}", got, truth);
    }

    #[test]
    fn encoding_round_trips(values in proptest::collection::vec(0u64..HIGHEST, 0..50)) {
        let histogram = of(&values);
        let back = Histogram::decode(&histogram.encode().unwrap()).unwrap();
        prop_assert_eq!(histogram.buckets().collect::<Vec<_>>(), back.buckets().collect::<Vec<_>>());
    }
}

#[test]
fn another_process_is_told_everything() {
    for values in [&[][..], &[7, 2_000_000, HIGHEST + 5, HIGHEST]] {
        let told = of(values);
        let heard: Histogram = serde_json::from_str(&serde_json::to_string(&told).unwrap()).unwrap();
        assert_eq!(heard.buckets().collect::<Vec<_>>(), told.buckets().collect::<Vec<_>>());
        assert_eq!(
            (heard.min(), heard.max(), heard.count(), heard.clipped(), heard.sum),
            (told.min(), told.max(), told.count(), told.clipped(), told.sum)
        );
        let mut both = heard.clone();
        both.merge(&told);
        assert_eq!(both.count(), 2 * told.count(), "it adds up with those of this process");
    }
    let other = r#"{"hdr":"","min":0,"max":0,"sum":[0,0],"clipped":0}"#;
    assert!(serde_json::from_str::<Histogram>(other).is_err());
}

#[test]
fn it_is_as_large_as_its_largest_value_and_encoded_alike_whatever_it_grew_by() {
    let (fast, slow) = (of(&[300_000]), of(&[40_000_000_000]));
    assert!(fast.hdr.distinct_values() * 10 < up_to(HIGHEST).distinct_values());
    assert!(slow.hdr.distinct_values() < up_to(HIGHEST).distinct_values());
    let (mut up, mut down) = (fast.clone(), slow.clone());
    up.merge(&slow);
    down.merge(&fast);
    assert_eq!(up.encode(), down.encode());
    assert_eq!(up.encode(), of(&[40_000_000_000, 300_000]).encode());
}

#[test]
fn what_is_left_is_what_came_later() {
    let (earlier, later) = (of(&[2_000_000, 7_000_000]), of(&[3_000_000, 5_000_000]));
    let mut all = earlier.clone();
    all.merge(&later);
    let left = all.without(&earlier);
    assert_eq!(left.buckets().collect::<Vec<_>>(), later.buckets().collect::<Vec<_>>());
    assert_eq!((left.count(), left.mean()), (2, 4_000_000.0));
    assert!(left.min().abs_diff(3_000_000) < 3_000 && left.max().abs_diff(5_000_000) < 5_000);
    let none = all.without(&all);
    assert_eq!((none.count(), none.min(), none.max(), none.quantile(0.5)), (0, 0, 0, 0));
}

#[test]
fn missing_values_are_infinitely_late() {
    let histogram = of(&(1..=99).map(|n| n * 1_000_000).collect::<Vec<_>>());
    assert!(histogram.quantile_with_missing(0.99, 1).is_some());
    assert_eq!(histogram.quantile_with_missing(0.99, 2), None);
    assert_eq!(Histogram::default().quantile_with_missing(0.5, 0), None);
}

#[test]
fn the_extremes_are_exact_and_clipping_is_counted() {
    let histogram = of(&[7, HIGHEST + 5]);
    assert_eq!((histogram.min(), histogram.max(), histogram.clipped()), (7, HIGHEST + 5, 1));
}
