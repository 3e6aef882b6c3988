//! The life of a connection that gets back what it says.

use std::{rc::Rc, sync::Arc};

use bytes::Bytes;
use tokio_tungstenite::tungstenite::Message;

use super::Entered;
use crate::{
    drain,
    metered::Metered,
    protocol::Transport,
    socket::{End, Happening, Socket},
    time,
    worker::Worker,
};

/// Runs a connection to its end. The connection has been counted in the gauge by the caller.
pub(crate) async fn run(worker: Rc<Worker>, stream: Metered, read_already: Bytes, max_message: usize) {
    let peer = worker.enter(Transport::WebSocket, None);
    let _entered = Entered(Rc::clone(&worker), Rc::clone(&peer));
    let stats = Arc::clone(&worker.stats);
    let mut socket = Socket::new(stream, read_already, Rc::clone(&peer), stats, max_message).await;
    let config = &worker.shared.config.drain;
    let (code, reason) = loop {
        let message = match socket.next().await {
            Happening::Text(text) => Message::Text(text),
            Happening::Binary(bytes) => Message::Binary(bytes),
            Happening::Control => continue,
            Happening::Signal if peer.drain_at.get() != 0 => {
                socket.wake_at(peer.drain_at.get());
                continue;
            }
            Happening::Signal => continue,
            Happening::Timer => break (drain::CODE, drain::reason(config)),
            Happening::Ended(End::Gone) => return,
            Happening::Ended(End::Fault(code, reason)) => break (code, reason.to_owned()),
        };
        if socket.say(message).await.is_err() {
            return;
        }
    };
    socket.close(code, &reason, time::as_micros(config.close_grace), |_, _| {}).await;
}
