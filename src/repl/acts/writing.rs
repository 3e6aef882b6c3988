//! Writing in an editor: meanwhile everything is heard, and nothing shown on the terminal that is the editor's.

use crate::repl::console::Console;
use crate::repl::world::Manner;

impl Console {
    pub(in crate::repl) fn edit(&mut self) {
        if self.manner == Manner::Person {
            self.paper.hold();
        }
        self.writing = Some((self.editor)());
    }

    /// Says what was written, once the editor has ended.
    pub(in crate::repl) fn take_written(&mut self) {
        let Some(written) = self.written.take() else { return };
        self.paper.release();
        match written {
            Ok(text) if text.trim().is_empty() => self.remark("nothing was written"),
            Ok(text) => self.say(text.trim_end()),
            Err(problem) => self.complain(&problem),
        }
    }
}
