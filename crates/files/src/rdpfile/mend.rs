//! A mended copy: what `mstsc` would pass over is put right, what weakens the connection is put
//! back to what `mstsc` itself writes, and everything else stays as it is.

use rdpdoctor_model::RdpFileFlaw;

use super::known::{Type, known};
use super::lines::is_secret;
use super::{Problem, RdpFile, Setting};

/// A line that differs between a file and its mended copy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// The line in the file, counted from 1.
    pub line: u32,
    /// What stands in the file; secrets are left out.
    pub before: String,
    /// What stands in the copy; none where the line went.
    pub after: Option<String>,
    /// Why.
    pub why: &'static str,
}

/// Settings that weaken a connection and what `mstsc` writes instead.
const SAFE: &[(&str, &str, &str, &str)] = &[
    ("authentication level", "0", "2", "ask when the computer cannot prove who it is"),
    ("enablecredsspsupport", "0", "1", "sign in before the session (NLA)"),
    ("negotiate security layer", "0", "1", "take the best security that both sides know"),
];

/// Rounds of mending: what was put right in one way can be wrong in another.
const ROUNDS: usize = 8;

/// The mended copy as `mstsc` writes files (UTF-16LE, byte order mark, CRLF), and what was changed.
pub fn mended(file: &RdpFile) -> (Vec<u8>, Vec<Change>) {
    let (mut copy, mut changes) = mended_once(file);
    // Which line of the file each line of the copy was.
    let mut places: Vec<u32> = (1_u32..).zip(&file.lines).map(|(line, _)| line).collect();
    drop_gone(&mut places, &changes);
    for _ in 1..ROUNDS {
        let so_far = RdpFile::read(&copy);
        let (next, mut more) = mended_once(&so_far);
        if more.is_empty() || so_far.lines.len() != places.len() {
            break;
        }
        for change in &mut more {
            change.line = places[change.line as usize - 1];
        }
        drop_gone(&mut places, &more);
        for change in more {
            match changes.iter_mut().find(|known| known.line == change.line) {
                Some(known) => (known.after, known.why) = (change.after, change.why),
                None => changes.push(change),
            }
        }
        copy = next;
    }
    changes.sort_by_key(|change| change.line);
    (copy, changes)
}

/// Takes out the lines that went.
fn drop_gone(places: &mut Vec<u32>, changes: &[Change]) {
    places.retain(|line| !changes.iter().any(|c| c.line == *line && c.after.is_none()));
}

fn mended_once(file: &RdpFile) -> (Vec<u8>, Vec<Change>) {
    let mut changes: Vec<Change> = Vec::new();
    for (line, text) in (1_u32..).zip(&file.lines) {
        let Some((after, why)) = mended_line(file, line, text) else { continue };
        let before = shown(text);
        let after = after.filter(|after| !after.is_empty());
        changes.push(Change { line, before, after, why });
    }
    drop_signature(file, &mut changes);
    let mut text = String::new();
    for (line, before) in (1_u32..).zip(&file.lines) {
        let line = match changes.iter().find(|change| change.line == line) {
            Some(Change { after: None, .. }) => continue,
            Some(Change { after: Some(after), .. }) => after,
            None => before,
        };
        text.push_str(line);
        text.push_str("\r\n");
    }
    (utf16(&text), changes)
}

/// What becomes of a line; none when it stays.
fn mended_line(file: &RdpFile, line: u32, text: &str) -> Option<(Option<String>, &'static str)> {
    let mut flaws =
        file.problems.iter().filter(|p| p.line == Some(line) && p.flaw != RdpFileFlaw::TwoPorts);
    let setting = file.settings.iter().find(|setting| setting.line == line);
    if let Some(setting) = setting
        && setting.kind == Type::Text
        && setting.name.contains("password")
        && !setting.value.trim().is_empty()
    {
        return Some((None, "anybody who has the file can read this password"));
    }
    // A line may have several, and not each of them can be mended.
    if let Some(mended) = flaws.find_map(|flaw| of_problem(file, flaw, setting, text)) {
        return Some(mended);
    }
    let setting = setting?;
    if is_superseded(file, setting) {
        return Some((None, "a later line says something else, and counts"));
    }
    if setting.name == "server port" && has_flaw(file, RdpFileFlaw::TwoPorts) {
        return Some((None, "the address names the port"));
    }
    let value = setting.value.trim();
    let (name, _, safe, why) =
        SAFE.iter().find(|(name, weak, ..)| *name == setting.name && *weak == value)?;
    Some((Some(format!("{name}:i:{safe}")), why))
}

