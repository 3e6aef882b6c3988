//! The worker threads: each with a runtime of its own, started before there is anything to do, since the broker's tasks
//! live on the first one.

use std::{net::TcpListener, sync::Arc};

use tokio::sync::oneshot;
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::{room::Inbox, shared::Shared, worker::Worker};

/// The worker threads, before they have anything to do.
pub(crate) struct Threads {
    pub(crate) first: tokio::runtime::Handle,
    starts: Vec<oneshot::Sender<Start>>,
}

/// What a worker thread needs to begin.
struct Start {
    listener: TcpListener,
    shared: Arc<Shared>,
    inbox: Arc<Inbox>,
    abort: CancellationToken,
    finished: oneshot::Sender<()>,
}

/// The workers at work.
pub(crate) struct Workers {
    pub(crate) finished: Vec<oneshot::Receiver<()>>,
    pub(crate) abort: DropGuard,
}

impl Threads {
    /// Starts them.
    pub(crate) fn start(count: usize, name: &str) -> std::io::Result<Self> {
        let mut starts = Vec::with_capacity(count);
        let mut first = None;
        for index in 0..count {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            first.get_or_insert_with(|| runtime.handle().clone());
            let (start, started) = oneshot::channel();
            starts.push(start);
            std::thread::Builder::new().name(format!("room-{name}-{index}")).spawn(move || {
                let local = tokio::task::LocalSet::new();
                local.block_on(&runtime, work(index, started));
            })?;
        }
        // Invariant: the configuration was checked to have at least one worker.
        Ok(Self { first: first.expect("there is at least one worker"), starts })
    }

    /// Gives them their work.
    pub(crate) fn serve(self, listener: &TcpListener, shared: &Arc<Shared>) -> std::io::Result<Workers> {
        let abort = CancellationToken::new();
        let mut waiting = Vec::with_capacity(self.starts.len());
        for (index, start) in self.starts.into_iter().enumerate() {
            let (finished, done) = oneshot::channel();
            let (shared, abort) = (Arc::clone(shared), abort.clone());
            let (listener, inbox) = (listener.try_clone()?, shared.registry.inbox(index));
            let sent = start.send(Start { listener, shared, inbox, abort, finished });
            sent.map_err(|_| std::io::Error::other("a worker thread has stopped"))?;
            waiting.push(done);
        }
        Ok(Workers { finished: waiting, abort: abort.drop_guard() })
    }
}

/// What a worker thread does: wait for its start, work, and say when it has finished. A worker that is never started
/// ends when its start is dropped.
async fn work(index: usize, started: oneshot::Receiver<Start>) {
    let Ok(Start { listener, shared, inbox, abort, finished }) = started.await else { return };
    let listener = listener.set_nonblocking(true).and_then(|()| tokio::net::TcpListener::from_std(listener));
    if let Ok(listener) = listener {
        Worker::new(index, shared).run(listener, inbox, abort.clone()).await;
    }
    // Nobody listens any more when the deadline has passed.
    let _late = finished.send(());
    // The first worker's thread also runs the broker, which the others need until they have finished.
    abort.cancelled().await;
}
