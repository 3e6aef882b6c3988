//! How large a room may be in which it is announced who comes and goes.

/// In which rooms it is announced who comes and goes: in a room of n users, n times n announcements.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Announce {
    /// Nowhere.
    Off,
    /// In rooms of at most so many users.
    Max(usize),
    /// Everywhere.
    All,
}

impl Default for Announce {
    fn default() -> Self {
        Self::Max(64)
    }
}

impl Announce {
    /// Whether a room of so many users is one in which it is announced.
    pub fn allows(self, users: usize) -> bool {
        match self {
            Self::Off => false,
            Self::Max(most) => users <= most,
            Self::All => true,
        }
    }

    /// The same as a number for Redis.
    pub(crate) fn limit(self) -> i64 {
        match self {
            Self::Off => 0,
            Self::Max(most) => i64::try_from(most).unwrap_or(1 << 52).min(1 << 52),
            Self::All => 1 << 52,
        }
    }
}

impl std::fmt::Display for Announce {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Off => f.write_str("off"),
            Self::All => f.write_str("all"),
            Self::Max(most) => most.fmt(f),
        }
    }
}

impl std::str::FromStr for Announce {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "off" => Ok(Self::Off),
            "all" => Ok(Self::All),
            number => number.parse().map(Self::Max).map_err(|_| "expected a number, `all` or `off`"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn announcements_are_limited_by_number_or_word() {
        let parse = |text: &str| text.parse::<Announce>();
        assert_eq!(
            (parse("64"), parse("all"), parse("off")),
            (Ok(Announce::default()), Ok(Announce::All), Ok(Announce::Off))
        );
        assert!(parse("-1").is_err() && parse("").is_err());
        assert!(Announce::Max(2).allows(2) && !Announce::Max(2).allows(3) && !Announce::Off.allows(0));
    }
}
