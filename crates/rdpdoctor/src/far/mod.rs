//! This program on another machine: brought there over WinRM, run there, and what it answered.

mod command_line;
mod program;
mod words;

use anyhow::{anyhow, bail};
use rdpdoctor_host::script::far::{self, Denied, Order, Said};
use rdpdoctor_probe::{Problem, Ran, Way};

use crate::remote::{Asker, Work};
use crate::repair;

pub use program::Program;

/// What is passed on of what the program complains of there.
const MOST_COMPLAINTS: usize = 20;

/// The other machine, and the program for it.
pub struct Far {
    asker: Asker,
    program: Program,
    copied: bool,
    by: Option<Way>,
}

/// What became of work there.
#[derive(Debug, PartialEq, Eq)]
pub enum Came {
    /// The program did it.
    Answer {
        /// What it wrote.
        wrote: Vec<u8>,
        /// What it complained of, a line each, on one line and harmless.
        complaints: Vec<String>,
    },
    /// The line was lost after the program may have begun.
    Lost {
        /// The run that it began, where that was heard.
        run: Option<String>,
        /// How.
        why: String,
    },
}

/// What one try came to.
#[derive(Debug, PartialEq, Eq)]
enum Tried {
    Came(Came),
    /// The program is not there yet.
    Missing,
    /// Nothing was done.
    Denied(Denied),
    /// The script said nothing of its own.
    Silent,
}

impl Far {
    /// A machine, and the program for it.
    pub fn new(asker: Asker, program: Program) -> Self {
        Self { asker, program, copied: false, by: None }
    }

    /// The machine.
    pub fn asker(&self) -> &Asker {
        &self.asker
    }

    /// The program's SHA-256.
    pub fn sha256(&self) -> &str {
        &self.program.sha256
    }

    /// Whether the program was copied; else it lay there already.
    pub fn copied(&self) -> bool {
        self.copied
    }

    /// How the machine was asked last.
    pub fn way(&self) -> Option<Way> {
        self.by
    }

    /// Runs the program there, which is copied first where it is not there yet. An error says that
    /// nothing was done.
    pub fn run(&mut self, arguments: &[String], plan: Option<&[u8]>) -> anyhow::Result<Came> {
        let line = command_line::line(arguments);
        let plan = plan.map(base64);
        let version = format!("rdpdoctor {}", program::VERSION);
        let sha256 = self.program.sha256.clone();
        let order =
            Order::Run { sha256: &sha256, version: &version, line: &line, plan: plan.as_deref() };
        if let Some(came) = self.tried(&order, &[], "at work there")? {
            return Ok(came);
        }
        self.copy(&sha256)?;
        self.tried(&order, &[], "at work there")?.ok_or_else(|| {
            anyhow!("{}: the program was copied there, and is gone again", self.asker.host())
        })
    }

    fn copy(&mut self, sha256: &str) -> anyhow::Result<()> {
        let packed = self.program.packed()?;
        let host = self.asker.host().to_owned();
        // That it is kept is a frame of its own, which `tried` does not wait for.
        let ran = self.asked(&Order::Copy { sha256 }, &packed, "copying the program")?;
        let ran = ran.map_err(|(problem, _)| anyhow!(words::not_copied(&problem, &host)))?;
        let said = far::read(&ran.stdout);
        if let Some(denied) = said.iter().find_map(denied) {
            bail!(words::denied(denied, &host));
        }
        if !said.contains(&Said::Kept) {
            bail!(words::silent(&ran, &host));
        }
        self.copied = true;
        Ok(())
    }

    /// None: the program is not there.
    fn tried(
        &mut self,
        order: &Order<'_>,
        copied: &[u8],
        doing: &'static str,
    ) -> anyhow::Result<Option<Came>> {
        let host = self.asker.host().to_owned();
        let ran = match self.asked(order, copied, doing)? {
            Ok(ran) => ran,
            Err((problem, true)) => {
                return Ok(Some(Came::Lost { run: None, why: words::lost(&problem) }));
            }
            Err((problem, false)) => bail!(words::not_begun(&problem, &host)),
        };
        let said = far::read(&ran.stdout);
        match came(said, ran.cut.as_ref()) {
            Tried::Came(came) => Ok(Some(came)),
            Tried::Missing => Ok(None),
            Tried::Denied(denied) => bail!(words::denied(&denied, &host)),
            Tried::Silent => bail!(words::silent(&ran, &host)),
        }
    }

