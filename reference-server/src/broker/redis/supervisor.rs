//! Keeps the link: connects for ever, subscribes everything wanted and awaits every acknowledgement, proves by a message
//! to itself that it hears, and starts over at the first doubt.

use std::{convert::Infallible, sync::Arc, time::Duration};

use rand::RngExt;
use redis::{Value, aio::MultiplexedConnection, cmd};
use tokio::sync::{mpsc, watch};

use super::{
    super::{Event, Health, Publication, PublishError, Room},
    Question, Shared, attendant,
    channels::Work,
    link::Link,
    publisher, scripts,
};
use crate::history::Position;

/// Questions for histories in one write.
const QUESTIONS: usize = 64;

/// Runs for ever; see the module.
pub(super) async fn supervise(shared: Arc<Shared>, mut queue: mpsc::Receiver<Publication>) {
    let (shortest, longest) = shared.options.backoff;
    let mut backoff = shortest;
    loop {
        let why = match Link::open(&shared).await {
            Err(why) => why,
            Ok(link) => {
                let Err(why) = keep(&shared, link, &mut queue, &mut backoff).await;
                shared.events.answer(Event::Down);
                why
            }
        };
        shared.lost(why);
        refuse(&shared, &mut queue);
        tokio::time::sleep(jittered(backoff)).await;
        backoff = (backoff * 2).min(longest);
    }
}

/// A random, uniform duration in `[backoff/2, backoff]`.
fn jittered(backoff: Duration) -> Duration {
    backoff.mul_f64(rand::rng().random_range(0.5..=1.0))
}

/// What still waits was not handed over.
fn refuse(shared: &Shared, queue: &mut mpsc::Receiver<Publication>) {
    while let Ok(publication) = queue.try_recv() {
        shared.stats.unavailable.add(1);
        publication.receipt.settle(Err(PublishError::Unavailable));
    }
}

/// Brings a link up and runs it until it fails.
async fn keep(
    shared: &Shared,
    link: Link,
    queue: &mut mpsc::Receiver<Publication>,
    backoff: &mut Duration,
) -> Result<Infallible, String> {
    let Link { publisher, mut subscriber, mut questions, lost, mut probed } = link;
    shared.channels().relink();
    let up = async {
        work(shared, &mut subscriber, &mut questions).await?;
        probe(shared, &mut publisher.clone(), &mut probed, 1).await
    };
    tokio::select! {
        result = up => result?,
        () = lost.cancelled() => return Err("connection lost".into()),
    }
    *backoff = shared.options.backoff.0;
    shared.health.send_replace(Health::Up);
    let attend = attendant::attend(shared, questions.clone());
    let work = async {
        loop {
            shared.work.notified().await;
            work(shared, &mut subscriber, &mut questions).await?;
        }
    };
    let mut prober = publisher.clone();
    let probe = async {
        for number in 2.. {
            tokio::time::sleep(shared.options.probe_interval).await;
            probe(shared, &mut prober, &mut probed, number).await?;
        }
        Err("probes ran out of numbers".to_owned())
    };
    tokio::select! {
        biased;
        why = publisher::publish(shared, &publisher, queue) => Err(why),
        result = work => result,
        result = probe => result,
        result = attend => result,
        () = lost.cancelled() => Err("connection lost".into()),
    }
}

/// Carries out everything due.
async fn work(
    shared: &Shared,
    subscriber: &mut MultiplexedConnection,
    questions: &mut MultiplexedConnection,
) -> Result<(), String> {
    loop {
        let next = shared.channels().next();
        match next {
            Some(Work::Subscribe(rooms)) => subscribe(shared, subscriber, questions, &rooms).await?,
            Some(Work::Unsubscribe(rooms)) => {
                shared.answered(subscriber.unsubscribe(channels(rooms.iter()))).await?;
                shared.channels().unsubscribed(&rooms);
            }
            None if !ask(shared, questions).await? => return Ok(()),
            None => {}
        }
    }
}

