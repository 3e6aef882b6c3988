//! The terminal: what it can do, colours, text from strangers made harmless, progress on stderr.
//!
//! Results go to stdout, everything else to stderr. Nothing here reads the environment: the caller says what was asked
//! for and what the streams are.

mod palette;
mod printable;
mod progress;

use std::io;

pub use palette::Palette;
pub use printable::{fit, printable, width};
pub use progress::{Plan, Progress, Verbosity};

/// What `--color` asks for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Colour {
    /// Where it goes to a terminal and nobody objects.
    #[default]
    Auto,
    /// Everywhere.
    Always,
    /// Nowhere.
    Never,
}

/// The two streams of this process.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Terminal {
    /// Results go to a terminal.
    pub stdout_is_tty: bool,
    /// Progress goes to a terminal.
    pub stderr_is_tty: bool,
    /// What was asked for.
    pub colour: Colour,
    /// `NO_COLOR` is set to something, or the terminal is dumb.
    pub no_colour: bool,
}

impl Terminal {
    /// Looks at the streams of this process.
    pub fn detect(colour: Colour, no_colour: bool) -> Self {
        use std::io::IsTerminal as _;
        let stdout_is_tty = io::stdout().is_terminal();
        Self { stdout_is_tty, stderr_is_tty: io::stderr().is_terminal(), colour, no_colour }
    }

    /// The colours for results on stdout.
    pub fn stdout_palette(&self) -> Palette {
        self.palette(self.stdout_is_tty)
    }

    /// The colours for messages on stderr.
    pub fn stderr_palette(&self) -> Palette {
        self.palette(self.stderr_is_tty)
    }

    /// Stdout, translating colours where the terminal wants them otherwise.
    pub fn stdout(&self) -> anstream::AutoStream<io::Stdout> {
        let wanted = self.stdout_palette() != Palette::plain();
        let choice = if wanted { anstream::ColorChoice::Always } else { anstream::ColorChoice::Never };
        anstream::AutoStream::new(io::stdout(), choice)
    }

    fn palette(&self, is_tty: bool) -> Palette {
        let wanted = match self.colour {
            Colour::Always => true,
            Colour::Never => false,
            Colour::Auto => is_tty && !self.no_colour,
        };
        if wanted { Palette::coloured() } else { Palette::plain() }
    }
}

/// A reader that went away (`wsbench run … | head`) is not an error.
///
/// # Errors
/// Every other failure to write.
pub fn forgive_closed(written: io::Result<()>) -> io::Result<()> {
    match written {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colour_is_for_terminals_unless_asked_otherwise() {
        let tty = Terminal { stdout_is_tty: true, ..Terminal::default() };
        assert_eq!(tty.stdout_palette(), Palette::coloured());
        assert_eq!(tty.stderr_palette(), Palette::plain());
        assert_eq!(Terminal { no_colour: true, ..tty }.stdout_palette(), Palette::plain());
        assert_eq!(Terminal { colour: Colour::Never, ..tty }.stdout_palette(), Palette::plain());
        let piped = Terminal { colour: Colour::Always, no_colour: true, ..Terminal::default() };
        assert_eq!(piped.stdout_palette(), Palette::coloured());
    }

    #[test]
    fn only_a_closed_reader_is_forgiven() {
        assert!(forgive_closed(Err(io::ErrorKind::BrokenPipe.into())).is_ok());
        assert!(forgive_closed(Err(io::ErrorKind::StorageFull.into())).is_err());
    }
}
