//! The server of a project that has a pipeline: the room server of the wsbench under test, with the defects of this commit.
//! The checkouts of a rehearsal differ in `faults.json` alone: a fault plan, or the one word `exit`.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Command, Stdio, exit};

const FAULTS: &str = include_str!("../faults.json");

fn main() {
    let port = std::env::args().skip_while(|argument| argument != "--port").nth(1).expect("--port");
    if FAULTS.trim() == "exit" {
        eprintln!("chat-server: no database");
        exit(7);
    }
    let mut server = Command::new(std::env::var("WSBENCH_UNDER_TEST").expect("WSBENCH_UNDER_TEST"))
        .args(["serve", "--faults", "--frames-per-second", "1000", "--jwt-secret", "rehearsal", "--port", &port])
        .stdout(Stdio::piped())
        .spawn()
        .expect("the room server");
    let mut said = BufReader::new(server.stdout.take().expect("its stdout"));
    let mut ready = String::new();
    said.read_line(&mut ready).expect("its first line");
    let admin = ready.split(' ').find_map(|field| field.strip_prefix("admin=http://")).expect("its admin listener");
    let mut asked = TcpStream::connect(admin.trim()).expect("a connection to it");
    let head = format!("POST /admin/faults HTTP/1.0\r\nhost: {admin}\r\ncontent-type: application/json");
    write!(asked, "{head}\r\ncontent-length: {}\r\n\r\n{FAULTS}", FAULTS.len()).expect("a request");
    let mut answer = String::new();
    asked.read_to_string(&mut answer).expect("an answer");
    assert!(answer.contains(" 200 "), "{answer}");
    println!("chat-server: on {port}");
    exit(server.wait().expect("its end").code().unwrap_or(1));
}
