//! `--out KIND=FILE` of a run: the formats made from its report, and the raw log, which is written as the run goes.

use std::fs::File;
use std::io::{self, BufWriter, Write as _};
use std::path::{Path, PathBuf};
use std::thread::JoinHandle;

use rustix::fs::{Access, access};

use crate::commands::exit::Failure;
use crate::commands::format;
use crate::engine::RawSink;
use crate::output::{self, Request, RequestError, WriteError, Written};
use crate::proxy;
use crate::report::Report;
use crate::scenario::Scenario;

/// The kinds that are written as the run goes.
const RAW: &str = "raw";
const PROXY: &str = "proxy";

/// The help of `--out`.
pub(super) fn help() -> String {
    format!("Write KIND=FILE as well: {}, {RAW}, {PROXY} (repeatable)", format::kinds::<Report>())
}

fn wrong(argument: &str, error: &RequestError) -> Failure {
    let kinds = format::kinds::<Report>();
    Failure::usage(format!("--out {}: {error}; there are {kinds}, {RAW}, {PROXY}", crate::ui::printable(argument)))
}

/// The kind of which every other can be made.
const RESULT: &str = "json";

/// Everything that is to be written.
pub(super) struct Outputs {
    made: Vec<Request>,
    raw: Option<PathBuf>,
    proxy: Option<PathBuf>,
}

/// The thread that writes the raw log.
pub(super) struct RawWriter {
    path: PathBuf,
    thread: JoinHandle<io::Result<u64>>,
}

impl Outputs {
    /// Reads the arguments of `--out`.
    pub(super) fn parse(arguments: &[String]) -> Result<Self, Failure> {
        let mut outputs = Self { made: Vec::new(), raw: None, proxy: None };
        for argument in arguments {
            match argument.split_once('=') {
                Some((RAW, file)) if !file.is_empty() => outputs.raw = Some(PathBuf::from(file)),
                Some((PROXY, file)) if !file.is_empty() => outputs.proxy = Some(PathBuf::from(file)),
                _ => outputs.made.push(Request::parse(argument).map_err(|error| wrong(argument, &error))?),
            }
        }
        Ok(outputs)
    }

    /// Refuses the logs of one run where `flag` makes many.
    pub(super) fn refuse_logs(&self, flag: &str) -> Result<(), Failure> {
        let asked = [(RAW, &self.raw), (PROXY, &self.proxy)].into_iter().find(|(_, path)| path.is_some());
        asked.map_or(Ok(()), |(kind, _)| {
            Err(Failure::usage(format!("--out {kind}=FILE is the log of one run, and {flag} makes many: leave it out")))
        })
    }

    /// Where the fault proxy's log goes, if it is wanted; there has to be a proxy then.
    pub(super) fn proxy_log(&self, scenario: &Scenario) -> Result<Option<PathBuf>, Failure> {
        match &self.proxy {
            Some(path) if scenario.proxy.is_none() => Err(Failure::usage(format!(
                "--out {PROXY}={}: there is no fault proxy in this scenario; write `[proxy]` to have one",
                path.display()
            ))),
            path => Ok(path.clone()),
        }
    }

    /// What of them cannot be written as things stand, and why: told before a run of an hour, not after it.
    pub(super) fn doubts(&self) -> Vec<String> {
        let made = self.made.iter().map(|request| &request.path);
        let paths = made.chain(&self.raw).chain(&self.proxy);
        let doubt = |path: &PathBuf| {
            let problem = obstacle(path)?;
            Some(format!(
                "warning: {}: {problem}; mend it before the run ends",
                crate::ui::printable(&path.to_string_lossy())
            ))
        };
        paths.filter_map(doubt).collect()
    }

    /// The sink of the raw log and the thread that writes it, if one is wanted.
    pub(super) fn raw_log(&self) -> (Option<RawSink>, Option<RawWriter>) {
        let Some(path) = self.raw.clone() else { return (None, None) };
        let (sink, chunks) = RawSink::channel();
        let file = path.clone();
        let write = move || {
            // A file that cannot be made or filled is told at the end; until then the workers must not be held up.
            let mut out = File::create(&file).map(BufWriter::new);
            let mut bytes = 0;
            for chunk in chunks {
                bytes += chunk.len() as u64;
                if let Ok(open) = &mut out
                    && let Err(error) = open.write_all(chunk.as_bytes())
                {
                    out = Err(error);
                }
            }
            out?.flush()?;
            Ok(bytes)
        };
        (Some(sink), Some(RawWriter { path, thread: std::thread::spawn(write) }))
    }

    /// Those that are written over and over while the run goes on: the results, of which everything else can be made.
    pub(super) fn rotated(&self) -> Vec<Request> {
        self.made.iter().filter(|request| request.kind.name == RESULT).cloned().collect()
    }

    /// Writes all of them, the fault proxy having written `log`; what could be written and what could not.
    pub(super) fn write(
        self,
        report: &Report,
        raw: Option<RawWriter>,
        log: Option<proxy::Written>,
    ) -> (Vec<Written>, Vec<WriteError>) {
        let (mut written, mut failed) = output::write_all(&self.made, report);
        if let (Some(path), Some(log)) = (self.proxy, log) {
            let incomplete = || format!("{} lines are missing: the disk did not keep up", log.missing);
            match log.problem.or_else(|| (log.missing > 0).then(incomplete)) {
                None => written.push(Written { path, bytes: log.bytes }),
                Some(problem) => failed.push(WriteError { path, source: io::Error::other(problem) }),
            }
        }
        if let Some(RawWriter { path, thread }) = raw {
            let ended = thread.join().unwrap_or_else(|_| Err(io::Error::other("the writer of the raw log died")));
            match ended {
                Ok(bytes) => written.push(Written { path, bytes }),
                Err(source) => failed.push(WriteError { path, source }),
            }
        }
        (written, failed)
    }
}

/// Why nothing can be written at `path` as things stand, if nothing can.
fn obstacle(path: &Path) -> Option<String> {
    match path.metadata() {
        Ok(found) if found.is_dir() => return Some("it is a directory, and is to be a file".to_owned()),
        Ok(found) if !found.is_file() => return None,
        _ => {}
    }
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let shown = parent.display();
    match parent.metadata() {
        Ok(found) if !found.is_dir() => Some(format!("{shown} is no directory")),
        Ok(_) => {
            access(parent, Access::WRITE_OK).err().map(|error| format!("nothing can be written in {shown}: {error}"))
        }
        Err(error) => Some(format!("the directory {shown} cannot be used: {error}")),
    }
}
