//! `wsbench proxy`: the fault proxy as a process. Started by `run`, not by people; told what to do on stdin, and telling
//! what it did on stdout, a line of JSON each. It ends with its stdin.

use std::fs::File;
use std::io::{self, BufRead as _, BufWriter, Write as _};
use std::path::Path;
use std::process::ExitCode;
use std::sync::mpsc::{Receiver, sync_channel};
use std::thread::JoinHandle;

use tokio::net::{TcpListener, TcpSocket};
use tokio::sync::mpsc;

use super::exit::{Done, Failure};
use crate::proxy::{Log, Notice, Order, Setup, Written, run};

/// Notices that may wait for whoever reads them: more than a process has connections.
const NOTICES: usize = 65_536;

/// Orders that may wait.
const ORDERS: usize = 16;

/// Connects that may wait: a ramp's, or those of a herd that comes back.
const BACKLOG: u32 = 4_096;

/// The fault proxy of a run
#[derive(Clone, Debug, clap::Args)]
pub(super) struct Args {}

pub(super) fn main(_args: &Args) -> Done {
    let mut first = String::new();
    io::stdin().read_line(&mut first).map_err(Failure::internal)?;
    let setup: Setup = serde_json::from_str(&first)
        .map_err(|error| Failure::usage(format!("`wsbench run` starts this by itself, and tells it more: {error}")))?;
    let runtime = super::runtime()?;
    let failed = |error: io::Error| Failure::setup(format!("the fault proxy cannot listen: {error}"));
    let listener = {
        let _inside = runtime.enter();
        listen().map_err(failed)?
    };
    let address = listener.local_addr().map_err(failed)?;
    let (log, writer) = match &setup.log {
        Some(path) => {
            let (log, chunks) = Log::channel();
            (Some(log), Some(write_log(path, chunks)))
        }
        None => (None, None),
    };
    let (notices, told) = sync_channel(NOTICES);
    let teller = std::thread::spawn(move || tell(&told));
    drop(notices.send(Notice::Ready { address }));
    let (order, orders) = mpsc::channel(ORDERS);
    // It ends with the process, which nobody tells anything any more.
    std::thread::spawn(move || listen_to_orders(&order));
    let missing = runtime
        .block_on(run(listener, setup, orders, notices.clone(), log))
        .map_err(|error| Failure::internal(format!("the fault proxy has no alarm: {error}")))?;
    let written = writer.map(|writer| writer.join().unwrap_or_else(|_| Err(io::Error::other("the writer died"))));
    let (bytes, problem) = match written {
        Some(Err(error)) => (0, Some(error.to_string())),
        Some(Ok(bytes)) => (bytes, None),
        None => (0, None),
    };
    drop(notices.send(Notice::Ended { log: Written { bytes, missing, problem } }));
    drop(notices);
    // A reader that is gone needs no more notices.
    drop(teller.join());
    Ok(ExitCode::SUCCESS)
}

fn listen() -> io::Result<TcpListener> {
    let socket = TcpSocket::new_v4()?;
    socket.bind(([127, 0, 0, 1], 0).into())?;
    socket.listen(BACKLOG)
}

fn listen_to_orders(order: &mpsc::Sender<Order>) {
    for line in io::stdin().lock().lines().map_while(Result::ok) {
        match serde_json::from_str(&line) {
            Ok(known) => drop(order.blocking_send(known)),
            Err(error) => anstream::eprintln!("an order the fault proxy does not understand: {error}"),
        }
    }
}

fn tell(notices: &Receiver<Notice>) {
    let mut stdout = io::stdout().lock();
    for notice in notices {
        let told = serde_json::to_string(&notice).map_err(io::Error::from);
        if told.and_then(|line| writeln!(stdout, "{line}")).and_then(|()| stdout.flush()).is_err() {
            break;
        }
    }
}

fn write_log(path: &Path, chunks: Receiver<String>) -> JoinHandle<io::Result<u64>> {
    let file = File::create(path);
    std::thread::spawn(move || {
        let mut out = BufWriter::new(file?);
        let mut bytes = 0;
        for chunk in chunks {
            out.write_all(chunk.as_bytes())?;
            bytes += chunk.len() as u64;
        }
        out.flush()?;
        Ok(bytes)
    })
}