/// Subscribes, awaits every acknowledgement, reads where the rooms stand only then, and tells.
async fn subscribe(
    shared: &Shared,
    subscriber: &mut MultiplexedConnection,
    questions: &mut MultiplexedConnection,
    rooms: &[(Room, u64)],
) -> Result<(), String> {
    shared.answered(subscriber.subscribe(channels(rooms.iter().map(|(room, _)| room)))).await?;
    shared.stats.subscribes.add(rooms.len() as u64);
    let positions = positions(shared, questions, rooms).await?;
    let current = shared.channels().subscribed(rooms);
    for (((room, generation), position), current) in rooms.iter().zip(positions).zip(current) {
        if current {
            let (room, generation) = (Arc::clone(room), *generation);
            shared.events.answer(Event::Subscribed { room, generation, position });
        }
    }
    Ok(())
}

/// Where rooms stand; `None` for those without history.
async fn positions(
    shared: &Shared,
    questions: &mut MultiplexedConnection,
    rooms: &[(Room, u64)],
) -> Result<Vec<Option<Position>>, String> {
    let keeps = |room: &Room| shared.options.history.keeps(room);
    let kept: Vec<_> = rooms.iter().filter(|(room, _)| keeps(room)).cloned().collect();
    if kept.is_empty() {
        return Ok(vec![None; rooms.len()]);
    }
    let ask = shared.scripts.positions(&kept);
    let answer = shared.answered(questions.send_packed_command(&ask)).await?;
    let Value::Array(parts) = answer else { return Err("positions were not answered".into()) };
    let found: Option<Vec<_>> = parts.chunks(2).map(|pair| scripts::position(&pair[0], pair.get(1)?)).collect();
    let found = found.filter(|found| found.len() == kept.len()).ok_or("positions cannot be read")?;
    let mut found = found.into_iter();
    Ok(rooms.iter().map(|(room, _)| keeps(room).then(|| found.next()).flatten()).collect())
}

/// Asks for the histories wanted, a batch at a time; whether there were any.
async fn ask(shared: &Shared, connection: &mut MultiplexedConnection) -> Result<bool, String> {
    let batch: Vec<Question> = {
        let mut questions = shared.questions();
        let count = questions.len().min(QUESTIONS);
        questions.drain(..count).collect()
    };
    if batch.is_empty() {
        return Ok(false);
    }
    let mut pipe = redis::pipe();
    for question in &batch {
        pipe.add_command(shared.scripts.history(&question.room, question.after.offset));
    }
    let answers = shared.answered(connection.send_packed_commands(&pipe, 0, batch.len())).await?;
    for (Question { room, generation, .. }, answer) in batch.into_iter().zip(answers) {
        let (position, entries) = scripts::entries(answer).ok_or("history cannot be read")?;
        shared.events.answer(Event::History { room, generation, entries, position });
    }
    Ok(true)
}

/// Sends a message to ourselves and waits for it.
async fn probe(
    shared: &Shared,
    publisher: &mut MultiplexedConnection,
    probed: &mut watch::Receiver<u64>,
    number: u64,
) -> Result<(), String> {
    let round_trip = async {
        let mut publish = cmd("PUBLISH");
        publish.arg(shared.probe_channel()).arg(number);
        publisher.send_packed_command(&publish).await.map_err(|error| error.to_string())?;
        probed.wait_for(|seen| *seen >= number).await.map_err(|_| "subscriber is gone".to_owned())?;
        Ok(())
    };
    match tokio::time::timeout(shared.options.answer_timeout, round_trip).await {
        Ok(result) => result,
        Err(_) => Err("a probe did not come back".into()),
    }
}

fn channels<'a>(rooms: impl Iterator<Item = &'a Room>) -> Vec<String> {
    rooms.map(|room| scripts::channel(room)).collect()
}
