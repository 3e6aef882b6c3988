//! Connections there is no room for: told so, if that costs little.

use std::{rc::Rc, time::Duration};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::worker::Worker;

/// Refusals under way; what comes then is closed without one.
const REFUSALS: usize = 32;
/// How long a refused client may take to read why.
const REFUSAL_TIME: Duration = Duration::from_secs(1);
/// The answer when there is no room for another connection.
const FULL: &[u8] = b"HTTP/1.1 503 Service Unavailable\r\ncontent-type: text/plain; charset=utf-8\r\n\
    content-length: 20\r\nretry-after: 1\r\nconnection: close\r\n\r\nToo Many Connections";

/// Says that there is no room, and closes. TLS would cost more than there is: those clients just see the end.
pub(super) fn refuse(worker: &Rc<Worker>, mut stream: TcpStream) {
    worker.stats.refused.add(1);
    let under_way = Rc::clone(&worker.refusals);
    if Rc::strong_count(&under_way) > REFUSALS || worker.shared.tls.is_some() {
        return;
    }
    tokio::task::spawn_local(async move {
        let farewell = async {
            stream.write_all(FULL).await?;
            stream.shutdown().await?;
            // A close over unread bytes would be a reset, which could overtake the answer.
            let mut nothing = [0; 512];
            while stream.read(&mut nothing).await? > 0 {}
            std::io::Result::Ok(())
        };
        // Gone or out of time: either way it is over.
        let _over = tokio::time::timeout(REFUSAL_TIME, farewell).await;
        drop(under_way);
    });
}
