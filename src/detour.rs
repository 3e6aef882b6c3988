//! What passes between a client and a proxy of this run before anything of the target's does: where to, from where, whose
//! connection it is; and whether there is one. Pure.

use std::net::{IpAddr, SocketAddr};

/// How every detour begins: nobody else speaks like this, and whoever does not is sent away.
const GREETING: &str = "wsbench-detour/1";

/// No line is longer.
pub const LONGEST: usize = 160;

/// What a client asks for, as one line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Detour {
    /// Where it wants to be connected.
    pub to: SocketAddr,
    /// The address it wants to come from, if not any.
    pub from: Option<IpAddr>,
    /// Its number in the plan of the run.
    pub client: u32,
}

impl Detour {
    /// The line, with its end.
    pub fn line(&self) -> String {
        let from = self.from.map_or_else(|| "any".to_owned(), |from| from.to_string());
        format!("{GREETING} {} {from} {}\n", self.to, self.client)
    }

    /// Reads a line without its end.
    pub fn parse(line: &str) -> Option<Self> {
        let mut words = line.split(' ');
        if words.next()? != GREETING {
            return None;
        }
        let to = words.next()?.parse().ok()?;
        let from = match words.next()? {
            "any" => None,
            from => Some(from.parse().ok()?),
        };
        let client = words.next()?.parse().ok()?;
        words.next().is_none().then_some(Self { to, from, client })
    }
}

/// Bytes of an answer.
pub const ANSWER: usize = 4;

/// The answer: the operating system's error number of what went wrong, or 0.
pub fn answer(error: i32) -> [u8; ANSWER] {
    error.to_be_bytes()
}

/// Reads an answer: the error number, if there is no connection.
pub fn read_answer(answer: [u8; ANSWER]) -> Result<(), i32> {
    match i32::from_be_bytes(answer) {
        0 => Ok(()),
        error => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let all = [
            ("127.0.0.1:80", None, 0),
            ("[2001:db8::7]:65535", Some("2001:db8:ffff:ffff:ffff:ffff:ffff:ffff"), u32::MAX),
        ];
        for (to, from, client) in all {
            let detour = Detour { to: to.parse().unwrap(), from: from.map(|from| from.parse().unwrap()), client };
            let line = detour.line();
            assert!(line.len() <= LONGEST, "{line}");
            assert_eq!(Detour::parse(line.strip_suffix('\n').unwrap()), Some(detour));
        }
        assert_eq!((read_answer(answer(0)), read_answer(answer(111))), (Ok(()), Err(111)));
    }

    #[test]
    fn nothing_else_is_a_detour() {
        for line in [
            "",
            "GET / HTTP/1.1",
            "wsbench-detour/1",
            "wsbench-detour/2 127.0.0.1:80 any 0",
            "wsbench-detour/1 localhost:80 any 0",
            "wsbench-detour/1 127.0.0.1:80 any",
            "wsbench-detour/1 127.0.0.1:80 any -1",
            "wsbench-detour/1 127.0.0.1:80 here 1",
            "wsbench-detour/1 127.0.0.1:80 any 1 more",
        ] {
            assert_eq!(Detour::parse(line), None, "{line:?}");
        }
    }
}
