//! Starting the built binary and collecting what it says.

use std::io::{Read, Write};
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::thread::JoinHandle;
use std::time::Duration;

use rustix::process::Signal;

use super::{PATIENCE, process, temporary, wait_for};

/// `wsbench ARGS…`, in the repository's root and a bare environment.
pub(crate) fn wsbench<A: AsRef<str>>(args: impl IntoIterator<Item = A>) -> Cli {
    Cli::new(env!("CARGO_BIN_EXE_wsbench"), args)
}

/// A command about to be started.
pub(crate) struct Cli {
    command: Command,
    patience: Duration,
}

impl Cli {
    /// Another program; `wsbench`'s own path can be among its arguments.
    pub(crate) fn new<A: AsRef<str>>(program: &str, args: impl IntoIterator<Item = A>) -> Self {
        let mut command = Command::new(program);
        command.args(args.into_iter().map(|arg| arg.as_ref().to_owned())).current_dir(super::root());
        command.env_clear().env("TMPDIR", temporary());
        for inherited in ["PATH", "HOME"] {
            command.envs(std::env::var_os(inherited).map(|value| (inherited, value)));
        }
        // A group of its own, like the foreground job of a shell.
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).process_group(0);
        Self { command, patience: PATIENCE }
    }

    pub(crate) fn env(mut self, name: &str, value: &str) -> Self {
        self.command.env(name, value);
        self
    }

    pub(crate) fn arg(mut self, arg: &str) -> Self {
        self.command.arg(arg);
        self
    }

    pub(crate) fn args<'a>(mut self, args: impl IntoIterator<Item = &'a str>) -> Self {
        self.command.args(args);
        self
    }

    /// `-e NAME=VALUE` for each word.
    pub(crate) fn vars(mut self, vars: &str) -> Self {
        self.command.args(vars.split_whitespace().flat_map(|var| ["-e", var]));
        self
    }

    pub(crate) fn directory(mut self, directory: &Path) -> Self {
        self.command.current_dir(directory);
        self
    }

    pub(crate) fn patience(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }

    /// Keeps its input open, for [`Running::type_line`].
    pub(crate) fn with_input(mut self) -> Self {
        self.command.stdin(Stdio::piped());
        self
    }

    /// Runs it to its end.
    pub(crate) fn run(self) -> Finished {
        self.start().finish()
    }

    /// Starts it.
    pub(crate) fn start(mut self) -> Running {
        let shown = format!("{:?}", self.command);
        let mut child = self.command.spawn().unwrap_or_else(|error| panic!("{shown}: {error}"));
        let stdout = Stream::read(child.stdout.take().unwrap());
        let stderr = Stream::read(child.stderr.take().unwrap());
        let stdin = child.stdin.take();
        Running { child, stdin, stdout, stderr, shown, patience: self.patience }
    }
}

/// A started command; killed when dropped.
pub(crate) struct Running {
    child: Child,
    stdin: Option<ChildStdin>,
    stdout: Stream,
    stderr: Stream,
    shown: String,
    patience: Duration,
}

impl Running {
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Sends a signal to the whole process group, as a terminal does.
    pub(crate) fn signal_group(&self, signal: Signal) {
        rustix::process::kill_process_group(process::pid(self.pid()), signal).unwrap();
    }

    /// Sends a signal to the process alone.
    pub(crate) fn signal(&self, signal: Signal) {
        rustix::process::kill_process(process::pid(self.pid()), signal).unwrap();
    }

    /// Types a line.
    pub(crate) fn type_line(&mut self, line: &str) {
        writeln!(self.stdin.as_mut().unwrap(), "{line}").unwrap();
    }

    /// Ends its input.
    pub(crate) fn end_input(&mut self) {
        self.stdin = None;
    }

    /// Waits until it says `words` on stdout, `times` times.
    pub(crate) fn shows(&self, words: &str, times: usize) {
        wait_for(&format!("{times} x {words:?} from {}", self.shown), PATIENCE, || {
            (self.stdout.so_far().matches(words).count() >= times).then_some(())
        });
    }

    /// Waits until stdout holds `lines` whole lines and gives them.
    pub(crate) fn lines(&mut self, lines: usize) -> Vec<String> {
        let (stdout, child, stderr) = (&self.stdout, &mut self.child, &self.stderr);
        wait_for(&format!("{lines} lines of {}", self.shown), PATIENCE, || {
            let text = stdout.so_far();
            if text.matches('\n').count() >= lines {
                return Some(text.lines().take(lines).map(str::to_owned).collect());
            }
            let ended = child.try_wait().unwrap();
            assert!(ended.is_none(), "ended with {ended:?} before it said enough: {}", stderr.so_far());
            None
        })
    }

    /// Waits until it says `words` on stderr.
    pub(crate) fn hears(&self, words: &str) {
        wait_for(&format!("{words:?} from {}", self.shown), PATIENCE, || {
            self.stderr.so_far().contains(words).then_some(())
        });
    }

    /// What it has said on stderr so far.
    pub(crate) fn stderr(&self) -> String {
        self.stderr.so_far()
    }

    /// Whether it still runs.
    pub(crate) fn is_running(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }

    /// Waits for its end.
    pub(crate) fn finish(mut self) -> Finished {
        let (child, shown) = (&mut self.child, &self.shown);
        let status = wait_for(&format!("the end of {shown}"), self.patience, || child.try_wait().unwrap());
        let (stdout, stderr) = (self.stdout.finish(), self.stderr.finish());
        Finished { code: status.code(), signal: status.signal(), stdout, stderr, shown: self.shown.clone() }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended; its children die with it.
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

/// How a command ended and what it said.
#[derive(Debug)]
pub(crate) struct Finished {
    pub(crate) code: Option<i32>,
    pub(crate) signal: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
    shown: String,
}

impl Finished {
    /// Fails unless it ended with `code` and without a panic.
    #[track_caller]
    pub(crate) fn expect(&self, code: i32) -> &Self {
        assert_eq!(self.code, Some(code), "{}\nsignal {:?}\n{}\n{}", self.shown, self.signal, self.stdout, self.stderr);
        assert!(!self.stderr.contains("panicked at"), "{}\n{}", self.shown, self.stderr);
        self
    }

    /// Fails unless stderr holds every one of `words`.
    #[track_caller]
    pub(crate) fn says(&self, words: &[&str]) -> &Self {
        for word in words {
            assert!(self.stderr.contains(word), "no {word:?} in the stderr of {}:\n{}", self.shown, self.stderr);
        }
        self
    }
}

/// A stream of a child, read by a thread so that the child never waits.
struct Stream {
    text: std::sync::Arc<std::sync::Mutex<Vec<u8>>>,
    thread: Option<JoinHandle<()>>,
}

impl Stream {
    fn read(mut from: impl Read + Send + 'static) -> Self {
        let text = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
        let kept = std::sync::Arc::clone(&text);
        let thread = std::thread::spawn(move || {
            let mut chunk = [0; 8192];
            while let Ok(read) = from.read(&mut chunk)
                && read > 0
            {
                kept.lock().unwrap().extend_from_slice(&chunk[..read]);
            }
        });
        Self { text, thread: Some(thread) }
    }

    fn so_far(&self) -> String {
        String::from_utf8_lossy(&self.text.lock().unwrap()).into_owned()
    }

    fn finish(&mut self) -> String {
        self.thread.take().map(JoinHandle::join);
        self.so_far()
    }
}
