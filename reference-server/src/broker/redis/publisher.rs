//! Hands publications to Redis: everything waiting in one write, many writes in flight, order kept.

use futures_util::stream::{FuturesUnordered, StreamExt};
use redis::{Value, aio::MultiplexedConnection};
use tokio::sync::mpsc;

use super::{
    super::{Publication, PublishError, Receipt},
    Shared, scripts,
};

/// Publications in one write.
const BATCH: usize = 128;
/// Writes in flight.
const IN_FLIGHT: usize = 64;

/// Publishes until the link fails; says why it did. What is in flight when this is dropped settles as unconfirmed.
pub(super) async fn publish(
    shared: &Shared,
    connection: &MultiplexedConnection,
    queue: &mut mpsc::Receiver<Publication>,
) -> String {
    let mut flights = FuturesUnordered::new();
    let mut waiting = Vec::with_capacity(BATCH);
    loop {
        // Flights first: a new one is polled, and so written, before the next is begun.
        tokio::select! {
            biased;
            Some(landed) = flights.next() => if let Err(why) = landed { return why },
            count = queue.recv_many(&mut waiting, BATCH), if flights.len() < IN_FLIGHT => {
                if count == 0 {
                    return "nobody publishes any more".into();
                }
                flights.push(fly(shared, connection.clone(), &mut waiting));
            }
        }
    }
}

/// Builds the write at once; the future it returns writes it and settles the receipts.
fn fly(
    shared: &Shared,
    mut connection: MultiplexedConnection,
    batch: &mut Vec<Publication>,
) -> impl Future<Output = Result<(), String>> + use<> {
    let mut pipe = redis::pipe();
    let mut receipts = Vec::with_capacity(batch.len());
    for Publication { room, tail, dedupe, receipt } in batch.drain(..) {
        let options = &shared.options;
        pipe.add_command(shared.scripts.publish(&room, &tail, dedupe.as_deref(), &options.history));
        receipts.push(receipt);
    }
    async move {
        let count = receipts.len();
        let answers = connection.send_packed_commands(&pipe, 0, count).await.map_err(|error| error.to_string())?;
        let mut outcome = Ok(());
        for (receipt, answer) in receipts.into_iter().zip(answers) {
            outcome = settle(receipt, &answer).and(outcome);
        }
        outcome
    }
}

/// Answers after which a link has to be made anew: the scripts are gone, or this is not the server it was.
const RELINK: [&str; 4] = ["NOSCRIPT", "READONLY", "LOADING", "MASTERDOWN"];

/// Settles one receipt. An error Redis answers with means that nothing was published.
fn settle(receipt: Receipt, answer: &Value) -> Result<(), String> {
    match answer {
        Value::Array(parts) if parts.len() == 2 => match scripts::position(&parts[0], &parts[1]) {
            Some(position) => receipt.settle(Ok(Some(position))),
            None => receipt.settle(Err(PublishError::Unconfirmed)),
        },
        Value::Int(_) => receipt.settle(Ok(None)),
        Value::ServerError(error) => {
            receipt.settle(Err(PublishError::Unavailable));
            if RELINK.contains(&error.code()) {
                return Err(format!("publish refused: {}", error.code()));
            }
        }
        _ => receipt.settle(Err(PublishError::Unconfirmed)),
    }
    Ok(())
}
