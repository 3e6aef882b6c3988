//! Tells Redis who is where, keeps up this instance's lease, gives up the dead, and asks for rosters: everything about
//! presence that goes over a link, one thing after the other.

use std::{convert::Infallible, mem, time::Duration};

use redis::{Cmd, Value, aio::MultiplexedConnection};

use super::{
    super::{PublishError, Room, presence::Member},
    Shared,
    census::{self, Renewed, Standing},
    desk::Desk,
    ledger::Batch,
};
use crate::{history::Epoch, time};

/// Commands in one write.
const WRITE: usize = 64;

/// Does what is due, for ever; see the module.
pub(super) async fn attend(shared: &Shared, mut connection: MultiplexedConnection) -> Result<Infallible, String> {
    let connection = &mut connection;
    // Nothing can be told by an instance Redis does not know.
    renew(shared, connection).await?;
    loop {
        let renewal = mem::take(&mut shared.desk.lock().renewal_due);
        if renewal {
            renew(shared, connection).await?;
        }
        tell(shared, connection).await?;
        answer(shared, connection).await?;
        part(shared, connection).await?;
        let told = time::micros();
        shared.desk.work(told).await;
    }
}

/// Renews the lease under a name the others have not given up, and gives up those whose lease is over.
async fn renew(shared: &Shared, connection: &mut MultiplexedConnection) -> Result<(), String> {
    let desk = &shared.desk;
    loop {
        let (node, known) = {
            let state = desk.lock();
            if state.ledger.has_parted() {
                return Ok(());
            }
            (state.node.clone(), state.known)
        };
        let answer = ask(shared, connection, &desk.census.renew(&node, !known, &desk.options)).await?;
        let Renewed { standing, gone, leases_over } = census::renewed(answer).ok_or("a renewal cannot be read")?;
        if standing == Standing::Kept {
            desk.lock().known = true;
            return reap(shared, connection, gone, leases_over).await;
        }
        let mut state = desk.lock();
        state.node = Epoch::random().as_str().to_owned();
        state.known = false;
        state.quiet = standing == Standing::Forgotten;
        state.ledger.forgotten();
    }
}

async fn reap(
    shared: &Shared,
    connection: &mut MultiplexedConnection,
    gone: Vec<String>,
    mut leases_over: bool,
) -> Result<(), String> {
    let desk = &shared.desk;
    for node in gone {
        while ask(shared, connection, &desk.census.reap(&node, &desk.options)).await? == Value::Int(1) {}
    }
    while leases_over {
        leases_over = ask(shared, connection, &desk.census.expire(&desk.options)).await? == Value::Int(1);
    }
    Ok(())
}

/// Tells leases, then changes: who polls again must not seem to have gone in between.
async fn tell(shared: &Shared, connection: &mut MultiplexedConnection) -> Result<(), String> {
    let desk = &shared.desk;
    loop {
        let (mut flight, node, quiet) = {
            let mut state = desk.lock();
            let leases = state.ledger.take_leases();
            let batches = std::iter::from_fn(|| state.ledger.next()).take(WRITE).collect();
            (Flight { desk, leases, batches }, state.node.clone(), state.quiet)
        };
        if flight.is_empty() {
            desk.lock().quiet = false;
            return Ok(());
        }
        let (pipe, count) = flight.write(&node, quiet);
        let answers = shared.answered(connection.send_packed_commands(&pipe, 0, count)).await?;
        let refused = answers.iter().find_map(|answer| match answer {
            Value::ServerError(error) => Some(format!("presence refused: {}", error.code())),
            _ => None,
        });
        match refused {
            Some(why) => return Err(why),
            None => flight.landed(),
        }
    }
}

/// What is on its way to Redis; if it does not arrive, it is due again.
struct Flight<'a> {
    desk: &'a Desk,
    leases: Vec<(Room, Member, Duration)>,
    batches: Vec<Batch>,
}

impl Flight<'_> {
    fn is_empty(&self) -> bool {
        self.leases.is_empty() && self.batches.is_empty()
    }

    /// The commands, and how many.
    fn write(&self, node: &str, quiet: bool) -> (redis::Pipeline, usize) {
        let Desk { census, options, .. } = self.desk;
        let mut pipe = redis::pipe();
        for (room, member, time) in &self.leases {
            pipe.add_command(census.lease(room, member, *time, options));
        }
        for batch in &self.batches {
            pipe.add_command(census.change(node, batch, options, quiet));
        }
        (pipe, self.leases.len() + self.batches.len())
    }

    fn landed(&mut self) {
        self.leases.clear();
        self.batches.clear();
    }
}

impl Drop for Flight<'_> {
    fn drop(&mut self) {
        let mut state = self.desk.lock();
        for (room, member, time) in self.leases.drain(..) {
            state.ledger.lease(&room, member, time);
        }
        for batch in self.batches.drain(..) {
            state.ledger.failed(batch);
        }
    }
}

/// Answers the questions for rosters.
async fn answer(shared: &Shared, connection: &mut MultiplexedConnection) -> Result<(), String> {
    loop {
        // It stays in the queue until it is answered, so that a lost link refuses it.
        let next = shared.desk.lock().rosters.front().map(|(room, _)| Room::clone(room));
        let Some(room) = next else { return Ok(()) };
        let answer = ask(shared, connection, &shared.desk.census.roster(&room)).await?;
        let answered = shared.desk.lock().rosters.pop_front();
        if let Some((_, receipt)) = answered {
            receipt(census::roster(answer).ok_or(PublishError::Unavailable));
        }
    }
}

async fn part(shared: &Shared, connection: &mut MultiplexedConnection) -> Result<(), String> {
    let (grace, node) = {
        let state = shared.desk.lock();
        (state.parting, state.node.clone())
    };
    if let Some(grace) = grace {
        ask(shared, connection, &shared.desk.census.part(&node, grace)).await?;
        shared.desk.lock().parting = None;
    }
    Ok(())
}

async fn ask(shared: &Shared, connection: &mut MultiplexedConnection, question: &Cmd) -> Result<Value, String> {
    shared.answered(connection.send_packed_command(question)).await
}
