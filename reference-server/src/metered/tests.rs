//! What is put ahead or gathered goes out whole, in order, and leaves nothing behind.

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};

use super::*;

/// A connection, and its other side.
async fn pair() -> (Metered, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
    let stream = Stream::Plain(listener.accept().await.unwrap().0);
    (Metered::new(stream, Arc::default(), 0), client)
}

/// What the other side reads of four megabytes put ahead and what is done after that.
async fn read_of(work: impl AsyncFnOnce(&mut Metered)) -> (Vec<u8>, u64) {
    let (mut metered, mut client) = pair().await;
    let stats = Arc::clone(&metered.stats);
    metered.put_ahead(vec![1; 4 << 20]);
    let write = async {
        work(&mut metered).await;
        drop(metered);
    };
    let mut all = Vec::new();
    let (read, ()) = tokio::join!(client.read_to_end(&mut all), write);
    read.unwrap();
    (all, stats.bytes_out.get())
}

#[tokio::test]
async fn what_is_put_ahead_goes_first_and_whole() {
    let (all, counted) = read_of(async |metered: &mut Metered| metered.write_all(&[2; 100]).await.unwrap()).await;
    assert!(all[..4 << 20].iter().all(|&byte| byte == 1) && all[4 << 20..] == [2; 100]);
    assert_eq!(counted, all.len() as u64);
    let (all, _) = read_of(async |metered: &mut Metered| metered.flush().await.unwrap()).await;
    assert_eq!(all.len(), 4 << 20, "a flush does without anything behind it");
    let (all, _) = read_of(async |metered: &mut Metered| metered.shutdown().await.unwrap()).await;
    assert_eq!(all.len(), 4 << 20, "an end does not pass it by");
    let several = async |metered: &mut Metered| {
        let parts = [io::IoSlice::new(&[2; 50]), io::IoSlice::new(&[3; 50])];
        let mut written = 0;
        while written == 0 {
            written = metered.write_vectored(&parts).await.unwrap();
        }
    };
    let (all, _) = read_of(several).await;
    assert!(all[..4 << 20].iter().all(|&byte| byte == 1) && all[4 << 20..].starts_with(&[2; 50]));
}

#[tokio::test]
async fn a_burst_is_written_at_once_and_leaves_no_buffer() {
    let (mut metered, mut client) = pair().await;
    for n in 0..50 {
        metered.gather(n < 49);
        metered.write_all(&[n; 130]).await.unwrap();
    }
    assert_eq!(metered.stats.writes.get(), 1);
    assert_eq!(metered.ahead.capacity(), 0);
    drop(metered);
    let mut all = Vec::new();
    client.read_to_end(&mut all).await.unwrap();
    assert_eq!(all, (0..50).flat_map(|n| [n; 130]).collect::<Vec<_>>());
}

#[tokio::test]
async fn what_is_gathered_is_bounded_and_goes_with_a_flush() {
    let (mut metered, mut client) = pair().await;
    metered.gather(true);
    for n in 0..100 {
        metered.write_all(&[n; 1_000]).await.unwrap();
        assert!(metered.ahead.len() <= GATHERED);
    }
    metered.flush().await.unwrap();
    drop(metered);
    let mut all = Vec::new();
    client.read_to_end(&mut all).await.unwrap();
    assert_eq!(all, (0..100).flat_map(|n| [n; 1_000]).collect::<Vec<_>>());
}
