//! The loop: lines, connections, alarms and signals, one at a time.

use std::future::poll_fn;
use std::sync::Arc;
use std::sync::mpsc::SyncSender;
use std::time::Duration;
use tokio::sync::{Notify, mpsc};

use super::console::Console;
use super::world::{Input, Manner, Prompt, World};
use crate::time::Timestamp;

/// The exit code of Ctrl-C.
const INTERRUPTED: u8 = 130;

/// How long the next prompt waits for what was asked, so that it comes after the answer.
const PROMPT: Duration = Duration::from_millis(150);

/// How long the other side may take to say goodbye.
const GOODBYE: Duration = Duration::from_secs(2);

/// How a session at the console ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ending {
    /// As it was asked to.
    Done,
    /// Something was asked that cannot be done; what.
    Usage(String),
    /// The target; what about it.
    Setup(String),
    /// What was expected was not heard.
    Expectation(String),
    /// A file could not be written; which and why.
    Output(String),
    /// A signal, as an exit code.
    Signal(u8),
}

/// Where lines and signals come from, and how long the console lingers when there are no more lines.
pub(super) struct Doors {
    pub(super) lines: mpsc::Receiver<Input>,
    pub(super) signals: mpsc::Receiver<u8>,
    pub(super) break_off: Arc<Notify>,
    pub(super) linger: Duration,
}

/// Runs a console to its end.
pub async fn run(mut world: World) -> Ending {
    let greeting = std::mem::take(&mut world.greeting);
    let (mut console, mut doors) = Console::new(world);
    greeting.iter().for_each(|line| console.remark(line));
    console.connect_first();
    let ending = attend(&mut console, &mut doors).await;
    if !matches!(ending, Ending::Signal(_)) {
        say_goodbye(&mut console).await;
    }
    ending
}

/// What the loop itself remembers.
#[derive(Default)]
struct Turn {
    /// Nothing more will be typed.
    over: bool,
    /// When the console ends, having lingered.
    until: Option<Timestamp>,
    /// Who waits for a prompt, and until when.
    prompt: Option<(SyncSender<Prompt>, Timestamp)>,
    /// Since when something is under way.
    busy: Option<Timestamp>,
}

async fn attend(console: &mut Console, doors: &mut Doors) -> Ending {
    let mut turn = Turn::default();
    loop {
        console.look_after();
        if let Some(ending) = console.ending.take() {
            return ending;
        }
        if console.quitting || console.is_unread() {
            return Ending::Done;
        }
        let now = console.now();
        let may_go_on = may_go_on(console, &mut turn, now);
        answer_prompt(console, &mut turn, now);
        // A secret is typed, not found among commands.
        if may_go_on
            && !console.wants_secret()
            && let Some(scripted) = console.script.pop_front()
        {
            console.obey_file(scripted);
            continue;
        }
        if turn.over && may_go_on && console.script.is_empty() {
            let until = *turn.until.get_or_insert(now + doors.linger);
            if now >= until || !console.may_hear_more() {
                return console.verdict();
            }
        }
        let prompt = turn.prompt.as_ref().filter(|_| !console.is_writing()).map(|(_, at)| *at);
        let wakes = [console.alarm(), turn.until, prompt, turn.busy.map(|at| at + console.manner.patience())];
        let wake = wakes.into_iter().flatten().min();
        let clock = console.dialer.clock.clone();
        let asleep = async {
            match wake {
                Some(at) => clock.sleep_until(at).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            Some(code) = doors.signals.recv() => {
                if code != INTERRUPTED || !console.break_off() {
                    return Ending::Signal(code);
                }
            }
            () = doors.break_off.notified() => drop(console.break_off()),
            line = doors.lines.recv(), if may_go_on && !turn.over && turn.prompt.is_none() => match line {
                Some(input) => {
                    console.obey(&input.line);
                    turn.prompt = input.prompt.map(|prompt| (prompt, console.now() + PROMPT));
                }
                None => {
                    turn.over = true;
                    console.hear_no_secret();
                }
            },
            told = poll_fn(|cx| console.poll(cx)) => console.take_all(&told),
            () = asleep => {}
        }
    }
}

/// Whether the next line may be done: what was asked is answered, or has taken too long.
fn may_go_on(console: &mut Console, turn: &mut Turn, now: Timestamp) -> bool {
    // The last line of a script waits for what nobody asks after any more.
    let is_last = turn.over && console.manner == Manner::Script && console.script.is_empty();
    if if is_last { console.has_done_all() } else { console.is_settled() } {
        turn.busy = None;
        return true;
    }
    if console.expecting.is_some() || console.is_writing() {
        turn.busy = None;
        return false;
    }
    let since = *turn.busy.get_or_insert(now);
    if now < since + console.manner.patience() {
        return false;
    }
    turn.busy = None;
    console.give_up_waiting();
    true
}

fn answer_prompt(console: &Console, turn: &mut Turn, now: Timestamp) {
    // Whoever writes in an editor has the terminal.
    if console.is_writing() {
        return;
    }
    let settled = console.is_settled();
    if let Some((prompt, _)) = turn.prompt.take_if(|(_, at)| settled || now >= *at) {
        // An editor that went away asks for nothing.
        prompt.try_send(console.prompt()).ok();
    }
}

async fn say_goodbye(console: &mut Console) {
    let mut open = console.close();
    let deadline = console.now() + GOODBYE;
    let clock = console.dialer.clock.clone();
    while open {
        tokio::select! {
            told = poll_fn(|cx| console.poll(cx)) => {
                if console.manner == Manner::Person {
                    console.take_all(&told);
                }
            }
            () = clock.sleep_until(deadline) => return,
        }
        open = console.is_connected();
    }
}
