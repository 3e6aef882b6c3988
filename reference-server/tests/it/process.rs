//! The binary: says when it is ready, drains on SIGTERM, and keeps secrets to itself.

use std::{
    io::{BufRead, BufReader, Read},
    process::{Child, Command, Stdio},
};

use rustix::process::{Pid, Signal, kill_process};

use crate::support::{
    Redis,
    server::{SECRET, get, token},
};

fn start(arguments: &[&str]) -> Child {
    Command::new(env!("CARGO_BIN_EXE_reference-server"))
        .args(arguments)
        .env("WSBENCH_JWT_SECRET", SECRET)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

#[tokio::test]
async fn ready_serve_drain_exit() {
    let redis = Redis::start().await;
    let mut child = start(&["--instance", "x", "--redis", &redis.url()]);
    let mut ready = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut ready).unwrap();
    let field = |name: &str| ready.trim().split(' ').find_map(|part| part.strip_prefix(name)).unwrap().to_owned();
    assert!(ready.starts_with("ready instance=x url=ws://127.0.0.1:"), "{ready}");
    assert_eq!(field("broker="), "redis");
    let admin = field("admin=http://").parse().unwrap();
    assert_eq!(get(admin, "/readyz", "").await.status, 200);
    assert_eq!(get(admin, "/livez", "").await.status, 200);
    let refused = get(field("url=ws://").parse().unwrap(), &format!("/ws?token={}x", token("canary")), "").await;
    assert_eq!(refused.status, 401);
    kill_process(Pid::from_child(&child), Signal::TERM).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(0));
    let mut said = String::new();
    child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
    assert_eq!(said, "");
}

#[tokio::test]
async fn a_dead_redis_is_exit_3() {
    let mut redis = Redis::start().await;
    redis.kill();
    let mut child = start(&["--redis", &redis.url()]);
    assert_eq!(child.wait().unwrap().code(), Some(3));
    let mut said = String::new();
    child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
    assert!(said.starts_with("error: the broker does not answer: "), "{said}");
}
