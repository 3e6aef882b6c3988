//! What is to be done to copies of room messages, and to which. Pure.

use serde::{Deserialize, Serialize};

use super::dice::Dice;

/// What an admin asks for. Shares are probabilities per copy (a message on its way to one connection), the fates
/// exclude each other.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Plan {
    /// Other seeds choose other copies.
    pub(crate) seed: u64,
    /// Copies that are not sent.
    drop: f64,
    /// Copies that are sent twice.
    duplicate: f64,
    /// Copies that are sent behind the next one of the same talker in the room.
    swap: f64,
    /// Copies that reach somebody outside the room as well.
    misroute: f64,
    /// Joins that are answered only behind the first message.
    early: f64,
    /// Connections whose copies wait.
    delay: Option<Delay>,
}

/// How long the copies for some connections wait.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Delay {
    ms: f64,
    /// Of the users.
    #[serde(default = "everybody")]
    share: f64,
}

fn everybody() -> f64 {
    1.0
}

/// What becomes of a copy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    Deliver,
    Drop,
    Duplicate,
    Swap,
    Misroute,
}

impl Plan {
    /// Reads and checks a plan; what is wrong with it, in words.
    pub(crate) fn parse(json: &[u8]) -> Result<Self, String> {
        if !json.trim_ascii_start().starts_with(b"{") {
            return Err("a plan is a JSON object".into()); // an array would pass for the fields in their order
        }
        let plan: Self = serde_json::from_slice(json).map_err(|error| error.to_string())?;
        let fates = [plan.drop, plan.duplicate, plan.swap, plan.misroute];
        let delay = plan.delay.as_ref().map_or(0.0, |delay| delay.share);
        if fates.iter().chain([&plan.early, &delay]).any(|share| !(0.0..=1.0).contains(share)) {
            return Err("a share is a number from 0 to 1".into());
        }
        if fates.iter().sum::<f64>() > 1.0 + 1e-9 {
            return Err("drop, duplicate, swap and misroute exclude each other: at most 1 in all".into());
        }
        if plan.delay.as_ref().is_some_and(|delay| !(0.0..=60_000.0).contains(&delay.ms)) {
            return Err("delay.ms is a number from 0 to 60000".into());
        }
        Ok(plan)
    }

    /// Whether nothing is to be done.
    pub(crate) fn is_idle(&self) -> bool {
        self.drop + self.duplicate + self.swap + self.misroute + self.early == 0.0 && self.delay.is_none()
    }

    /// What becomes of a copy: of the message with this key in this room, for this user.
    pub(crate) fn fate(&self, room: &str, key: &str, user: &str) -> Fate {
        let mut draw = self.dice("fate").word(room.as_bytes()).word(key.as_bytes()).word(user.as_bytes()).unit();
        let fates = [
            (self.drop, Fate::Drop),
            (self.duplicate, Fate::Duplicate),
            (self.swap, Fate::Swap),
            (self.misroute, Fate::Misroute),
        ];
        for (share, fate) in fates {
            if draw < share {
                return fate;
            }
            draw -= share;
        }
        Fate::Deliver
    }

    /// A number by which to choose who else gets a misrouted copy.
    pub(crate) fn stray(&self, room: &str, key: &str, user: &str) -> u64 {
        self.dice("stray").word(room.as_bytes()).word(key.as_bytes()).word(user.as_bytes()).bits()
    }

    /// Whether this join is answered behind the first message.
    pub(crate) fn is_early(&self, room: &str, user: &str) -> bool {
        self.early > 0.0 && self.dice("early").word(room.as_bytes()).word(user.as_bytes()).unit() < self.early
    }

    /// How long copies for this user wait, in microseconds.
    pub(crate) fn delay(&self, user: &str) -> Option<u64> {
        let delay = self.delay.as_ref()?;
        let chosen = self.dice("delay").word(user.as_bytes()).unit() < delay.share;
        chosen.then_some((delay.ms * 1_000.0) as u64)
    }

    fn dice(&self, purpose: &str) -> Dice {
        Dice::new(self.seed).word(purpose.as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(json: &str) -> Plan {
        Plan::parse(json.as_bytes()).unwrap()
    }

    #[test]
    fn fates_come_in_the_stated_shares_and_again_with_the_same_seed() {
        let some = plan(r#"{"seed":3,"drop":0.1,"duplicate":0.2,"swap":0.05,"misroute":0.15}"#);
        let fates = |plan: &Plan| (0..100_000).map(|n| plan.fate("r", &n.to_string(), "u")).collect::<Vec<_>>();
        let all = fates(&some);
        let share = |fate| all.iter().filter(|&&f| f == fate).count() as f64 / 100_000.0;
        for (fate, expected) in [
            (Fate::Drop, 0.1),
            (Fate::Duplicate, 0.2),
            (Fate::Swap, 0.05),
            (Fate::Misroute, 0.15),
            (Fate::Deliver, 0.5),
        ] {
            assert!((share(fate) - expected).abs() < 0.01, "{fate:?}: {}", share(fate));
        }
        assert_eq!(all, fates(&some));
        assert_ne!(all, fates(&Plan { seed: 4, ..some }));
    }

    #[test]
    fn a_delay_is_for_some_users() {
        let half = plan(r#"{"delay":{"ms":1.5,"share":0.5}}"#);
        let chosen = (0..10_000).filter_map(|n| half.delay(&format!("u{n}"))).inspect(|&d| assert_eq!(d, 1_500));
        assert!((4_800..=5_200).contains(&chosen.count()));
        assert_eq!(plan(r#"{"delay":{"ms":20}}"#).delay("anybody"), Some(20_000));
    }

    #[test]
    fn what_cannot_be_meant_is_refused() {
        for bad in [
            r#"{"drop":1.1}"#,
            r#"{"drop":-0.1}"#,
            r#"{"drop":0.6,"swap":0.6}"#,
            r#"{"dorp":0.1}"#,
            r#"{"delay":{"ms":-1}}"#,
            r#"{"delay":{"ms":1,"share":2}}"#,
            "[]",
            "",
        ] {
            assert!(Plan::parse(bad.as_bytes()).is_err(), "{bad}");
        }
        assert!(plan("{}").is_idle() && !plan(r#"{"early":1}"#).is_idle());
    }
}
