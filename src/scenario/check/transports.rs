//! `transport` and `sse` of `[[clients]]`: what a group connects by, and whether it can.

use super::{Check, Checked};
use crate::observe::TransportKind;
use crate::scenario::file::{Clients, SseEngine, WordOr};
use crate::scenario::{Membership, Target};

/// Shares are kept in thousandths of a percent.
const PER_PERCENT: f64 = 1_000.0;

impl Check<'_> {
    /// The shares of each kind of transport in the group at `at`.
    pub(super) fn transports(
        &self,
        at: usize,
        group: &Clients,
        target: &Target,
        rooms: &[Membership],
    ) -> Checked<Vec<(TransportKind, u32)>> {
        let place = format!("clients.{at}.transport");
        let sse = match group.sse {
            Some(SseEngine::EventsourceClient) => TransportKind::EventsourceClient,
            Some(SseEngine::Own) | None => TransportKind::Sse,
        };
        let shares = match &group.transport {
            None => vec![(TransportKind::WebSocket, 1)],
            Some(WordOr::Word(word)) => match word.as_str() {
                "websocket" => vec![(TransportKind::WebSocket, 1)],
                "sse" => vec![(sse, 1)],
                "longpoll" => vec![(TransportKind::LongPoll, 1)],
                other => return Err(self.unknown(&place, "transport", other, &["websocket", "sse", "longpoll"])),
            },
            Some(WordOr::Table(shares)) => {
                let all = [shares.websocket, shares.sse, shares.longpoll];
                let sum: f64 = all.iter().sum();
                if all.iter().any(|share| *share < 0.0) || (sum - 100.0).abs() > 1e-6 {
                    return Err(self.wrong(&place, format!("the shares add up to {sum} percent, not to 100")));
                }
                let kinds = [TransportKind::WebSocket, sse, TransportKind::LongPoll].into_iter();
                kinds.zip(all).filter(|(_, share)| *share > 0.0).map(|(kind, share)| (kind, weight(share))).collect()
            }
        };
        if group.sse.is_some() && shares.iter().all(|(kind, _)| *kind != sse) {
            let message = "`sse` says what reads server-sent events, and no client of this group does";
            return Err(self.wrong(&format!("clients.{at}.sse"), message));
        }
        for (kind, _) in &shares {
            self.possible(&place, *kind, target, rooms)?;
        }
        Ok(shares)
    }

    fn possible(&self, place: &str, kind: TransportKind, target: &Target, rooms: &[Membership]) -> Checked<()> {
        if let Target::Foreign(foreign) = target
            && !foreign.dialect.speaks(kind)
        {
            let message = format!("the dialect `{}` is not spoken over {}", foreign.dialect.name(), kind.name());
            return Err(self.wrong(place, message));
        }
        let entered: u32 = rooms.iter().map(|set| set.per_client).sum();
        if matches!(kind, TransportKind::Sse | TransportKind::EventsourceClient) && entered != 1 {
            let message = format!("a client by {} is in one room, and these are in {entered}", kind.name());
            let help = "a stream of events is that of a room: write `per_client = 1`, or use another transport";
            return Err(self.wrong(place, message).with_help(help.to_owned()));
        }
        if kind == TransportKind::LongPoll && entered == 0 {
            return Err(self.wrong(place, "a client by longpoll polls rooms, and these are in none"));
        }
        Ok(())
    }
}

fn weight(percent: f64) -> u32 {
    ((percent * PER_PERCENT).round() as u32).max(1)
}
