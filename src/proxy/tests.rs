//! A proxy on real sockets: what passes, what does not, and what its log says of it.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, sync_channel};
use std::thread::JoinHandle;
use std::time::Duration;

use serde_json::Value;

use super::{Direction, Hit, Impairment, Log, Notice, Order, Setup, run};
use crate::detour::{ANSWER, Detour, read_answer};
use crate::time::{Clock, nap};

/// How long anything may take before a test fails.
const PATIENCE: Duration = Duration::from_secs(20);

/// What the proxy takes at most to see to an order, on a busy machine too.
const NOTICED: Duration = Duration::from_millis(400);

/// A running proxy, and a target behind it.
struct Stand {
    proxy: SocketAddr,
    target: TcpListener,
    orders: tokio::sync::mpsc::Sender<Order>,
    notices: Receiver<Notice>,
    log: JoinHandle<String>,
    thread: JoinHandle<u64>,
}

impl Stand {
    fn with(impairment: Impairment) -> Self {
        Self::new(Setup { seed: 7, impairment, ..Setup::default() })
    }

    fn new(setup: Setup) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let proxy = listener.local_addr().unwrap();
        let (orders, ordered) = tokio::sync::mpsc::channel(16);
        let (sender, notices) = sync_channel(64);
        let (log, chunks) = Log::channel();
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let listener = tokio::net::TcpListener::from_std(listener).unwrap();
                run(listener, setup, ordered, sender, Some(log)).await.unwrap()
            })
        });
        let log = std::thread::spawn(move || chunks.iter().collect());
        Self { proxy, target: TcpListener::bind("127.0.0.1:0").unwrap(), orders, notices, log, thread }
    }

    /// A connection of `client`: its end, and the target's.
    fn connect(&self, client: u32) -> (TcpStream, TcpStream) {
        let stream = self.ask(client, self.target.local_addr().unwrap()).unwrap();
        let (target, _) = self.target.accept().unwrap();
        target.set_read_timeout(Some(PATIENCE)).unwrap();
        (stream, target)
    }

    fn ask(&self, client: u32, to: SocketAddr) -> Result<TcpStream, i32> {
        let mut stream = TcpStream::connect(self.proxy).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.write_all(Detour { to, from: None, client }.line().as_bytes()).unwrap();
        let mut answer = [0; ANSWER];
        stream.read_exact(&mut answer).unwrap();
        read_answer(answer).map(|()| stream)
    }

    fn order(&self, clients: &[u32], hit: Hit) {
        self.orders.blocking_send(Order { clients: clients.to_vec(), hit }).unwrap();
    }

    /// The moment at which it says that it has cut a connection of `client`.
    fn hears_of_cut(&self, client: u32) -> u64 {
        match self.notices.recv_timeout(PATIENCE).unwrap() {
            Notice::Cut { client: cut, at } if cut == client => at,
            other => panic!("{other:?}"),
        }
    }

    /// Ends it; the lines of its log.
    fn end(self) -> Vec<Value> {
        drop(self.orders);
        assert_eq!(self.thread.join().unwrap(), 0, "no line is missing");
        self.log.join().unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }
}

fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

fn noise(size: usize) -> Vec<u8> {
    (0..size as u64).map(|at| (at.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 33) as u8).collect()
}

fn read(from: &mut TcpStream, size: usize) -> Vec<u8> {
    let mut bytes = vec![0; size];
    from.read_exact(&mut bytes).unwrap();
    bytes
}

fn all(log: &[Value], what: &str) -> Vec<Value> {
    log.iter().filter(|line| line["what"] == what).cloned().collect()
}

fn number(line: &Value, key: &str) -> u64 {
    line[key].as_u64().unwrap_or_else(|| panic!("no {key} in {line}"))
}

/// How long each piece that went `way` was held, in the order of the stream; the pieces are all there.
fn held(log: &[Value], way: &str) -> Vec<Duration> {
    let mut place = 0;
    let pieces = log.iter().filter(|line| line["what"] == "passed" && line["way"] == way);
    let held = pieces.map(|line| {
        assert_eq!(number(line, "from"), place, "nothing is left out: {line}");
        place = number(line, "until");
        Duration::from_nanos(number(line, "written") - number(line, "read"))
    });
    held.collect()
}

/// Nothing more is heard for a while, and the connection is not over either.
fn silent(stream: &mut TcpStream) {
    stream.set_read_timeout(Some(ms(200))).unwrap();
    let error = stream.read(&mut [0]).map(|size| panic!("{size} bytes")).unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut), "{error}");
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
}

fn reset(stream: &mut TcpStream) -> Vec<u8> {
    let mut bytes = Vec::new();
    let error = stream.read_to_end(&mut bytes).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConnectionReset);
    bytes
}

