//! Facts in numbered parts, each with its length and its sum and readable without the others: what a
//! cloud hands back of a command's output is its last 4,096 bytes, or its first 24,000 characters.
//!
//! `[rdpdoctor1 host 3f09c2 1/4 z 3312 9a0b1c2d]H4sI...[.]`: side, run, number, how it is coded (`z`
//! gzip in base64url, `t` short lines as they are), length and Adler-32 of the body.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{Read as _, Write as _};

use adler2::adler32_slice;
use base64ct::{Base64UrlUnpadded, Encoding as _};
use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use rdpdoctor_model::Fact;

use super::frame::{self, Frame};
use super::short;
use crate::{FactsFile, Side, checks, firewall};

/// How long the body of a part may be, so that it fits with its head into what Azure's Run Command
/// hands back.
pub const AZURE: usize = 3_400;

/// The same for the output of an Intune remediation, of which 2,048 characters are kept.
pub const INTUNE: usize = 1_900;

/// Lines of this length wait until the short ones have their place.
const LONG: usize = 700;

/// What a part may hold when it is unpacked.
const LARGEST: u64 = 512 * 1024;

/// Facts as parts, the decisive ones first.
pub fn write(side: Side, facts: &[Fact], limit: usize) -> Vec<String> {
    let frames = frame::by_code(side);
    let decisive = decisive(side);
    let (mut first, mut long, mut others) = (Vec::new(), Vec::new(), Vec::new());
    for fact in facts {
        let Ok(json) = serde_json::to_string(fact) else { continue };
        let line = short::shorten(&json, &frames);
        let decides = line.get(..frame::CODE).is_some_and(|code| decisive.contains(code))
            || matches!(fact, Fact::FactsOf(_) | Fact::MachineCertificate(_))
            || is_rule(fact);
        match (decides, line.len() < LONG) {
            (true, true) => first.push(line),
            (true, false) => long.push(line),
            (false, _) => others.push(line),
        }
    }
    let mut left = first.split_off(fitting(&first, limit));
    for line in long {
        first.push(line);
        if packed(&first).len() > limit {
            left.extend(first.pop());
        }
    }
    left.extend(others);
    let mut bodies = vec![packed(&first)];
    while !left.is_empty() {
        let rest = left.split_off(fitting(&left, limit));
        bodies.push(packed(&left));
        left = rest;
    }
    let run = format!("{:06x}", adler32_slice(bodies.concat().as_bytes()) & 0xFF_FFFF);
    let count = bodies.len();
    let part = |(index, body): (usize, &String)| {
        let (number, side, sum) = (index + 1, side.name(), adler32_slice(body.as_bytes()));
        format!("[rdpdoctor1 {side} {run} {number}/{count} z {} {sum:08x}]{body}[.]", body.len())
    };
    bodies.iter().enumerate().map(part).collect()
}

/// Whether it is a rule of the firewall, of which there are as many as there are: they have no code.
fn is_rule(fact: &Fact) -> bool {
    let Fact::RegistryValue(value) = fact else { return false };
    firewall::RULES.iter().any(|key| key.eq_ignore_ascii_case(&value.key))
}

/// The codes of the facts that can decide.
fn decisive(side: Side) -> BTreeSet<String> {
    let rows = checks::all().filter(|check| check.side == side && check.decisive);
    let frames = rows.flat_map(|check| check.questions).flat_map(|question| Frame::of(*question));
    frames.map(|frame| frame.code()).collect()
}

/// How many of these lines fit into a part, at least one.
fn fitting(lines: &[String], limit: usize) -> usize {
    let (mut low, mut high) = (1.min(lines.len()), lines.len());
    while low < high {
        let middle = (low + high).div_ceil(2);
        if packed(&lines[..middle]).len() <= limit { low = middle } else { high = middle - 1 }
    }
    low
}

fn packed(lines: &[String]) -> String {
    let mut gzip = GzEncoder::new(Vec::new(), Compression::best());
    // Memory takes whatever is written to it.
    let bytes = gzip
        .write_all(lines.join("\n").as_bytes())
        .and_then(|()| gzip.finish())
        .unwrap_or_default();
    Base64UrlUnpadded::encode_string(&bytes)
}

/// A part as it was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Part {
    pub(super) side: Side,
    pub(super) run: String,
    pub(super) number: u32,
    pub(super) count: u32,
    /// Its lines, or why they cannot be read.
    pub(super) lines: Result<String, PartError>,
}

/// Why a part cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PartError {
    /// It ends before its length, or its sum is another.
    Damaged,
    /// Length and sum are right, and it cannot be unpacked.
    Unreadable,
}

/// How every part begins.
pub const MARK: &str = "[rdpdoctor1 ";

/// Longest head of a part behind its mark.
const HEAD: usize = 120;

/// Parts of one text that are looked at.
const MOST_PARTS: usize = 500;

/// Parts that a run may have.
const MOST_COUNTED: u32 = 10_000;

