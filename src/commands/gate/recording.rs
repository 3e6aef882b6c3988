//! A gate's blocks on disk: `blocks.ndjson`, a block a line, and `gate.json`, which says what they are of.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::commands::exit::Failure;
use crate::gate::{About, Block, Gate, Metric, Report, Settings};
use crate::time::nanos;

const BLOCKS: &str = "blocks.ndjson";
const HEAD: &str = "gate.json";

/// What a recording says of itself.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Head {
    schema: String,
    seed: u64,
    floor_ns: u64,
    metrics: Vec<String>,
    about: About,
}

const SCHEMA: &str = "wsbench/gate-recording/1";

/// A recording being made. What the disk does not take ends the recording and not the gate: it is told at the end.
pub(super) struct Recording {
    directory: PathBuf,
    blocks: Result<BufWriter<File>, Failure>,
}

impl Recording {
    /// A new one in `directory`, which is made; one that is there is replaced.
    pub(super) fn create(directory: &Path) -> Result<Self, Failure> {
        let made = fs::create_dir_all(directory).map_err(|error| unwritten(directory, &error));
        Ok(Self { directory: directory.to_owned(), blocks: Ok(made.and_then(|()| blocks(directory))?) })
    }

    /// Adds a block.
    pub(super) fn add(&mut self, block: &Block) -> Result<(), String> {
        let line = block.line()?;
        if let Ok(blocks) = &mut self.blocks
            && let Err(error) = writeln!(blocks, "{line}")
        {
            self.blocks = Err(unwritten(&self.directory.join(BLOCKS), &error));
        }
        Ok(())
    }

    /// Starts the blocks again from nothing.
    pub(super) fn restart(&mut self) {
        self.blocks = blocks(&self.directory);
    }

    /// All blocks are there, and this is what they are of. Without it there is no recording.
    pub(super) fn finish(self, settings: &Settings, about: &About) -> Result<(), Failure> {
        let head = Head {
            schema: SCHEMA.to_owned(),
            seed: settings.seed,
            floor_ns: settings.floor,
            metrics: settings.metrics.iter().map(Metric::to_string).collect(),
            about: about.clone(),
        };
        let blocks = self.directory.join(BLOCKS);
        self.blocks?.flush().map_err(|error| unwritten(&blocks, &error))?;
        let path = self.directory.join(HEAD);
        let text = serde_json::to_string_pretty(&head).map_err(Failure::internal)?;
        fs::write(&path, text + "\n").map_err(|error| {
            // A part of it would be taken for a damaged recording; that it cannot be removed adds nothing.
            fs::remove_file(&path).unwrap_or_default();
            unwritten(&path, &error)
        })
    }
}

/// The file of the blocks of a recording in `directory`, with nothing in it. What was recorded there before is none any more.
fn blocks(directory: &Path) -> Result<BufWriter<File>, Failure> {
    let path = directory.join(BLOCKS);
    fs::remove_file(directory.join(HEAD)).or_else(absent).map_err(|error| unwritten(&directory.join(HEAD), &error))?;
    File::create(&path).map(BufWriter::new).map_err(|error| unwritten(&path, &error))
}

/// Nothing where there was nothing.
fn absent(error: io::Error) -> io::Result<()> {
    if error.kind() == io::ErrorKind::NotFound { Ok(()) } else { Err(error) }
}

/// Judges a recording again; `metrics`, `seed` and `floor` in place of its own, if there are any.
pub(super) fn replay(
    directory: &Path,
    metrics: &[Metric],
    seed: Option<u64>,
    floor: Option<Duration>,
) -> Result<Report, Failure> {
    let unread = |path: &Path, why: &dyn std::fmt::Display| {
        let shown = path.display();
        Failure::usage(format!("{shown} is no recording of a gate: {why}; `wsbench gate … --record DIR` makes one"))
    };
    let (head_path, blocks_path) = (directory.join(HEAD), directory.join(BLOCKS));
    let head = fs::read_to_string(&head_path).map_err(|error| unread(&head_path, &error))?;
    let head: Head = serde_json::from_str(&head).map_err(|error| unread(&head_path, &error))?;
    if head.schema != SCHEMA {
        return Err(unread(&head_path, &format!("its schema is {:?}, not {SCHEMA:?}", head.schema)));
    }
    let own = head.metrics.iter().map(|text| text.parse()).collect::<Result<Vec<Metric>, _>>();
    let own = own.map_err(|error| unread(&head_path, &error))?;
    let metrics = if metrics.is_empty() { own } else { metrics.to_vec() };
    let settings = Settings::new(metrics, seed.unwrap_or(head.seed)).map_err(Failure::usage)?;
    let settings = Settings { floor: floor.map_or(head.floor_ns, nanos), ..settings };
    let text = fs::read_to_string(&blocks_path).map_err(|error| unread(&blocks_path, &error))?;
    let read = |(at, line): (usize, &str)| {
        Block::read(line).map_err(|error| unread(&blocks_path, &format!("line {}: {error}", at + 1)))
    };
    let blocks = text.lines().enumerate().map(read).collect::<Result<Vec<_>, _>>()?;
    let mut gate = Gate::new(settings);
    gate.replay(blocks);
    Ok(gate.report(&head.about))
}

fn unwritten(path: &Path, error: &io::Error) -> Failure {
    Failure::internal(format!("failed to write {}: {error}", path.display()))
}