#[test]
fn bytes_pass_untouched_both_ways() {
    let rough = Impairment { delay: ms(3), jitter: ms(2), slice: Some((1, 4_000)), ..Impairment::default() };
    for how in [Impairment::default(), rough] {
        let stand = Stand::with(how);
        let (mut client, mut target) = stand.connect(0);
        let sent = noise(1_000_000);
        let (up, down) = (sent.clone(), sent.iter().rev().copied().collect::<Vec<u8>>());
        let talking = {
            let (mut client, mut target, down) =
                (client.try_clone().unwrap(), target.try_clone().unwrap(), down.clone());
            [
                std::thread::spawn(move || client.write_all(&up).unwrap()),
                std::thread::spawn(move || target.write_all(&down).unwrap()),
            ]
        };
        let heard = std::thread::spawn(move || {
            let heard = read(&mut target, 1_000_000);
            (heard, target)
        });
        assert_eq!(read(&mut client, 1_000_000), down);
        let (heard, mut target) = heard.join().unwrap();
        assert_eq!(heard, sent);
        talking.into_iter().for_each(|thread| thread.join().unwrap());
        client.shutdown(Shutdown::Write).unwrap();
        assert_eq!(target.read(&mut [0]).unwrap(), 0, "the end passes like a byte");
        target.write_all(b"bye").unwrap();
        drop(target);
        assert_eq!(read(&mut client, 3), b"bye", "the other way is still open");
        assert_eq!(client.read(&mut [0]).unwrap(), 0);
        let log = stand.end();
        assert!(held(&log, "down").iter().all(|held| *held >= how.delay.saturating_sub(how.jitter)));
        assert_eq!(number(all(&log, "passed").iter().rfind(|line| line["way"] == "up").unwrap(), "until"), 1_000_000);
        assert_eq!((all(&log, "opened").len(), all(&log, "closed").len(), all(&log, "cut").len()), (1, 1, 0));
    }
}

#[test]
fn only_those_concerned_are_held_and_only_that_way() {
    let impairment = Impairment { delay: ms(50), direction: Direction::Down, ..Impairment::default() };
    let stand = Stand::new(Setup { seed: 1, impairment, clients: Some(vec![3]), log: None });
    for client in [2, 3] {
        let (mut client, mut target) = stand.connect(client);
        for _ in 0..5 {
            client.write_all(b"ping").unwrap();
            assert_eq!(read(&mut target, 4), b"ping");
            target.write_all(b"pong").unwrap();
            assert_eq!(read(&mut client, 4), b"pong");
        }
    }
    let log = stand.end();
    let opened = all(&log, "opened");
    assert_eq!([2, 3].map(|client| opened.iter().filter(|line| line["client"] == client).count()), [1, 1]);
    let of = |connection: u64| log.iter().filter(|line| line["connection"] == connection).cloned().collect::<Vec<_>>();
    assert!(held(&of(1), "down").iter().all(|held| *held >= ms(50)));
    let quick = [held(&of(0), "up"), held(&of(0), "down"), held(&of(1), "up")].concat();
    assert_eq!(quick.len(), 15);
    let slow = quick.iter().filter(|held| **held > ms(40)).count();
    assert!(slow < 3, "the others pass as they come: {quick:?}");
}

#[test]
fn a_reset_comes_after_exactly_so_many_bytes() {
    let stand = Stand::with(Impairment::default());
    let (mut client, mut target) = stand.connect(5);
    let (mut bystander, mut other) = stand.connect(6);
    stand.order(&[5], Hit::Reset { after: 70_000 });
    // The order is taken when this has passed.
    nap(NOTICED);
    let sent = noise(100_000);
    let talking = std::thread::spawn(move || {
        target.write_all(&sent).ok();
        target
    });
    let heard = reset(&mut client);
    assert!(heard.len() <= 70_000 && heard == noise(100_000)[..heard.len()], "{}", heard.len());
    let at = stand.hears_of_cut(5);
    assert!(at <= Clock::real().now().nanos());
    reset(&mut talking.join().unwrap());
    other.write_all(b"still here").unwrap();
    assert_eq!(read(&mut bystander, 10), b"still here");
    let log = stand.end();
    let passed = log.iter().filter(|line| line["way"] == "down" && line["connection"] == 0);
    assert_eq!(passed.map(|line| number(line, "until")).max(), Some(70_000));
    let [cut] = &all(&log, "cut")[..] else { panic!("{log:?}") };
    assert_eq!((cut["how"].as_str(), number(cut, "at"), number(cut, "connection")), (Some("reset"), at, 0));
}

#[test]
fn half_open_is_silence_on_both_sides() {
    let stand = Stand::with(Impairment::default());
    let (mut client, mut target) = stand.connect(5);
    client.write_all(b"hello").unwrap();
    assert_eq!(read(&mut target, 5), b"hello");
    stand.order(&[5], Hit::HalfOpen);
    stand.hears_of_cut(5);
    client.write_all(b"anybody there?").unwrap();
    target.write_all(b"anybody there?").unwrap();
    silent(&mut client);
    silent(&mut target);
    client.shutdown(Shutdown::Both).unwrap();
    silent(&mut target);
    drop(target);
    let (mut again, mut target) = stand.connect(5);
    again.write_all(b"a new one is none of it").unwrap();
    assert_eq!(read(&mut target, 23), b"a new one is none of it");
    // The ends are looked at twice a second.
    nap(ms(3_000));
    let log = stand.end();
    assert!(all(&log, "closed").iter().any(|line| line["connection"] == 0), "given up by both, it is let go");
}

