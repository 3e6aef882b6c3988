//! What is shown, and kept back while an editor has the terminal.

use std::collections::VecDeque;

use super::world::Paper;

/// So many lines are kept back; the oldest give way.
const KEPT: usize = 1_000;

/// A line, and for whom it is.
enum Line {
    /// A message, for whoever reads them.
    Message(String),
    /// A word of the console's own.
    Remark(String),
}

/// What is kept back.
#[derive(Default)]
struct Held {
    lines: VecDeque<Line>,
    lost: u64,
}

/// A paper that can be kept from being written on.
pub(super) struct Sheet {
    paper: Box<dyn Paper>,
    held: Option<Held>,
}

impl Sheet {
    pub(super) fn new(paper: Box<dyn Paper>) -> Self {
        Self { paper, held: None }
    }

    pub(super) fn show(&mut self, text: &str) {
        self.put(Line::Message(text.to_owned()));
    }

    pub(super) fn remark(&mut self, text: &str) {
        self.put(Line::Remark(text.to_owned()));
    }

    fn put(&mut self, line: Line) {
        let Some(held) = &mut self.held else { return self.write(&line) };
        if held.lines.len() == KEPT {
            held.lines.pop_front();
            held.lost += 1;
        }
        held.lines.push_back(line);
    }

    fn write(&mut self, line: &Line) {
        match line {
            Line::Message(text) => self.paper.show(text),
            Line::Remark(text) => self.paper.remark(text),
        }
    }

    /// From now on nothing is written.
    pub(super) fn hold(&mut self) {
        self.held.get_or_insert_default();
    }

    /// Writes what was kept back, and whatever comes.
    pub(super) fn release(&mut self) {
        let Some(held) = self.held.take() else { return };
        if held.lost > 0 {
            self.write(&Line::Remark(format!("… {} older lines were not kept", held.lost)));
        }
        held.lines.iter().for_each(|line| self.write(line));
    }

    /// Whether nobody reads any more.
    pub(super) fn is_closed(&self) -> bool {
        self.paper.is_closed()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;

    #[derive(Clone, Default)]
    struct Kept(Arc<Mutex<Vec<String>>>);

    impl Paper for Kept {
        fn show(&mut self, text: &str) {
            self.0.lock().unwrap().push(text.to_owned());
        }

        fn remark(&mut self, text: &str) {
            self.0.lock().unwrap().push(format!("# {text}"));
        }

        fn is_closed(&self) -> bool {
            false
        }
    }

    #[test]
    fn what_comes_while_it_is_held_is_shown_afterwards() {
        let kept = Kept::default();
        let mut sheet = Sheet::new(Box::new(kept.clone()));
        sheet.show("before");
        sheet.hold();
        (0..KEPT + 2).for_each(|n| sheet.show(&n.to_string()));
        assert_eq!(*kept.0.lock().unwrap(), ["before"]);
        sheet.release();
        sheet.remark("after");
        let shown = kept.0.lock().unwrap();
        assert_eq!(shown[1..3], ["# … 2 older lines were not kept", "2"]);
        assert_eq!(shown[shown.len() - 2..], ["1001", "# after"]);
    }
}