fn of_problem(
    file: &RdpFile,
    problem: &Problem,
    setting: Option<&Setting>,
    text: &str,
) -> Option<(Option<String>, &'static str)> {
    match problem.flaw {
        RdpFileFlaw::WrongType | RdpFileFlaw::UnknownType | RdpFileFlaw::MissingType => {
            let name = problem.setting.as_deref()?;
            let kind = known(name)?.kind;
            if file.setting(name).is_some() || is_repeated(file, problem) {
                return Some((None, "another line says it, and counts"));
            }
            let typed = problem.flaw != RdpFileFlaw::MissingType;
            let value = text.splitn(if typed { 3 } else { 2 }, ':').last()?.trim();
            let fits = match kind {
                Type::Number => value.parse::<i64>().is_ok(),
                Type::Bytes => value.bytes().all(|byte| byte.is_ascii_hexdigit()),
                Type::Text => true,
            };
            let line = format!("{name}:{}:{}", kind.letter(), visible(value));
            Some((fits.then_some(line), if fits { "the right type" } else { "not readable" }))
        }
        RdpFileFlaw::BadValue | RdpFileFlaw::OutOfRange | RdpFileFlaw::BadPort => {
            Some((None, "no value of this setting; without it the usual one is taken"))
        }
        // One that does not count goes as a whole.
        RdpFileFlaw::ControlCharacters => {
            let setting = setting.filter(|setting| !is_superseded(file, setting))?;
            let line = format!("{}:s:{}", setting.name, visible(&setting.value));
            Some((Some(line), "characters that nobody sees"))
        }
        _ => None,
    }
}

fn visible(value: &str) -> String {
    value.chars().filter(|c| !c.is_control()).collect()
}

fn is_superseded(file: &RdpFile, setting: &Setting) -> bool {
    file.setting(&setting.name).is_some_and(|taken| taken.line > setting.line)
}

/// Whether a later line has the same name and no type that is right either.
fn is_repeated(file: &RdpFile, problem: &Problem) -> bool {
    let types = [RdpFileFlaw::WrongType, RdpFileFlaw::UnknownType, RdpFileFlaw::MissingType];
    file.problems.iter().any(|other| {
        other.setting == problem.setting && other.line > problem.line && types.contains(&other.flaw)
    })
}

fn has_flaw(file: &RdpFile, flaw: RdpFileFlaw) -> bool {
    file.problems.iter().any(|problem| problem.flaw == flaw)
}

/// A signature that fits no more is worse than none: it goes with the change.
fn drop_signature(file: &RdpFile, changes: &mut Vec<Change>) {
    if changes.is_empty() {
        return;
    }
    for name in ["signscope", "signature"] {
        if let Some(setting) = file.setting(name)
            && !changes.iter().any(|change| change.line == setting.line)
        {
            let before = shown(&format!("{name}:s:{}", setting.value));
            let why = "the signature does not fit the changed file; sign it anew";
            changes.push(Change { line: setting.line, before, after: None, why });
        }
    }
}

/// A line for people: no secrets, and not a page of a signature.
fn shown(text: &str) -> String {
    const WIDTH: usize = 100;
    let name = text.split(':').next().unwrap_or(text).trim();
    if is_secret(&name.to_lowercase()) {
        return format!("{name}: (not shown)");
    }
    let mut shown: String = text.trim_end().chars().take(WIDTH).collect();
    if text.trim_end().chars().count() > WIDTH {
        shown.push_str("...");
    }
    shown
}

fn utf16(text: &str) -> Vec<u8> {
    std::iter::once(0xFEFF).chain(text.encode_utf16()).flat_map(u16::to_le_bytes).collect()
}
