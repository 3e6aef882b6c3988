//! Connections that are to be cut: which, how, and when it was done. Pure.

use std::{str::FromStr, sync::Arc};

use serde::Deserialize;
use tokio::sync::mpsc;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;

use super::dice::Dice;
use crate::auth::User;

/// How a connection is cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum How {
    /// The end of the stream, without a close frame.
    Fin,
    /// A reset.
    Rst,
    /// Nothing is heard of it any more, and nothing it says is listened to. It dies of its silence.
    Blackhole,
    /// A close frame with this code.
    Close(u16),
}

/// What an admin asks for: a share of the connections, or all those of some users.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Order {
    #[serde(default)]
    seed: u64,
    share: Option<f64>,
    users: Option<Vec<String>>,
    pub(crate) how: How,
}

/// An order to one connection.
#[derive(Clone, Debug)]
pub(crate) struct Cut {
    pub(crate) how: How,
    /// Where to tell that it is done.
    pub(crate) done: mpsc::Sender<Done>,
}

/// A connection was cut.
#[derive(Debug)]
pub(crate) struct Done {
    pub(crate) user: Arc<User>,
    pub(crate) at: u64,
}

impl FromStr for How {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let code = |text: &str| text.parse().ok().filter(|&code| CloseCode::from(code).is_allowed());
        match text {
            "fin" => Ok(Self::Fin),
            "rst" => Ok(Self::Rst),
            "blackhole" => Ok(Self::Blackhole),
            _ => text
                .strip_prefix("close:")
                .and_then(code)
                .map(Self::Close)
                .ok_or_else(|| format!("how is fin, rst, blackhole or close:CODE, not {text:?}")),
        }
    }
}

impl std::fmt::Display for How {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Fin => f.write_str("fin"),
            Self::Rst => f.write_str("rst"),
            Self::Blackhole => f.write_str("blackhole"),
            Self::Close(code) => write!(f, "close:{code}"),
        }
    }
}

impl<'de> Deserialize<'de> for How {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

impl Order {
    /// Reads and checks an order; what is wrong with it, in words.
    pub(crate) fn parse(json: &[u8]) -> Result<Self, String> {
        let order: Self = serde_json::from_slice(json).map_err(|error| error.to_string())?;
        match (&order.share, &order.users) {
            (Some(share), None) if (0.0..=1.0).contains(share) => Ok(order),
            (Some(_), None) => Err("share is a number from 0 to 1".into()),
            (None, Some(_)) => Ok(order),
            _ => Err("either share or users".into()),
        }
    }

    /// Which of these connections are meant. A share is exact, rounded to the nearest connection, and meets the same
    /// users again with the same seed.
    pub(crate) fn choose<Id: Ord>(&self, mut all: Vec<(Arc<User>, Id)>) -> Vec<(Arc<User>, Id)> {
        if let Some(users) = &self.users {
            let users: Vec<String> =
                users.iter().map(|name| serde_json::Value::from(name.as_str()).to_string()).collect();
            all.retain(|(user, _)| users.iter().any(|name| **name == *user.json));
            return all;
        }
        let count = (self.share.unwrap_or(0.0) * all.len() as f64).round() as usize;
        let rank = |user: &User| Dice::new(self.seed).word(user.json.as_bytes()).bits();
        all.sort_by(|(a, x), (b, y)| (rank(a), &a.json, x).cmp(&(rank(b), &b.json, y)));
        all.truncate(count);
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn order(json: &str) -> Order {
        Order::parse(json.as_bytes()).unwrap()
    }

    fn users(count: u32) -> Vec<(Arc<User>, u32)> {
        (0..count).map(|n| (Arc::new(User { json: format!("\"u{n}\"").into(), expires: 0 }), n)).collect()
    }

    #[test]
    fn a_share_is_exact_and_the_same_again() {
        let some = order(r#"{"seed":7,"share":0.3,"how":"rst"}"#);
        let ids = |order: &Order, all| order.choose(all).into_iter().map(|(_, id)| id).collect::<Vec<_>>();
        let chosen = ids(&some, users(1_000));
        assert_eq!(chosen.len(), 300);
        let mut backwards = users(1_000);
        backwards.reverse();
        assert_eq!(chosen, ids(&some, backwards));
        assert_ne!(chosen, ids(&order(r#"{"seed":8,"share":0.3,"how":"rst"}"#), users(1_000)));
        assert_eq!(ids(&order(r#"{"users":["u3","nobody"],"how":"fin"}"#), users(9)), [3]);
    }

    #[test]
    fn orders_are_checked() {
        assert_eq!(order(r#"{"share":1,"how":"close:1012"}"#).how, How::Close(1012));
        for bad in [
            r#"{"how":"rst"}"#,
            r#"{"share":2,"how":"rst"}"#,
            r#"{"share":0.5,"users":[],"how":"rst"}"#,
            r#"{"share":0.5,"how":"close:1005"}"#,
            r#"{"share":0.5,"how":"politely"}"#,
            r#"{"share":0.5}"#,
        ] {
            assert!(Order::parse(bad.as_bytes()).is_err(), "{bad}");
        }
    }
}
