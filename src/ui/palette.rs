//! Colours. They never carry a meaning that the words do not.

use anstyle::{AnsiColor, Style};

/// Styles by what they stand for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Palette {
    /// It held.
    pub good: Style,
    /// It did not.
    pub bad: Style,
    /// It needs a look.
    pub warn: Style,
    /// A heading.
    pub head: Style,
    /// Less important.
    pub dim: Style,
}

impl Palette {
    /// No colours at all.
    pub const fn plain() -> Self {
        let plain = Style::new();
        Self { good: plain, bad: plain, warn: plain, head: plain, dim: plain }
    }

    /// The sixteen colours that every terminal's owner has chosen.
    pub const fn coloured() -> Self {
        Self {
            good: AnsiColor::Green.on_default(),
            bad: AnsiColor::Red.on_default().bold(),
            warn: AnsiColor::Yellow.on_default(),
            head: Style::new().bold(),
            dim: Style::new().dimmed(),
        }
    }
}
