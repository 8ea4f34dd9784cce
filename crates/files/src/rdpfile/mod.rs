//! `.rdp` files: settings as lines `name:type:value`.
//!
//! Read as `mstsc` does, which passes over what it does not understand, and with a note of
//! everything that it passed over.

mod facts;
mod known;
mod lines;
mod mend;
mod problems;
mod signature;
mod way;

use rdpdoctor_model::{RdpFileEncoding, RdpFileFlaw};

pub use known::Type;
pub use lines::Setting;
pub use mend::{Change, mended};
pub use way::{Gateway, Way};

use crate::text::{self, Encoding};

/// Bytes of a file that are read. `mstsc` writes 2 to 3 KB, a signature adds some 10.
pub const LONGEST: usize = 1024 * 1024;

/// An `.rdp` file as it was read.
#[derive(Debug, Clone)]
pub struct RdpFile {
    /// How its characters are written.
    pub encoding: RdpFileEncoding,
    /// Bytes in it.
    pub length: u64,
    /// Its lines without their ends.
    lines: Vec<String>,
    /// Its settings, in their order.
    settings: Vec<Setting>,
    /// What is wrong with it.
    problems: Vec<Problem>,
}

/// Something that is wrong with the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The line, counted from 1; none for the whole file.
    pub line: Option<u32>,
    /// What.
    pub flaw: RdpFileFlaw,
    /// The setting's name in lower case.
    pub setting: Option<String>,
    /// What stands there, where that is no secret.
    pub value: Option<String>,
}

impl RdpFile {
    /// Reads a file's bytes; what is behind [`LONGEST`] is left aside. Always succeeds: what is
    /// wrong is part of the answer.
    pub fn read(bytes: &[u8]) -> Self {
        let decoded = text::decode(bytes.get(..LONGEST).unwrap_or(bytes));
        let lines: Vec<String> = lines::split(&decoded.text);
        let (settings, mut problems) = lines::settings(&lines);
        problems::in_encoding(decoded.encoding, &decoded.text, &mut problems);
        if bytes.len() > LONGEST || lines.len() == lines::MOST {
            problems.push(Problem::of_file(RdpFileFlaw::TooLong));
        }
        let mut file = Self {
            encoding: encoding(decoded.encoding),
            length: bytes.len() as u64,
            lines,
            settings,
            problems,
        };
        let contradictions = problems::in_settings(&file);
        file.problems.extend(contradictions);
        file.problems.sort_by_key(|problem| problem.line.unwrap_or(0));
        file
    }

    /// The setting that `mstsc` takes: of the type that it wants, the last one of several.
    pub fn setting(&self, name: &str) -> Option<&Setting> {
        self.settings.iter().rfind(|setting| setting.name == name && setting.taken)
    }

    /// A text that is there and not empty.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.setting(name).map(|setting| setting.value.trim()).filter(|value| !value.is_empty())
    }

    /// A number that is there.
    pub fn number(&self, name: &str) -> Option<i64> {
        self.setting(name).and_then(|setting| setting.value.trim().parse().ok())
    }

    /// How many lines are settings.
    pub fn count(&self) -> u32 {
        u32::try_from(self.settings.len()).unwrap_or(u32::MAX)
    }

    /// What is wrong with it.
    pub fn problems(&self) -> &[Problem] {
        &self.problems
    }

    fn line_of(&self, name: &str) -> u32 {
        self.setting(name).map_or(0, |setting| setting.line)
    }
}

impl Problem {
    fn of_file(flaw: RdpFileFlaw) -> Self {
        Self { line: None, flaw, setting: None, value: None }
    }

    fn at(line: u32, flaw: RdpFileFlaw, setting: &str) -> Self {
        Self { line: Some(line), flaw, setting: Some(short(setting)), value: None }
    }

    fn saying(mut self, value: &str) -> Self {
        self.value = Some(short(value));
        self
    }
}

/// Characters of a name or value that go into an observation.
const SHORT: usize = 200;

fn short(text: &str) -> String {
    text.trim().chars().take(SHORT).collect()
}

fn encoding(encoding: Encoding) -> RdpFileEncoding {
    match encoding {
        Encoding::Utf8 => RdpFileEncoding::Utf8,
        Encoding::Utf8Bom => RdpFileEncoding::Utf8Bom,
        Encoding::Utf16Le => RdpFileEncoding::Utf16Le,
        Encoding::Utf16LeNoBom => RdpFileEncoding::Utf16LeNoBom,
        Encoding::Utf16Be => RdpFileEncoding::Utf16Be,
        Encoding::Other => RdpFileEncoding::Other,
    }
}

#[cfg(test)]
mod tests;
