//! What the console is given: everything it could not know, and every door to the outside.

use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::SyncSender;
use std::time::Duration;
use tokio::sync::{Notify, mpsc, oneshot};

use super::command::Language;
use super::record::Goal;
use super::render::Format;
use crate::backoff::Policy;
use crate::dialect::Identity;
use crate::observe::TransportKind;
use crate::session::Dialer;
use crate::ui::Palette;
use crate::wire::Ask;

/// A line for the console.
#[derive(Debug)]
pub struct Input {
    /// What was typed, without its end.
    pub line: String,
    /// Who waits for the next prompt, if anybody does.
    pub prompt: Option<SyncSender<Prompt>>,
}

/// Whether whoever sits at the console is connected: kept by the console, looked at whenever the prompt is drawn.
#[derive(Clone, Debug, Default)]
pub struct Link(Arc<AtomicBool>);

impl Link {
    /// Whether there is a connection now.
    pub fn is_up(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    pub(super) fn is(&self, up: bool) {
        self.0.store(up, Ordering::Relaxed);
    }
}

/// What stands before the next line, and what becomes of that.
#[derive(Clone, Debug)]
pub enum Prompt {
    /// A line like any other, said by this user in this room.
    Line(String, Link),
    /// A secret: it is neither shown nor remembered.
    Secret(String),
}

/// A user of the console.
#[derive(Clone, Debug)]
pub struct Who {
    /// Who it is.
    pub identity: Identity,
    /// What it says to log in, if it has to.
    pub login: Option<Ask>,
}

/// The user at the console and where it begins.
#[derive(Clone, Debug)]
pub struct Seat {
    /// Who.
    pub who: Who,
    /// By what.
    pub kind: TransportKind,
    /// Which of the addresses first.
    pub url: usize,
    /// The rooms it enters at once.
    pub rooms: Vec<String>,
}

/// Where lines come from and for whom.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Manner {
    /// A person at a terminal: the console stays when something goes wrong.
    Person,
    /// A script: what goes wrong is the end.
    Script,
}

impl Manner {
    /// How long a line waits for what was asked before it.
    pub(super) fn patience(self) -> Duration {
        Duration::from_secs(match self {
            Self::Person => 3,
            Self::Script => 10,
        })
    }
}

/// Where a user's token comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Whence<'a> {
    /// Minted, where the secret of the server is known; otherwise there is none.
    Minted,
    /// From this place: `@FILE` or `env:NAME`.
    Place(&'a str),
    /// It was asked for, and this is it.
    Told(&'a str),
}

/// What somebody may be asked for: who another user is, by name and where its token comes from.
pub type Asked = dyn Fn(&str, Whence<'_>) -> Result<Who, String>;

/// A target, and who sits there.
pub struct Aim {
    /// How connections come about.
    pub dialer: Dialer,
    /// How many addresses there are.
    pub urls: usize,
    /// Who sits here.
    pub seat: Seat,
    /// Makes other users.
    pub users: Box<Asked>,
    /// Where a recording's clients go.
    pub goal: Goal,
    /// What is spoken, as a scenario has it.
    pub language: Language,
    /// When a connection that was lost is made anew.
    pub reconnect: Policy,
}

/// A text that is being written, or why there is none.
pub type Written = oneshot::Receiver<Result<String, String>>;

/// Where things are shown.
pub trait Paper {
    /// A message, for whoever reads them.
    fn show(&mut self, text: &str);
    /// A word of the console's own.
    fn remark(&mut self, text: &str);
    /// Whether nobody reads any more.
    fn is_closed(&self) -> bool;
}

/// How another target is found: what a command line of curl's names, or why there is none.
pub type Finding = dyn Fn(&str) -> Result<Aim, String>;

/// Everything outside.
pub struct World {
    /// Where it is connected first.
    pub aim: Aim,
    /// Finds another target.
    pub find: Box<Finding>,
    /// What is said first.
    pub greeting: Vec<String>,
    /// Where lines come from.
    pub lines: mpsc::Receiver<Input>,
    /// Codes of signals.
    pub signals: mpsc::Receiver<u8>,
    /// Told when a person who is typing wants nothing of what is under way.
    pub break_off: Arc<Notify>,
    /// Where things are shown.
    pub paper: Box<dyn Paper>,
    /// In which form.
    pub format: Format,
    /// In which colours.
    pub palette: Palette,
    /// For whom.
    pub manner: Manner,
    /// How long messages are still shown after the last line.
    pub linger: Duration,
    /// Starts an editor; a text of several lines comes when it has ended.
    pub editor: Box<dyn Fn() -> Written>,
    /// Rooms and users heard of, for whoever completes words.
    pub heard: Arc<dyn Fn(&str) + Send + Sync>,
}

/// Messages on stdout, everything else on stderr.
#[derive(Debug, Default)]
pub struct Piped {
    closed: bool,
}

impl Paper for Piped {
    fn show(&mut self, text: &str) {
        let mut stdout = std::io::stdout().lock();
        self.closed |= writeln!(stdout, "{text}").and_then(|()| stdout.flush()).is_err();
    }

    fn remark(&mut self, text: &str) {
        // Whoever closed stderr does not want to know.
        writeln!(std::io::stderr().lock(), "{text}").ok();
    }

    fn is_closed(&self) -> bool {
        self.closed
    }
}
