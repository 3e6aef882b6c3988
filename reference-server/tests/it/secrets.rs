//! Neither the secret nor a token is ever shown: not in an answer, a page, a log or the list of processes.

use std::process::Command;

use reference_server::Secret;
use serde_json::json;
use tokio::net::TcpStream;

use crate::support::{
    Child, Client,
    server::{SECRET, get},
};

#[tokio::test]
async fn a_canary_sings_nowhere() {
    let child = Child::start(&["--faults"]);
    let good = Secret::new(SECRET).mint("WSB-CANARY-9f3", u32::MAX.into());
    let bad = Secret::new("wrong").mint("WSB-CANARY-9f3", u32::MAX.into());
    let mut seen = Vec::new();
    for token in [&bad, &good] {
        for path in
            [format!("/ws?token={token}"), format!("/ws/rooms/a%20b?token={token}"), format!("/x?token={token}")]
        {
            let headers = format!("Authorization: Bearer {token}\r\nCookie: token={token}\r\n");
            let answer = get(child.address, &path, &headers).await;
            seen.extend([answer.head, answer.body]);
        }
        let mut client = Client::over(TcpStream::connect(child.address).await.unwrap(), "/ws").await;
        client.send(&json!({"type": "auth", "token": format!("{token}x")}).to_string()).await;
        seen.push(client.closed().await.1);
        let mut client = Client::over(TcpStream::connect(child.address).await.unwrap(), "/ws/rooms/r").await;
        client.send(&json!({"type": "auth", "token": token}).to_string()).await;
        if token == &good {
            client.expect("joined").await;
            client.send(&json!({"type": "auth", "token": format!("{token}x")}).to_string()).await;
        }
        seen.push(client.closed().await.1);
    }
    for page in ["/metrics", "/readyz", "/livez", "/admin/faults", "/admin/truth"] {
        seen.push(child.admin(page).await.body);
    }
    let command_line = std::fs::read_to_string(format!("/proc/{}/cmdline", child.id())).unwrap();
    let list = Command::new("ps").args(["-o", "args", "-p", &child.id().to_string()]).output();
    seen.extend([command_line, list.map(|list| String::from_utf8(list.stdout).unwrap()).unwrap_or_default()]);
    seen.push(child.finish());
    let secrets = [&good, &bad].map(|token| token.split('.').map(str::to_owned).collect::<Vec<_>>()).concat();
    for secret in secrets.iter().map(String::as_str).chain([SECRET]) {
        assert!(seen.iter().all(|text| !text.contains(secret)), "{secret} in {seen:?}");
    }
}
