//! `--metrics-listen`: the run as it stands, as an OpenMetrics page that a Prometheus may scrape.
//!
//! A thread by itself makes and serves the page, one conversation at a time, each bounded in bytes and in time. The run
//! leaves it a copy of its totals once a second and never waits for a reader. Not a server for anything else.

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;

use super::account::{Account, Moment};
use crate::commands::exit::Failure;
use crate::output;
use crate::threshold::Judge;

/// How long a conversation may take.
const PATIENCE: Duration = Duration::from_secs(2);

/// The longest request that is read.
const LONGEST: usize = 8 * 1024;

/// After an `accept` that failed, for want of a descriptor say.
const RESPITE: Duration = Duration::from_millis(100);

const PAGE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
const PLAIN: &str = "text/plain; charset=utf-8";

/// `ADDRESS:PORT`, or a port of this machine alone.
pub(super) fn parse(text: &str) -> Result<SocketAddr, String> {
    let loopback = |port| SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port);
    let parsed = text.parse().or_else(|_| text.parse::<u16>().map(loopback));
    parsed.map_err(|_| "expected a port, as 9464, or an address and a port, as 0.0.0.0:9464".to_owned())
}

/// A port that is ours and on which nothing is said yet.
pub(super) struct Listener {
    listener: std::net::TcpListener,
    address: SocketAddr,
}

impl Listener {
    /// Takes the port.
    pub(super) fn bind(address: SocketAddr) -> Result<Self, Failure> {
        let bound = || {
            let listener = std::net::TcpListener::bind(address)?;
            listener.set_nonblocking(true)?;
            let address = listener.local_addr()?;
            Ok(Self { listener, address })
        };
        bound().map_err(|error: io::Error| {
            Failure::setup(format!(
                "failed to listen on {address} (--metrics-listen): {error}; give another port, or 0 for any free one"
            ))
        })
    }

    /// Where the page will be.
    pub(super) fn url(&self) -> String {
        format!("http://{}/metrics", self.address)
    }

    /// Serves the page until the result is dropped.
    pub(super) fn serve(self, account: Arc<Account>, judge: Arc<Judge>) -> Result<Live, Failure> {
        let latest = Latest::default();
        let (stop, stopped) = oneshot::channel();
        let page = Page { account, judge, latest: Arc::clone(&latest), made: None };
        let work = move || -> io::Result<()> {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            runtime.block_on(async {
                let listener = TcpListener::from_std(self.listener)?;
                tokio::select! {
                    () = serve(listener, page) => {}
                    _ = stopped => {}
                }
                Ok(())
            })
        };
        let thread = std::thread::Builder::new().name("metrics".to_owned()).spawn(work);
        let thread = thread.map_err(|error| Failure::internal(format!("failed to start the metrics page: {error}")))?;
        Ok(Live { latest, stop: Some(stop), thread: Some(thread) })
    }
}

type Latest = Arc<Mutex<Option<Arc<Moment>>>>;

/// A page that is being served.
pub(super) struct Live {
    latest: Latest,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<io::Result<()>>>,
}

impl Live {
    /// From now on the page shows this.
    pub(super) fn show(&self, moment: Moment) {
        *self.latest.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::new(moment));
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        self.stop.take();
        // A page that broke down has hurt nobody but its readers, who have noticed.
        self.thread.take().map(JoinHandle::join);
    }
}

/// Makes the page, at most once for a moment.
struct Page {
    account: Arc<Account>,
    judge: Arc<Judge>,
    latest: Latest,
    made: Option<(Arc<Moment>, Arc<[u8]>)>,
}

impl Page {
    fn text(&mut self) -> io::Result<Arc<[u8]>> {
        let latest = self.latest.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let Some(moment) = latest else { return Ok(Arc::from(&b"# EOF\n"[..])) };
        if let Some((of, text)) = &self.made
            && Arc::ptr_eq(of, &moment)
        {
            return Ok(Arc::clone(text));
        }
        let report = self.account.so_far(&moment, &self.judge, &crate::report::Series::default());
        let mut text = Vec::new();
        output::write_metrics_so_far(&report, &mut text)?;
        let text: Arc<[u8]> = text.into();
        self.made = Some((moment, Arc::clone(&text)));
        Ok(text)
    }
}

async fn serve(listener: TcpListener, mut page: Page) {
    loop {
        match listener.accept().await {
            // Whatever a reader does wrong, or how slow it is, is the reader's affair.
            Ok((stream, _)) => drop(tokio::time::timeout(PATIENCE, converse(stream, &mut page)).await),
            Err(_) => tokio::time::sleep(RESPITE).await,
        }
    }
}

/// One request, one answer.
async fn converse(mut stream: TcpStream, page: &mut Page) -> io::Result<()> {
    let mut request = Vec::new();
    while !request.windows(4).any(|four| four == b"\r\n\r\n") {
        if request.len() >= LONGEST || stream.read_buf(&mut request).await? == 0 {
            return say(&mut stream, "400 Bad Request", PLAIN, b"not a request\n", true).await;
        }
    }
    let line = String::from_utf8_lossy(&request);
    let mut words = line.lines().next().unwrap_or_default().split(' ');
    let (method, target) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let whole = method != "HEAD";
    match (method, target.split('?').next().unwrap_or_default()) {
        ("GET" | "HEAD", "/metrics") => {
            let text = page.text()?;
            say(&mut stream, "200 OK", PAGE, &text, whole).await
        }
        ("GET" | "HEAD", _) => say(&mut stream, "404 Not Found", PLAIN, b"the page is /metrics\n", whole).await,
        _ => say(&mut stream, "405 Method Not Allowed\r\nallow: GET, HEAD", PLAIN, b"only GET and HEAD\n", true).await,
    }
}

async fn say(stream: &mut TcpStream, status: &str, kind: &str, body: &[u8], whole: bool) -> io::Result<()> {
    let length = body.len();
    let head =
        format!("HTTP/1.1 {status}\r\ncontent-type: {kind}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n");
    stream.write_all(head.as_bytes()).await?;
    if whole {
        stream.write_all(body).await?;
    }
    stream.shutdown().await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_alone_is_this_machines() {
        let heard = |text: &str| parse(text).map(|address| address.to_string());
        assert_eq!(heard("9464"), Ok("127.0.0.1:9464".to_owned()));
        assert_eq!(heard("0.0.0.0:9464"), Ok("0.0.0.0:9464".to_owned()));
        assert_eq!(heard("[::1]:0"), Ok("[::1]:0".to_owned()));
        for wrong in ["", "localhost", "127.0.0.1", "70000", "localhost:9464"] {
            assert!(heard(wrong).is_err_and(|error| error.contains("9464")), "{wrong}");
        }
    }
}
