//! Through an HTTP proxy.

use std::net::SocketAddr;
use tokio::io::{AsyncWriteExt, copy_bidirectional};
use tokio::net::{TcpStream, lookup_host};
use tokio_tungstenite::accept_async;
use url::Url;

use super::{connect_with, receive_text, request, server};
use crate::observe::Word;
use crate::transport::connect::websocket;
use crate::transport::{NetworkConfig, SetupError};
use crate::wire::Opening;

fn through(proxy: &str) -> NetworkConfig {
    NetworkConfig { proxy: Some(Url::parse(proxy).unwrap()), ..NetworkConfig::default() }
}

#[tokio::test]
async fn the_proxy_is_asked_and_the_target_reached() {
    let target: SocketAddr = server(async |stream| {
        use futures_util::{SinkExt, StreamExt};
        let mut peer = accept_async(stream).await.unwrap();
        peer.send("from behind".into()).await.unwrap();
        peer.next().await;
    })
    .await;
    let (done, asked) = tokio::sync::oneshot::channel();
    let proxy = server(async move |mut stream| {
        let request = request(&mut stream).await;
        let place = request.split(' ').nth(1).unwrap().to_owned();
        done.send(request).unwrap();
        let address = lookup_host(place).await.unwrap().find(SocketAddr::is_ipv4).unwrap();
        let mut onward = TcpStream::connect(address).await.unwrap();
        stream.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n").await.unwrap();
        copy_bidirectional(&mut stream, &mut onward).await.unwrap();
    })
    .await;
    let url = Url::parse(&format!("ws://localhost:{}/ws?token=s3cret", target.port())).unwrap();
    let mut opened = connect_with(url, through(&format!("http://me:pw@{proxy}")), Opening::default()).await.unwrap();
    assert_eq!(receive_text(&mut opened.connection).await, "from behind");
    let stages: Vec<_> = opened.stages.iter().map(|(stage, _)| *stage).collect();
    assert_eq!(stages, [Word::TCP, Word::UPGRADE]);
    let place = format!("localhost:{}", target.port());
    let expected = format!("CONNECT {place} HTTP/1.1\r\nHost: {place}\r\nProxy-Authorization: Basic bWU6cHc=\r\n\r\n");
    assert_eq!(asked.await.unwrap(), expected);
}

#[tokio::test]
async fn a_proxy_that_refuses_is_blamed() {
    let proxy = server(async |mut stream| {
        request(&mut stream).await;
        stream.write_all(b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n").await.unwrap();
    })
    .await;
    let url = Url::parse("ws://chat.invalid/ws?token=s3cret").unwrap();
    let error = connect_with(url, through(&format!("http://me:pw@{proxy}")), Opening::default()).await.err().unwrap();
    assert_eq!((error.stage, error.kind), (Word::TCP, Word::PROXY));
    let expected =
        format!("proxy http://{proxy}: answered 407 Proxy Authentication Required to CONNECT chat.invalid:80");
    assert_eq!(error.detail, expected);
}

#[test]
fn only_http_proxies_are_taken() {
    let url = Url::parse("ws://chat.example").unwrap();
    let error = websocket(vec![url], through("socks5://me:pw@proxy:1080")).err().unwrap();
    let problem = "a proxy's URL starts with http://".to_owned();
    assert_eq!(error, SetupError::Url { url: "socks5://proxy:1080".to_owned(), problem });
}