#[test]
fn fin_ends_both_streams_without_a_reset() {
    let stand = Stand::with(Impairment::default());
    let (mut client, mut target) = stand.connect(5);
    client.write_all(b"unread").unwrap();
    stand.order(&[5], Hit::Fin);
    stand.hears_of_cut(5);
    let mut nothing = Vec::new();
    assert_eq!(client.read_to_end(&mut nothing).unwrap(), 0);
    target.read_to_end(&mut nothing).unwrap();
    stand.end();
}

#[test]
fn exactly_one_byte_is_corrupted() {
    let stand = Stand::with(Impairment::default());
    let (mut client, mut target) = stand.connect(5);
    let sent = noise(500);
    for order in [true, false] {
        if order {
            stand.order(&[5], Hit::Corrupt { direction: Direction::Down });
            nap(NOTICED);
        }
        client.write_all(&sent).unwrap();
        assert_eq!(read(&mut target, 500), sent, "the other way is untouched");
        target.write_all(&sent).unwrap();
        let heard = read(&mut client, 500);
        let turned: Vec<u32> = heard.iter().zip(&sent).map(|(a, b)| (a ^ b).count_ones()).filter(|n| *n > 0).collect();
        assert_eq!(turned, if order { vec![1] } else { vec![] });
    }
    let log = stand.end();
    let [corrupted] = &all(&log, "corrupted")[..] else { panic!("{log:?}") };
    assert!(corrupted["way"] == "down" && number(corrupted, "place") < 500);
}

#[test]
fn bandwidth_is_kept() {
    let how = Impairment { bandwidth: Some(100_000), direction: Direction::Down, ..Impairment::default() };
    let stand = Stand::with(how);
    let (mut client, mut target) = stand.connect(0);
    target.write_all(&noise(50_000)).unwrap();
    assert_eq!(read(&mut client, 50_000), noise(50_000));
    let log = stand.end();
    let pieces = all(&log, "passed");
    let first = number(&pieces[0], "read");
    for piece in &pieces {
        let passed = Duration::from_nanos(number(piece, "written") - first);
        let fastest = Duration::from_secs_f64(number(piece, "until") as f64 / 100_000.0);
        assert!(passed >= fastest, "{piece}: {passed:?} in place of {fastest:?}");
    }
    assert!(pieces.len() >= 50, "in a steady stream, not at once: {}", pieces.len());
}

#[test]
fn a_stall_holds_everything_and_lets_it_go() {
    let stand = Stand::with(Impairment::default());
    let (mut client, mut target) = stand.connect(5);
    stand.order(&[5], Hit::Stall { direction: Direction::Down, lasting: ms(3_000) });
    nap(NOTICED);
    target.write_all(b"late").unwrap();
    client.write_all(b"soon").unwrap();
    assert_eq!(read(&mut target, 4), b"soon");
    assert_eq!(read(&mut client, 4), b"late");
    // Connections that come while it lasts have their part in it.
    stand.order(
        &[9],
        Hit::Impair { impairment: Impairment { delay: ms(40), ..Impairment::default() }, lasting: ms(30_000) },
    );
    nap(NOTICED);
    let (mut client, mut target) = stand.connect(9);
    client.write_all(b"slow").unwrap();
    assert_eq!(read(&mut target, 4), b"slow");
    let log = stand.end();
    let of = |connection: u64| log.iter().filter(|line| line["connection"] == connection).cloned().collect::<Vec<_>>();
    assert!(held(&of(0), "down")[0] >= ms(500), "{log:?}");
    assert!(held(&of(1), "up")[0] >= ms(40), "{log:?}");
}

#[test]
fn what_the_proxy_meets_with_is_told() {
    let stand = Stand::with(Impairment::default());
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let refused = rustix::io::Errno::CONNREFUSED.raw_os_error();
    assert_eq!(stand.ask(0, nobody).err(), Some(refused));
    let mut stranger = TcpStream::connect(stand.proxy).unwrap();
    stranger.write_all(b"GET / HTTP/1.1\r\n").unwrap();
    stranger.set_read_timeout(Some(PATIENCE)).unwrap();
    assert!(matches!(stranger.read(&mut [0]), Ok(0) | Err(_)), "strangers are sent away");
    let (mut client, target) = stand.connect(1);
    socket2::SockRef::from(&target).set_linger(Some(Duration::ZERO)).unwrap();
    drop(target);
    reset(&mut client);
    assert!(all(&stand.end(), "cut").is_empty(), "a reset of the target's is not the proxy's");
}