/// The parts in a text, whatever stands around them: as it is, with its lines joined as a terminal
/// may have broken them anywhere, and without what Google's agent writes before each line.
pub(super) fn find(text: &str) -> Vec<Part> {
    let joined = |strip: &dyn Fn(&'_ str) -> usize| {
        text.lines().map(|line| &line[strip(line)..]).collect::<Vec<_>>().concat()
    };
    let agent = |line: &str| line.rfind(AGENT).map_or(0, |at| at + AGENT.len());
    let unbroken = joined(&|_| 0);
    let bare = joined(&|line| agent(line) + usize::from(line[agent(line)..].starts_with(' ')));
    let mut found: Vec<Part> = Vec::new();
    for part in [text, &unbroken, &bare].into_iter().flat_map(in_text) {
        let known = found.iter().position(|known| {
            (known.side, &known.run, known.number, known.count)
                == (part.side, &part.run, part.number, part.count)
        });
        match known {
            Some(index) if found[index].lines.is_err() => found[index] = part,
            Some(_) => {}
            None if found.len() < MOST_PARTS => found.push(part),
            None => break,
        }
    }
    found
}

/// Google's agent writes when and what ran before each line; this is the end of it.
const AGENT: &str = "windows-startup-script-ps1:";

fn in_text(text: &str) -> impl Iterator<Item = Part> {
    let starts = text.match_indices(MARK).map(|(at, _)| at + MARK.len());
    // A body holds no mark, so that each character is looked at once.
    let until_next = |at: usize| {
        let rest = &text[at..];
        &rest[..rest.find(MARK).unwrap_or(rest.len())]
    };
    starts.filter_map(move |at| part(until_next(at))).take(MOST_PARTS)
}

/// A part behind its mark.
fn part(text: &str) -> Option<Part> {
    let head = text.get(..text.find(']')?)?;
    let rest = text.get(head.len() + 1..)?;
    let fields: Vec<&str> =
        Some(head).filter(|head| head.len() < HEAD)?.split_whitespace().collect();
    let [side, run, place, coding, length, sum] = fields[..] else { return None };
    let (number, count) = place.split_once('/')?;
    let (number, count): (u32, u32) = (number.parse().ok()?, count.parse().ok()?);
    let length: usize = length.parse().ok()?;
    let sum = u32::from_str_radix(sum, 16).ok()?;
    let side = Side::named(side)?;
    if number == 0 || number > count || count > MOST_COUNTED {
        return None;
    }
    // A line's end within a body is a terminal's.
    let characters = rest.chars().filter(|c| !c.is_whitespace());
    let body: String = characters.take_while(char::is_ascii).take(length).collect();
    let lines = if body.len() == length && adler32_slice(body.as_bytes()) == sum {
        unpacked(coding, &body).ok_or(PartError::Unreadable)
    } else {
        Err(PartError::Damaged)
    };
    Some(Part { side, run: run.to_owned(), number, count, lines })
}

fn unpacked(coding: &str, body: &str) -> Option<String> {
    match coding {
        "t" => Some(short::unveil(body)),
        "z" => {
            let bytes = Base64UrlUnpadded::decode_vec(body).ok()?;
            let mut text = String::new();
            GzDecoder::new(bytes.as_slice()).take(LARGEST).read_to_string(&mut text).ok()?;
            Some(text)
        }
        _ => None,
    }
}

/// Facts put together from the parts of one run.
#[derive(Debug, Clone, PartialEq)]
pub struct Collected {
    /// The facts; what did not arrive could not be looked at.
    pub file: FactsFile,
    /// Numbers of the parts that did not arrive whole.
    pub missing: Vec<u32>,
    /// Those of them that arrived damaged.
    pub damaged: Vec<(u32, PartError)>,
}

/// Puts parts together, those of each run for themselves.
pub(super) fn together(parts: Vec<Part>) -> Vec<Collected> {
    let mut runs: BTreeMap<(&'static str, String, u32), Vec<Part>> = BTreeMap::new();
    for part in parts {
        let run = (part.side.name(), part.run.clone(), part.count);
        runs.entry(run).or_default().push(part);
    }
    runs.into_iter().filter_map(|((_, _, count), parts)| of_run(count, &parts)).collect()
}

fn of_run(count: u32, parts: &[Part]) -> Option<Collected> {
    let side = parts.first()?.side;
    let mut whole: BTreeMap<u32, &str> = BTreeMap::new();
    let mut damaged: BTreeMap<u32, PartError> = BTreeMap::new();
    for part in parts {
        match &part.lines {
            Ok(lines) => drop(whole.insert(part.number, lines)),
            Err(why) => drop(damaged.insert(part.number, *why)),
        }
    }
    damaged.retain(|number, _| !whole.contains_key(number));
    let missing: Vec<u32> = (1..=count).filter(|number| !whole.contains_key(number)).collect();
    let lines = whole.values().flat_map(|lines| lines.lines());
    let file = super::read::facts(side, lines, &missing);
    Some(Collected { file, missing, damaged: damaged.into_iter().collect() })
}

#[cfg(test)]
#[path = "parts_tests.rs"]
mod tests;
