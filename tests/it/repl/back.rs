//! Coming back unasked to another instance, with what was missed.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use wsbench::time::nap;

use crate::support::{Server, put, scratch, wsbench};

/// The secret of the server, which is gone with the test.
const SECRET: &str = "of-a-test-only";

/// What passes while `open` is set goes to `to` and back; nobody gets in otherwise, and who is in is cut.
fn relay(to: &str, open: &Arc<AtomicBool>) -> Server {
    let (to, open) = (to.trim_start_matches("ws://").to_owned(), Arc::clone(open));
    Server::new(move |inside| {
        if !open.load(Ordering::Relaxed) {
            return;
        }
        let Ok(outside) = TcpStream::connect(&to) else { return };
        let pump = |mut from: TcpStream, mut into: TcpStream| {
            std::thread::spawn(move || {
                let mut bytes = [0; 4_096];
                while let Ok(read @ 1..) = from.read(&mut bytes) {
                    if into.write_all(&bytes[..read]).is_err() {
                        return;
                    }
                }
            })
        };
        let copies = [inside.try_clone().unwrap(), outside.try_clone().unwrap()];
        let pumps = [pump(inside.try_clone().unwrap(), outside), pump(copies[1].try_clone().unwrap(), inside)];
        while open.load(Ordering::Relaxed) && pumps.iter().all(|pump| !pump.is_finished()) {
            nap(Duration::from_millis(5));
        }
        copies.iter().for_each(|copy| drop(copy.shutdown(Shutdown::Both)));
    })
}

#[test]
fn who_loses_an_instance_comes_back_by_another_and_hears_what_was_missed() {
    let mut server = wsbench(["serve", "--instances", "2", "--broker", "memory", "--jwt-secret", SECRET]).start();
    let url = |line: &String| line.split("url=").nth(1).unwrap().split(" ").next().unwrap().to_owned();
    let urls: Vec<String> = server.lines(2).iter().map(url).collect();
    let doors = [true, false].map(|open| Arc::new(AtomicBool::new(open)));
    let relays = [relay(&urls[0], &doors[0]), relay(&urls[1], &doors[1])];
    let directory = scratch();
    let scenario = put(
        &directory,
        "two.toml",
        &format!(
            "name = \"two\"\n[run]\nduration = \"1s\"\n[target]\nurls = [\"{}\", \"{}\"]\n\
             [users]\nmint = {{ secret = \"{SECRET}\" }}\n\
             [[clients]]\nname = \"c\"\ncount = 1\nrooms = {{ count = 1, name = \"lobby\" }}\n\
             reconnect = {{ policy = \"fixed\", base = \"50ms\" }}\n[[publish]]\nname = \"p\"\nfrom = \"c\"\nrate = \"1/s\"\n",
            relays[0].url(),
            relays[1].url()
        ),
    );
    let mut ada = wsbench(["repl", &scenario, "--format", "ndjson"]).with_input().start();
    ada.shows(r#""instance":"a","kind":"joined""#, 1);
    let bob = |said: &str| {
        let args = ["repl", &urls[1], "--room", "lobby", "--user", "bob", "--jwt-secret", SECRET, "--send", said];
        wsbench(args).run().expect(0).says(&["acknowledged after"]);
    };
    bob("before");
    ada.shows(r#""text":"before""#, 1);
    // The one instance is gone, the other not there yet: what is said meanwhile is missed.
    doors[0].store(false, Ordering::Relaxed);
    ada.shows(r#""kind":"missed""#, 2);
    bob("while away");
    doors[1].store(true, Ordering::Relaxed);
    ada.shows(r#""kind":"back""#, 1);
    ada.type_line("/expect while away");
    ada.type_line("here again");
    ada.type_line("/expect here again");
    ada.end_input();
    let ended = ada.finish();
    let lines: Vec<&str> = ended.expect(0).stdout.lines().collect();
    let heard = |text: &str| -> Vec<&&str> {
        lines.iter().filter(|line| line.contains(&format!("\"text\":\"{text}\""))).collect()
    };
    assert!(lines.iter().any(|line| line.contains(r#""instance":"b","kind":"joined""#)), "{lines:#?}");
    assert_eq!([heard("before").len(), heard("while away").len(), heard("here again").len()], [1, 1, 1], "{lines:#?}");
    assert!(heard("while away")[0].contains(r#""replayed":true"#), "{lines:#?}");
    assert!(heard("here again")[0].contains(r#""replayed":false"#), "{lines:#?}");
}
