//! `transport` and `sse` of `[[clients]]`: what a group connects by, and whether it can.

use super::{Check, Checked};
use crate::observe::TransportKind;
use crate::scenario::file::{File, SseEngine, WordOr};
use crate::scenario::{Membership, Target};

/// Shares are kept in thousandths of a percent.
const PER_PERCENT: f64 = 1_000.0;

impl Check<'_> {
    /// The shares of each kind of transport in the group at `at`.
    pub(super) fn transports(
        &self,
        at: usize,
        file: &File,
        target: &Target,
        rooms: &[Membership],
    ) -> Checked<Vec<(TransportKind, u32)>> {
        let (group, place) = (&file.clients[at], format!("clients.{at}.transport"));
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
            self.possible(&place, *kind, target)?;
            self.has_rooms(&place, *kind, file, &group.name, rooms)?;
        }
        Ok(shares)
    }

    fn possible(&self, place: &str, kind: TransportKind, target: &Target) -> Checked<()> {
        if let Target::Foreign(foreign) = target
            && !foreign.dialect.speaks(kind)
        {
            let message = format!("the dialect `{}` is not spoken over {}", foreign.dialect.name(), kind.name());
            let help = foreign.dialect.speaks(TransportKind::Sse).then(|| "write `transport = \"sse\"`".to_owned());
            let wrong = self.wrong(place, message);
            return Err(match help {
                Some(help) => wrong.with_help(help),
                None => wrong,
            });
        }
        Ok(())
    }

    /// A stream is that of one room, or a user's own; who polls no room still speaks.
    fn has_rooms(
        &self,
        place: &str,
        kind: TransportKind,
        file: &File,
        group: &str,
        rooms: &[Membership],
    ) -> Checked<()> {
        let entered: u32 = rooms.iter().map(|set| set.per_client).sum();
        let to = file.publish.iter().filter_map(|publish| publish.to.as_ref());
        let notified = to.clone().any(|to| matches!(to, WordOr::Table(to) if to.user_of == group));
        let stream = matches!(kind, TransportKind::Sse | TransportKind::EventsourceClient);
        if stream && entered != 1 && !(notified && entered == 0) {
            let message = format!("a client by {} is in one room, and these are in {entered}", kind.name());
            let help = "a stream of events is that of a room: write `per_client = 1`, or use another transport";
            return Err(self.wrong(place, message).with_help(help.to_owned()));
        }
        Ok(())
    }
}

fn weight(percent: f64) -> u32 {
    ((percent * PER_PERCENT).round() as u32).max(1)
}
