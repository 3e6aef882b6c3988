//! Who is in a room, on whichever instances.

use tokio::sync::oneshot;

use super::{Answer, Asked, Refusal, json};
use crate::protocol::{self, Code};

/// `GET /api/rooms/{room}/presence`
pub(super) async fn presence(asked: Asked<'_>, room: &str) -> Result<Answer, Refusal> {
    let (tell, told) = oneshot::channel();
    let receipt = move |answer| {
        // The client may have gone.
        let _gone = tell.send(answer);
    };
    asked.worker.shared.registry.roster(room, Box::new(receipt));
    match told.await {
        Ok(Ok(roster)) => Ok(json(protocol::roster(room, &roster))),
        _ => Err(Code::Unavailable.into()),
    }
}
