//! Axes of a chart: from values to places between 0 and 1, and the ticks beside them.

/// From a value to its place.
#[derive(Clone, Debug)]
pub(super) struct Axis {
    from: f64,
    to: f64,
    scale: Scale,
    /// Places of ticks and what stands beside them.
    pub(super) ticks: Vec<(f64, String)>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Scale {
    Linear,
    Log,
    /// Shares of 1, the closer to it the wider: 0, 0.9, 0.99 and so on are equally far apart.
    Quantile,
}

impl Axis {
    /// From 0 to at least `to`, with about five ticks.
    pub(super) fn linear(to: f64, label: impl Fn(f64) -> String) -> Self {
        let step = step(to.max(f64::MIN_POSITIVE) / 4.0);
        let to = (to / step).ceil().max(1.0) * step;
        let ticks = (0..=(to / step).round() as u32).map(|n| f64::from(n) * step);
        Self { from: 0.0, to, scale: Scale::Linear, ticks: ticks.map(|at| (at, label(at))).collect() }
    }

    /// From 0 to exactly `to`, with a tick at every multiple of one of `steps` such that there are few.
    pub(super) fn time(to: f64, steps: &[f64], label: impl Fn(f64) -> String) -> Self {
        let step = steps.iter().copied().find(|step| to / step <= 7.0).unwrap_or(to / 6.0).max(f64::MIN_POSITIVE);
        let ticks = (0..=(to / step).floor() as u32).map(|n| f64::from(n) * step);
        Self { from: 0.0, to, scale: Scale::Linear, ticks: ticks.map(|at| (at, label(at))).collect() }
    }

    /// Over the powers of ten that hold `least` and `most`, cut to a tick on either side.
    pub(super) fn log(least: f64, most: f64, label: impl Fn(f64) -> String) -> Self {
        let least = least.max(f64::MIN_POSITIVE);
        let first = least.log10().floor() as i32;
        let last = most.max(least).log10().ceil() as i32 + 1;
        let all: Vec<f64> =
            (first..=last).flat_map(|power| [1.0, 2.0, 5.0].map(|digit| digit * 10f64.powi(power))).collect();
        let below = all.iter().rposition(|tick| *tick <= least * 1.000_001).unwrap_or(0);
        let above = all.iter().position(|tick| *tick >= most * 0.999_999).unwrap_or(all.len() - 1).max(below + 2);
        let within = &all[below..=above.min(all.len() - 1)];
        // Of a wide axis only the powers of ten are named.
        let wide = within.len() > 9;
        let is_power = |tick: f64| (tick.log10() - tick.log10().round()).abs() < 1e-6;
        let named = within.iter().copied().filter(|tick| !wide || is_power(*tick));
        let ticks = named.map(|at| (at, label(at))).collect();
        Self { from: within[0], to: within[within.len() - 1], scale: Scale::Log, ticks }
    }

    /// From 0 to the quantile that `count` values can tell from 1.
    pub(super) fn quantiles(count: u64) -> Self {
        let nines = (count.max(100) as f64).log10();
        let mut ticks = vec![(0.0, "0".to_owned()), (0.5, "50 %".to_owned()), (0.9, "90 %".to_owned())];
        for nine in 2..=(nines + 1e-9) as u32 {
            let places = (nine - 2) as usize;
            let at = 1.0 - 0.1f64.powi(nine as i32);
            ticks.push((at, format!("{:.places$} %", at * 100.0)));
        }
        Self { from: 0.0, to: 1.0 - 0.1f64.powf(nines), scale: Scale::Quantile, ticks }
    }

    /// The last value on it.
    pub(super) fn end(&self) -> f64 {
        self.to
    }

    /// The place of a value, between 0 and 1.
    pub(super) fn place(&self, value: f64) -> f64 {
        let [from, to, value] = [self.from, self.to, value].map(|value| match self.scale {
            Scale::Linear => value,
            Scale::Log => value.max(f64::MIN_POSITIVE).log10(),
            Scale::Quantile => -(1.0 - value.min(1.0)).max(1e-12).log10(),
        });
        if to > from { ((value - from) / (to - from)).clamp(0.0, 1.0) } else { 0.0 }
    }
}

/// The next of 1, 2, 5, 10, 20 … above `least`.
fn step(least: f64) -> f64 {
    let power = 10f64.powf(least.log10().floor());
    [1.0, 2.0, 5.0, 10.0].map(|digit| digit * power).into_iter().find(|step| *step >= least).unwrap_or(10.0 * power)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_values_place_is_where_its_scale_puts_it() {
        let name = |at: f64| format!("{at}");
        let rate = Axis::linear(730.0, name);
        assert_eq!((rate.place(0.0), rate.place(400.0), rate.end()), (0.0, 0.5, 800.0));
        let latency = Axis::log(1.1, 90.0, name);
        assert_eq!(
            latency.ticks.iter().map(|(at, _)| *at).collect::<Vec<_>>(),
            [1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0]
        );
        assert!((latency.place(10.0) - 0.5).abs() < 1e-9);
        let tail = Axis::quantiles(10_000);
        assert!((tail.place(0.9) - 0.25).abs() < 1e-9 && (tail.place(0.99) - 0.5).abs() < 1e-9);
        assert_eq!(tail.ticks.last().unwrap().1, "99.99 %");
    }

    #[test]
    fn no_axis_is_empty_or_without_ticks() {
        let name = |at: f64| format!("{at}");
        for value in [0.0, 1e-9, 1.0, 1e15] {
            for axis in [Axis::linear(value, name), Axis::log(value, value, name), Axis::time(value, &[1.0], name)] {
                assert!(!axis.ticks.is_empty() && axis.ticks.len() < 40, "{value}: {axis:?}");
                assert!(axis.place(value).is_finite(), "{value}");
            }
        }
    }
}
