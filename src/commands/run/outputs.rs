//! `--out KIND=FILE` and stdout.

use std::fs::File;
use std::io::{self, BufWriter, Write as _};
use std::path::PathBuf;
use std::thread::JoinHandle;

use crate::commands::exit::Failure;
use crate::engine::RawSink;
use crate::output::{self, OUTPUTS, Output, WriteError, Written};
use crate::proxy;
use crate::report::Report;
use crate::scenario::Scenario;
use crate::ui::Terminal;

/// The kinds that are written as the run goes.
const RAW: &str = "raw";
const PROXY: &str = "proxy";

/// Everything that is to be written.
pub(super) struct Outputs {
    made: Vec<Box<dyn Output>>,
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
            let kinds = || OUTPUTS.iter().map(|kind| kind.name).chain([RAW, PROXY]).collect::<Vec<_>>().join(", ");
            let (kind, file) = argument.split_once('=').filter(|(_, file)| !file.is_empty()).ok_or_else(|| {
                Failure::usage(format!("--out {argument}: expected KIND=FILE, KIND one of {}", kinds()))
            })?;
            match kind {
                RAW => outputs.raw = Some(PathBuf::from(file)),
                PROXY => outputs.proxy = Some(PathBuf::from(file)),
                _ => {}
            }
            if [RAW, PROXY].contains(&kind) {
                continue;
            }
            let kind = output::find(kind).ok_or_else(|| {
                Failure::usage(format!("--out {argument}: no output is called {kind:?}; there are {}", kinds()))
            })?;
            outputs.made.push((kind.open)(PathBuf::from(file)));
        }
        Ok(outputs)
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

    /// Writes all of them, the fault proxy having written `log`; what could be written and what could not.
    pub(super) fn write(
        mut self,
        report: &Report,
        raw: Option<RawWriter>,
        log: Option<proxy::Written>,
    ) -> (Vec<Written>, Vec<WriteError>) {
        let (mut written, mut failed) = output::finish_all(&mut self.made, report);
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

/// Shows the report on stdout.
pub(super) fn show(json: bool, terminal: &Terminal, report: &Report, written: &[Written]) -> Result<(), Failure> {
    let mut stdout = terminal.stdout();
    let shown = if json {
        output::write_json(report, &mut stdout)
    } else {
        output::write_text(report, &mut stdout, terminal.stdout_palette())
            .and_then(|()| output::write_written(written, &mut stdout))
    };
    crate::ui::forgive_closed(shown.and_then(|()| stdout.flush()))
        .map_err(|error| Failure::internal(format!("failed to write to stdout: {error}")))
}
