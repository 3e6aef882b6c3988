//! How faults and incidents divide the run: which stretch a moment lies in.

use crate::observe::Stretch;
use crate::time::Timestamp;

/// The boundaries known so far, in order. Empty, and then nobody is labelled, until there is a fault or an incident.
#[derive(Clone, Debug, Default)]
pub(super) struct Stretches {
    from: Vec<(Timestamp, Stretch)>,
    expected: bool,
}

impl Stretches {
    /// Boundaries to come: where faults are planned, everything before the first is labelled as such.
    pub(super) fn expecting(faults: bool) -> Self {
        Self { from: Vec::new(), expected: faults }
    }

    /// From `at` on `stretch` lasts, until the next boundary; a boundary told again changes nothing.
    pub(super) fn begin(&mut self, at: Timestamp, stretch: Stretch) {
        if self.from.iter().any(|(_, known)| *known == stretch) {
            return;
        }
        let place = self.from.partition_point(|(from, _)| *from <= at);
        self.from.insert(place, (at, stretch));
    }

    /// The stretch `at` lies in.
    pub(super) fn at(&self, at: Timestamp) -> Option<Stretch> {
        let last = self.from.iter().rev().find(|(from, _)| *from <= at).map(|(_, stretch)| *stretch);
        last.or_else(|| (self.expected || !self.from.is_empty()).then_some(Stretch::BEFORE))
    }

    /// The stretch that began last.
    pub(super) fn newest(&self) -> Option<Stretch> {
        self.from.last().map(|(_, stretch)| *stretch).or_else(|| self.expected.then_some(Stretch::BEFORE))
    }

    /// Whether a client that lost its connection at `lost` (if ever) is a bystander at `at`: it has kept it since the
    /// last incident began.
    pub(super) fn is_bystander(&self, lost: Option<Timestamp>, at: Timestamp) -> Option<bool> {
        let incident = self.at(at)?.incident();
        let Some((number, _)) = incident else { return Some(true) };
        let began = self.from.iter().find(|(_, stretch)| *stretch == Stretch::during(number)).map(|(from, _)| *from);
        Some(lost.is_none_or(|lost| began.is_some_and(|began| lost < began)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Timestamp {
        Timestamp::from_nanos(seconds * 1_000_000_000)
    }

    #[test]
    fn moments_fall_into_stretches_and_runs_without_faults_have_none() {
        assert_eq!(Stretches::default().at(at(5)), None);
        let mut stretches = Stretches::expecting(true);
        assert_eq!(stretches.at(at(5)), Some(Stretch::BEFORE));
        stretches.begin(at(10), Stretch::during(0));
        stretches.begin(at(20), Stretch::after(0));
        stretches.begin(at(30), Stretch::during(1));
        stretches.begin(at(99), Stretch::during(0));
        let of = |seconds| stretches.at(at(seconds)).unwrap();
        assert_eq!([of(9), of(10), of(25), of(99)], [Stretch(0), Stretch(1), Stretch(2), Stretch(3)]);
    }

    #[test]
    fn a_bystander_has_kept_its_connection_since_the_incident_began() {
        let mut stretches = Stretches::expecting(true);
        stretches.begin(at(10), Stretch::during(0));
        stretches.begin(at(20), Stretch::after(0));
        assert_eq!(stretches.is_bystander(Some(at(3)), at(5)), Some(true));
        assert_eq!(stretches.is_bystander(Some(at(3)), at(25)), Some(true));
        assert_eq!(stretches.is_bystander(Some(at(12)), at(25)), Some(false));
        assert_eq!(stretches.is_bystander(None, at(25)), Some(true));
    }
}
