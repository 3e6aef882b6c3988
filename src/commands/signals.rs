//! Ctrl-C and SIGTERM as exit codes: the first is handed on, the second ends this process at once.

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;

use super::exit::Failure;

/// Listens from now on; gives the exit code of the first signal (130 or 143). The second one aborts.
pub(super) fn listen() -> Result<mpsc::Receiver<u8>, Failure> {
    let failed = |error: std::io::Error| Failure::internal(format!("failed to listen for signals: {error}"));
    let mut interrupt = signal(SignalKind::interrupt()).map_err(failed)?;
    let mut terminate = signal(SignalKind::terminate()).map_err(failed)?;
    let (sender, receiver) = mpsc::channel(2);
    tokio::spawn(async move {
        let mut first = None;
        loop {
            let code = tokio::select! {
                Some(()) = interrupt.recv() => 130,
                Some(()) = terminate.recv() => 143,
                else => break,
            };
            if first.replace(code).is_some() {
                // The kernel ends the children with us.
                std::process::exit(i32::from(code));
            }
            sender.send(code).await.ok();
        }
    });
    Ok(receiver)
}
