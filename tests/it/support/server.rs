//! Servers that do one wrong thing: scripted answers on a port of their own, gone when dropped.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use tokio_tungstenite::tungstenite;

/// A listener whose connections are each served by a thread.
pub(crate) struct Server {
    address: SocketAddr,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    pub(crate) fn new(serve: impl Fn(TcpStream) + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let (address, stop, serve) =
            (listener.local_addr().unwrap(), Arc::new(AtomicBool::new(false)), Arc::new(serve));
        let stopped = Arc::clone(&stop);
        let thread = std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                if stopped.load(Ordering::Relaxed) {
                    break;
                }
                // Nobody waits for ever on a client that has gone.
                stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
                let serve = Arc::clone(&serve);
                std::thread::spawn(move || serve(stream));
            }
        });
        Self { address, stop, thread: Some(thread) }
    }

    /// Reads a request and answers with these bytes, whatever it was.
    pub(crate) fn answering(answer: &str) -> Self {
        let answer = answer.to_owned();
        Self::new(move |mut stream| {
            if read_request(&mut stream) {
                stream.write_all(answer.as_bytes()).ok();
                // Until the client has read it and goes.
                stream.read_to_end(&mut Vec::new()).ok();
            }
        })
    }

    /// Answers every opening with an HTTP status.
    pub(crate) fn status(status: &str) -> Self {
        Self::answering(&format!("HTTP/1.1 {status}\r\ncontent-type: text/plain\r\ncontent-length: 4\r\n\r\nsry\n"))
    }

    /// A WebSocket server that listens to everybody and repeats nothing; it says `greeting` first, if anything.
    pub(crate) fn deaf(greeting: &'static str) -> Self {
        Self::new(move |stream| {
            let Ok(mut socket) = tungstenite::accept(stream) else { return };
            if !greeting.is_empty() {
                socket.send(tungstenite::Message::text(greeting)).ok();
            }
            while socket.read().is_ok() {}
        })
    }

    /// Speaks TLS with a certificate nobody has vouched for.
    pub(crate) fn self_signed() -> Self {
        let made = rcgen::generate_simple_self_signed(["localhost".to_owned(), "127.0.0.1".to_owned()]).unwrap();
        let key = rustls::pki_types::PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
        let config = rustls::ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![made.cert.der().clone()], key)
            .unwrap();
        let config = Arc::new(config);
        Self::new(move |mut stream| {
            let mut session = rustls::ServerConnection::new(Arc::clone(&config)).unwrap();
            // The client ends it as soon as it has seen the certificate.
            rustls::Stream::new(&mut session, &mut stream).read_to_end(&mut Vec::new()).ok();
        })
    }

    /// `ws://127.0.0.1:PORT`
    pub(crate) fn url(&self) -> String {
        format!("ws://{}", self.address)
    }

    pub(crate) fn port(&self) -> u16 {
        self.address.port()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        // Wakes the accept; if that is impossible it is not waiting.
        TcpStream::connect(self.address).ok();
        self.thread.take().map(JoinHandle::join);
    }
}

fn read_request(stream: &mut TcpStream) -> bool {
    let (mut request, mut chunk) = (Vec::new(), [0; 1024]);
    while !request.windows(4).any(|window| window == b"\r\n\r\n") {
        match stream.read(&mut chunk) {
            Ok(read) if read > 0 => request.extend_from_slice(&chunk[..read]),
            _ => return false,
        }
    }
    true
}

/// A port nobody listens on, for as long as nobody takes it.
pub(crate) fn closed_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}
