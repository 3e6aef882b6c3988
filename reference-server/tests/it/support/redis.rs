//! A real redis-server of this test's own: random port, no persistence, gone with the value.

use std::{
    net::TcpListener,
    process::{Child, Command, Stdio},
};

use rustix::process::{Pid, Signal, kill_process};

/// See the module.
pub(crate) struct Redis {
    child: Child,
    port: u16,
    directory: tempfile::TempDir,
}

impl Redis {
    pub(crate) async fn start() -> Self {
        let port = free_port();
        let directory = tempfile::tempdir().unwrap();
        let redis = Self { child: spawn(port, &directory), port, directory };
        redis.answers().await;
        redis
    }

    pub(crate) fn url(&self) -> String {
        format!("redis://127.0.0.1:{}/", self.port)
    }

    pub(crate) async fn connection(&self) -> redis::aio::MultiplexedConnection {
        let client = redis::Client::open(self.url()).unwrap();
        client.get_multiplexed_async_connection().await.unwrap()
    }

    /// How many subscribers a room's channel has.
    pub(crate) async fn subscribers(&self, room: &str) -> u64 {
        let mut command = redis::cmd("PUBSUB");
        command.arg("NUMSUB").arg(format!("room:{room}"));
        let (_, count): (String, u64) = command.query_async(&mut self.connection().await).await.unwrap();
        count
    }

    /// kill -9.
    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Starts it again, empty, on the same port.
    pub(crate) async fn restart(&mut self) {
        self.child = spawn(self.port, &self.directory);
        self.answers().await;
    }

    pub(crate) fn pause(&self) {
        self.signal(Signal::STOP);
    }

    pub(crate) fn resume(&self) {
        self.signal(Signal::CONT);
    }

    fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    async fn answers(&self) {
        super::until("redis-server answers", async || {
            let client = redis::Client::open(self.url()).unwrap();
            let Ok(mut connection) = client.get_multiplexed_async_connection().await else { return false };
            redis::cmd("PING").query_async::<String>(&mut connection).await.is_ok()
        })
        .await;
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        let _gone_already = self.child.kill();
        let _reaped = self.child.wait();
    }
}

/// A free port below the ephemeral range: nobody else's connection can take it while this Redis is down.
fn free_port() -> u16 {
    use rand::RngExt;
    let mut rng = rand::rng();
    let mut candidates = std::iter::repeat_with(|| rng.random_range(10_000..30_000));
    candidates.find(|&port| TcpListener::bind(("127.0.0.1", port)).is_ok()).unwrap()
}

fn spawn(port: u16, directory: &tempfile::TempDir) -> Child {
    let port = port.to_string();
    Command::new("redis-server")
        .args(["--port", &port, "--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--dir"])
        .arg(directory.path())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("redis-server has to be installed")
}
