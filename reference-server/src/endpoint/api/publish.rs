//! Publications over HTTP, to a room or to a user: the same envelope as over a socket, answered with its position.

use std::{rc::Rc, sync::Arc};

use bytes::Bytes;
use http_body_util::{BodyExt, Limited};
use hyper::{StatusCode, body::Incoming};
use serde_json::value::RawValue;
use tokio::sync::oneshot;

use super::{Answer, Asked, Refusal, json};
use crate::{
    auth::User,
    broker::{NOTIFY, Publication, Receipt, Room},
    protocol::{self, Code, Inbound, Tail, To},
    time,
    worker::Worker,
};

/// `POST /api/rooms/{room}/messages`
pub(super) async fn message(asked: Asked<'_>, room: &str) -> Result<Answer, Refusal> {
    let Asked { worker, request, caller, .. } = asked;
    within_quota(worker, &caller.user)?;
    let body = read(request.into_body(), worker.shared.config.limits.message).await?;
    let text = std::str::from_utf8(&body).map_err(|_| Code::Malformed)?;
    let inbound = Inbound::parse(text)?;
    if inbound.kind() != "message" {
        return Err(Code::Malformed.into());
    }
    let content = inbound.content.ok_or(Code::Malformed)?.get();
    let room = Room::from(room);
    publish(worker, &caller.user.json, (To::Room(&room), &room), inbound.id, content).await
}

/// `POST /api/users/{id}/notify`: a body without `content` is itself the content.
pub(super) async fn notify(asked: Asked<'_>, user: &str) -> Result<Answer, Refusal> {
    let Asked { worker, request, caller, .. } = asked;
    within_quota(worker, &caller.user)?;
    let body = read(request.into_body(), worker.shared.config.limits.message).await?;
    let text = std::str::from_utf8(&body).map_err(|_| Code::Malformed)?;
    let inbound = Inbound::parse(text).ok();
    let (id, content) = match inbound.as_ref().and_then(|inbound| Some((inbound.id, inbound.content?))) {
        Some(said) => said,
        None => (None, serde_json::from_str::<&RawValue>(text).map_err(|_| Code::Malformed)?),
    };
    let user = serde_json::Value::from(user).to_string();
    publish(worker, &caller.user.json, (To::User(&user), &Room::from(NOTIFY)), id, content.get()).await
}

/// Refuses those who publish too much, before anything is read for it.
fn within_quota(worker: &Worker, user: &User) -> Result<(), Code> {
    if worker.shared.quotas.allow(&user.json, time::micros()) {
        return Ok(());
    }
    worker.stats.rate_limited.add(1);
    Err(Code::RateLimited)
}

/// Reads a body of at most `limit` bytes.
async fn read(body: Incoming, limit: usize) -> Result<Bytes, Refusal> {
    match Limited::new(body, limit).collect().await {
        Ok(collected) => Ok(collected.to_bytes()),
        Err(error) if error.is::<http_body_util::LengthLimitError>() => {
            Err(Refusal::plain(StatusCode::PAYLOAD_TOO_LARGE, "Message Too Big"))
        }
        Err(_) => Err(Code::Malformed.into()),
    }
}

/// Publishes and waits for what becomes of it.
async fn publish(
    worker: &Rc<Worker>,
    from: &str,
    (to, room): (To<'_>, &Room),
    id: Option<&RawValue>,
    content: &str,
) -> Result<Answer, Refusal> {
    let shared = &worker.shared;
    let tin = time::micros();
    // A user's id is one publication wherever it is sent from.
    let dedupe = id.map(|id| format!("{from}:{}", id.get()));
    let id = id.map_or_else(|| worker.message_id(), |id| id.get().to_owned());
    let (origin, timestamp) = (&*shared.name, time::timestamp());
    let tail = Tail { to, id: &id, from, origin, timestamp, tin, tpub: time::micros(), content }.encode();
    worker.stats.messages_in.add(1);
    let (tell, told) = oneshot::channel();
    let receipt = Receipt::new(move |outcome| {
        // The client may have gone.
        let _gone = tell.send(outcome);
    });
    shared.registry.publish(Publication { room: Arc::clone(room), tail, dedupe, receipt });
    match told.await {
        Ok(Ok(position)) => Ok(json(protocol::published(position, &id))),
        Ok(Err(error)) => {
            shared.registry.failed(error);
            Err(error.into())
        }
        Err(_) => Err(Code::Unconfirmed.into()),
    }
}
