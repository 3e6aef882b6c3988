//! A suite of JUnit's XML, whatever its cases are about.

use std::io::{self, Write};

use super::markup::xml;

/// Cases that belong together.
pub(super) struct Suite {
    /// Its name, and the class of every case.
    pub(super) name: String,
    /// How long it took.
    pub(super) seconds: f64,
    /// When it began, if that is known.
    pub(super) started: Option<String>,
    pub(super) cases: Vec<Case>,
}

/// One of them.
pub(super) struct Case {
    pub(super) name: String,
    /// The file and the line that ask for it.
    pub(super) place: Option<(String, usize)>,
    /// How long it took, as it is written.
    pub(super) time: String,
    pub(super) fate: Fate,
}

/// What became of it.
pub(super) enum Fate {
    Passed,
    /// There was nothing to judge, or it does not count.
    Skipped(String),
    /// It does not hold: what was found, what kind of failure that is, and more about it.
    Failed(String, &'static str, String),
    /// It could not be judged: why, and what kind of error that is.
    Broken(String, String),
}

impl Suite {
    pub(super) fn write(&self, to: &mut dyn Write) -> io::Result<()> {
        let number = |is: fn(&Fate) -> bool| self.cases.iter().filter(|case| is(&case.fate)).count();
        let (tests, seconds) = (self.cases.len(), self.seconds);
        let failed = number(|fate| matches!(fate, Fate::Failed(..)));
        let broken = number(|fate| matches!(fate, Fate::Broken(..)));
        let skipped = number(|fate| matches!(fate, Fate::Skipped(_)));
        let counts = format!("tests=\"{tests}\" failures=\"{failed}\" errors=\"{broken}\"");
        writeln!(to, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>")?;
        writeln!(to, "<testsuites name=\"wsbench\" {counts} time=\"{seconds:.3}\">")?;
        let name = xml(&self.name);
        let started = self.started.iter().map(|moment| format!(" timestamp=\"{}\"", xml(moment))).collect::<String>();
        writeln!(to, "  <testsuite name=\"{name}\" {counts} skipped=\"{skipped}\" time=\"{seconds:.3}\"{started}>")?;
        self.cases.iter().try_for_each(|case| case.write(&name, to))?;
        writeln!(to, "  </testsuite>\n</testsuites>")
    }
}

impl Case {
    fn write(&self, class: &str, to: &mut dyn Write) -> io::Result<()> {
        let place = self.place.iter().map(|(file, line)| format!(" file=\"{}\" line=\"{line}\"", xml(file)));
        let (name, place, time) = (xml(&self.name), place.collect::<String>(), &self.time);
        write!(to, "    <testcase name=\"{name}\" classname=\"{class}\"{place} time=\"{time}\"")?;
        match &self.fate {
            Fate::Passed => return writeln!(to, "/>"),
            Fate::Skipped(why) => writeln!(to, ">\n      <skipped message=\"{}\"/>", xml(why))?,
            Fate::Failed(found, kind, more) => {
                let (found, more) = (xml(found), xml(more));
                writeln!(to, ">\n      <failure message=\"{found}\" type=\"{kind}\">{more}</failure>")?;
            }
            Fate::Broken(why, kind) => {
                writeln!(to, ">\n      <error message=\"{}\" type=\"{}\"/>", xml(why), xml(kind))?;
            }
        }
        writeln!(to, "    </testcase>")
    }
}
