//! The three connections of a link: publisher, subscriber, and one for questions. What arrives on the subscriber is
//! taken off it at once, in the connection's own task, so that Redis never finds us slow.

use std::sync::Arc;

use bytes::Bytes;
use redis::{
    AsyncConnectionConfig, Client, IntoConnectionInfo, ProtocolVersion, PushInfo, PushKind, Value,
    aio::MultiplexedConnection, io::tcp::TcpSettings,
};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::{
    super::{Arrival, Room},
    Shared,
    scripts::Payload,
};
use crate::time;

/// Requests that may wait in a connection.
const PIPELINE: usize = 1_024;

/// Three live connections.
pub(super) struct Link {
    pub(super) publisher: MultiplexedConnection,
    pub(super) subscriber: MultiplexedConnection,
    pub(super) questions: MultiplexedConnection,
    /// Cancelled when any of them is lost.
    pub(super) lost: CancellationToken,
    /// The last probe that came back.
    pub(super) probed: watch::Receiver<u64>,
}

/// Reads a URL; never repeats it in the error, since it may hold a password.
pub(super) fn client(url: &str) -> Result<Client, String> {
    let info = url.into_connection_info().map_err(|error| error.to_string().replace(url, "the URL"))?;
    let settings = info.redis_settings().clone().set_protocol(ProtocolVersion::RESP3).set_skip_set_lib_name();
    let info = info.set_redis_settings(settings).set_tcp_settings(TcpSettings::default().set_nodelay(true));
    Client::open(info).map_err(|error| error.to_string())
}

impl Link {
    /// Connects all three, makes Redis know the scripts and subscribes to the probe channel.
    pub(super) async fn open(shared: &Arc<Shared>) -> Result<Self, String> {
        let lost = CancellationToken::new();
        let (echo, probed) = watch::channel(0);
        let connect = async {
            let watcher = |lost: CancellationToken| move |push: PushInfo| watch_only(&push, &lost);
            let mut publisher = connect(shared, watcher(lost.clone())).await?;
            let questions = connect(shared, watcher(lost.clone())).await?;
            let receiver = Receiver { shared: Arc::clone(shared), lost: lost.clone(), echo };
            let mut subscriber = connect(shared, move |push| receiver.push(push)).await?;
            let mut scripts = shared.scripts.load();
            shared.desk.census.load(&mut scripts);
            scripts.exec_async(&mut publisher).await?;
            subscriber.subscribe(shared.probe_channel()).await?;
            Ok::<_, redis::RedisError>((publisher, subscriber, questions))
        };
        let connected = tokio::time::timeout(shared.options.answer_timeout, connect).await;
        let (publisher, subscriber, questions) =
            connected.map_err(|_| "no answer".to_owned())?.map_err(|error| error.to_string())?;
        Ok(Self { publisher, subscriber, questions, lost, probed })
    }
}

async fn connect(
    shared: &Shared,
    on_push: impl Fn(PushInfo) -> Result<(), std::convert::Infallible> + Send + Sync + 'static,
) -> redis::RedisResult<MultiplexedConnection> {
    // Timeouts are the supervisor's: when an answer is late the whole link goes.
    let config = AsyncConnectionConfig::new()
        .set_connection_timeout(None)
        .set_response_timeout(None)
        .set_pipeline_buffer_size(PIPELINE)
        .set_push_sender(on_push);
    shared.client.get_multiplexed_async_connection_with_config(&config).await
}

fn watch_only(push: &PushInfo, lost: &CancellationToken) -> Result<(), std::convert::Infallible> {
    if push.kind == PushKind::Disconnection {
        lost.cancel();
    }
    Ok(())
}

/// Takes what Redis pushes to the subscriber.
struct Receiver {
    shared: Arc<Shared>,
    lost: CancellationToken,
    echo: watch::Sender<u64>,
}

impl Receiver {
    fn push(&self, push: PushInfo) -> Result<(), std::convert::Infallible> {
        match push.kind {
            PushKind::Message => self.message(push.data),
            PushKind::Disconnection => self.lost.cancel(),
            _ => {}
        }
        Ok(())
    }

    fn message(&self, data: Vec<Value>) {
        let received = time::micros();
        let mut parts = data.into_iter();
        let (Some(Value::BulkString(channel)), Some(Value::BulkString(payload))) = (parts.next(), parts.next()) else {
            return self.shared.stats.foreign.add(1);
        };
        let channel = std::str::from_utf8(&channel).unwrap_or_default();
        let Some(room) = channel.strip_prefix("room:") else { return self.echo(channel, &payload) };
        match Payload::parse(Bytes::from(payload)) {
            Some(payload) if payload.is_announcement() => {
                self.shared.events.announcement(Room::from(room), payload.tail);
            }
            Some(Payload { position, tail }) => {
                let room = Room::from(room);
                self.shared.events.message(Arrival { room, position, tail, received });
            }
            None => self.shared.stats.foreign.add(1),
        }
    }

    fn echo(&self, channel: &str, payload: &[u8]) {
        let number = std::str::from_utf8(payload).ok().and_then(|text| text.parse().ok());
        match number {
            Some(number) if channel == self.shared.probe_channel() => drop(self.echo.send_replace(number)),
            _ => self.shared.stats.foreign.add(1),
        }
    }
}
