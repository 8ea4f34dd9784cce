//! Lines and the settings in them.

use rdpdoctor_model::RdpFileFlaw;

use super::Problem;
use super::known::{Type, known};

/// Lines that are read.
pub(super) const MOST: usize = 4_000;

/// Characters of a line that are read; a signature with its chain stays far below.
const LONGEST_LINE: usize = 64 * 1024;

/// A line `name:type:value`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Setting {
    /// The line, counted from 1.
    pub line: u32,
    /// The name in lower case: `mstsc` does not tell the cases apart.
    pub name: String,
    /// The type.
    pub kind: Type,
    /// The value as it stands there.
    pub value: String,
    /// Whether `mstsc` takes it: the type is right, and the number is one.
    pub taken: bool,
}

/// The lines of a text, as many as are read.
pub(super) fn split(text: &str) -> Vec<String> {
    let line = |line: &str| line.trim_end_matches('\0').chars().take(LONGEST_LINE).collect();
    text.lines().map(line).take(MOST).collect()
}

/// The settings, and what is wrong with single lines.
pub(super) fn settings(lines: &[String]) -> (Vec<Setting>, Vec<Problem>) {
    let (mut settings, mut problems) = (Vec::new(), Vec::new());
    for (number, line) in (1_u32..).zip(lines) {
        if line.trim().is_empty() {
            continue;
        }
        let (setting, problem) = setting(number, line);
        settings.extend(setting);
        problems.extend(problem);
    }
    (settings, problems)
}

fn setting(line: u32, text: &str) -> (Option<Setting>, Option<Problem>) {
    // A line that is no setting may hold anything, a password too: it is not quoted.
    let unread =
        |flaw| (None, Some(Problem { line: Some(line), flaw, setting: None, value: None }));
    let Some((name, rest)) = text.split_once(':') else { return unread(RdpFileFlaw::NotASetting) };
    let name = name.trim().to_lowercase();
    if name.is_empty() || name.chars().count() > 100 {
        return unread(RdpFileFlaw::NotASetting);
    }
    let known = known(&name);
    let typed = rest.split_once(':').and_then(|(letter, value)| {
        let letter = letter.trim();
        (letter.chars().count() == 1).then_some((letter, value))
    });
    let Some((letter, value)) = typed else {
        return match known {
            Some(_) => (None, Some(Problem::at(line, RdpFileFlaw::MissingType, &name))),
            None => unread(RdpFileFlaw::NotASetting),
        };
    };
    let Some(kind) = Type::of(letter) else {
        let flaw = known.map_or(RdpFileFlaw::UnknownType, |_| RdpFileFlaw::WrongType);
        return (None, Some(Problem::at(line, flaw, &name).saying(letter)));
    };
    let mut setting = Setting { line, kind, value: value.to_owned(), taken: true, name };
    let problem = in_value(&setting, known.map(|known| (known.kind, known.numbers)));
    let refused = [RdpFileFlaw::WrongType, RdpFileFlaw::BadValue];
    setting.taken = !problem.as_ref().is_some_and(|problem| refused.contains(&problem.flaw));
    (Some(setting), problem)
}

/// What is wrong with a value.
fn in_value(setting: &Setting, known: Option<(Type, Option<(i64, i64)>)>) -> Option<Problem> {
    let problem = |flaw| Problem::at(setting.line, flaw, &setting.name);
    // A password of whatever type is another matter, and not quoted.
    let secret = is_secret(&setting.name);
    if let Some((kind, _)) = known
        && kind != setting.kind
        && !secret
    {
        return Some(problem(RdpFileFlaw::WrongType).saying(&setting.kind.letter().to_string()));
    }
    let value = setting.value.trim();
    match setting.kind {
        // What an unknown setting takes is not known either.
        Type::Number | Type::Bytes if known.is_none() => None,
        Type::Number => {
            let Ok(number) = value.parse::<i64>() else {
                let problem = problem(RdpFileFlaw::BadValue);
                return Some(if secret { problem } else { problem.saying(value) });
            };
            let (least, most) = known.and_then(|(_, numbers)| numbers)?;
            (!(least..=most).contains(&number))
                .then(|| problem(RdpFileFlaw::OutOfRange).saying(value))
        }
        Type::Bytes => {
            let hexadecimal = value.bytes().all(|b| b.is_ascii_hexdigit());
            (!hexadecimal).then(|| problem(RdpFileFlaw::BadValue))
        }
        Type::Text => setting
            .value
            .chars()
            .any(|c| c.is_control() && c != '\t')
            .then(|| problem(RdpFileFlaw::ControlCharacters)),
    }
}

/// Whether a setting's value is somebody's secret.
pub(super) fn is_secret(name: &str) -> bool {
    ["password", "token", "cookie", "secret"].iter().any(|word| name.contains(word))
}