    /// What ran there; else why not, and whether all that it takes was handed over.
    fn asked(
        &mut self,
        order: &Order<'_>,
        copied: &[u8],
        doing: &'static str,
    ) -> anyhow::Result<Result<Ran, (Problem, bool)>> {
        let (arguments, input) = (far::arguments(), far::input(order, copied)?);
        let copies = !copied.is_empty();
        let (program, arguments, input) = (far::PROGRAM, &*arguments, &*input);
        let work = Work { program, arguments, input, doing, copies };
        let (asked, whole) = self.asker.run(&work)?;
        Ok(match asked.result {
            Ok(ran) => {
                self.by = Some(ran.by);
                Ok(ran)
            }
            Err(problem) => Err((problem, whole)),
        })
    }
}

/// What the script's words come to. Once a run has begun there, nothing says any more that nothing was
/// done.
fn came(said: Vec<Said>, cut: Option<&Problem>) -> Tried {
    let run = said.iter().find_map(|said| match said {
        Said::Complaint(line) => repair::begun(line).map(str::to_owned),
        _ => None,
    });
    if said.iter().any(|said| matches!(said, Said::Ended(_))) {
        let complaints = said.iter().filter_map(complaint).take(MOST_COMPLAINTS);
        let complaints = complaints.map(words::shown).collect();
        let pieces = said.iter().filter_map(|said| match said {
            Said::Answer(bytes) => Some(bytes.as_slice()),
            _ => None,
        });
        let wrote = pieces.collect::<Vec<_>>().concat();
        return Tried::Came(Came::Answer { wrote, complaints });
    }
    if run.is_none() && said.contains(&Said::Missing) {
        return Tried::Missing;
    }
    let denied = said.iter().find_map(denied);
    if let (None, Some(denied)) = (&run, denied) {
        return Tried::Denied(denied.clone());
    }
    if run.is_none() && cut.is_none() {
        return Tried::Silent;
    }
    let why = cut.map_or_else(|| "its answer did not arrive".to_owned(), words::lost);
    Tried::Came(Came::Lost { run, why })
}

fn denied(said: &Said) -> Option<&Denied> {
    match said {
        Said::Denied(denied) => Some(denied),
        _ => None,
    }
}

/// What the program complained of, without what is for this program.
fn complaint(said: &Said) -> Option<&str> {
    match said {
        Said::Complaint(line) if repair::begun(line).is_none() => {
            Some(line.strip_prefix("rdpdoctor: ").unwrap_or(line))
        }
        _ => None,
    }
}

fn base64(bytes: &[u8]) -> String {
    use base64ct::{Base64, Encoding as _};
    Base64::encode_string(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    const RUN: &str = "20261121-101010";

    fn begun() -> Said {
        Said::Complaint(format!("rdpdoctor: run {RUN} has begun"))
    }

    #[test]
    fn what_came_of_it() {
        let port = 5986;
        let ended = Problem::Ended { port };
        let lost = |run: Option<&str>| {
            let why = words::lost(&ended);
            Tried::Came(Came::Lost { run: run.map(str::to_owned), why })
        };
        let answer = |piece: &[u8]| Said::Answer(piece.to_vec());
        let other = Said::Complaint("rdpdoctor: a\u{1b} word".to_owned());
        let whole = vec![begun(), other, answer(b"{"), answer(b"}"), Said::Ended(1)];
        let complaints = vec!["a word".to_owned()];
        assert_eq!(
            came(whole, None),
            Tried::Came(Came::Answer { wrote: b"{}".to_vec(), complaints })
        );
        assert_eq!(came(vec![Said::Missing], None), Tried::Missing);
        assert_eq!(came(Vec::new(), None), Tried::Silent);
        // An answer that is not whole is none.
        assert_eq!(came(vec![begun(), answer(b"{}")], Some(&ended)), lost(Some(RUN)));
        assert_eq!(came(vec![answer(b"{}")], Some(&ended)), lost(None));
        let denied = || Said::Denied(Denied::Rights);
        assert_eq!(came(vec![denied()], None), Tried::Denied(Denied::Rights));
        // What goes wrong behind the beginning of a run does not make it undone.
        let Tried::Came(Came::Lost { run, .. }) = came(vec![begun(), denied()], None) else {
            panic!("something was done")
        };
        assert_eq!(run.as_deref(), Some(RUN));
    }
}
