//! One connect to each URL before the clients start: a target that is out of reach is told at once, by its cause.

use std::sync::Arc;
use std::time::Duration;

use crate::commands::exit::Failure;
use crate::dialect::Identity;
use crate::engine::Setup;
use crate::observe::{RoomId, TransportKind, Word};
use crate::scenario::plan::Life;
use crate::session::{Pass, Place};

/// How often the first connect is tried before the target counts as out of reach.
const TRIES: u32 = 3;

/// Between two tries.
const BETWEEN_TRIES: Duration = Duration::from_millis(300);

/// Connects once to each of so many `urls`.
///
/// # Errors
///
/// What the last of a few tries met, as a failure of the set-up; a refused login is not tried again.
pub(in crate::commands) async fn connect(urls: usize, setup: &Setup) -> Result<(), Failure> {
    // A poll has no connection to be tried beforehand.
    let connects = |life: &&Life| life.transport != TransportKind::LongPoll;
    let Some(life) = setup.plan.lives().iter().find(connects) else { return Ok(()) };
    let (user, token) = setup.scenario.users.user(life.user, setup.secret.as_deref());
    let identity = Arc::new(Identity { client: life.client, user, token, auth: setup.scenario[life.group].auth });
    // A stream is always of a room or of its user; a socket need not enter any.
    let named = |room: &RoomId| Place::new(setup.scenario.rooms[room.0 as usize].as_str().into(), None);
    let rooms = match life.transport {
        TransportKind::WebSocket => Vec::new(),
        _ => vec![life.rooms.first().map_or_else(|| Place::mailbox(None), named)],
    };
    let mut pass = Pass::new(setup.scenario.login_of(life.user));
    for url in 0..urls {
        let mut tried = 0;
        loop {
            pass.forget_cookies();
            let dialed = setup.dialer.dial(life.transport, url, &identity, rooms.clone(), &mut pass);
            let Err(error) = dialed.await else { break };
            tried += 1;
            // Who is refused at the door may be kept out for good after the third time.
            if error.stage == Word::LOGIN {
                return Err(Failure::setup(format!("{} cannot log in: {}", identity.user, error.detail)));
            }
            if tried == TRIES {
                return Err(Failure::setup(format!("the target cannot be reached: {error}")));
            }
            setup.dialer.clock.sleep_until(setup.dialer.clock.now() + BETWEEN_TRIES).await;
        }
    }
    Ok(())
}
