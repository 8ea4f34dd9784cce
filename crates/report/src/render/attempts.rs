//! Several attempts in one body of evidence, a line each.

use rdpdoctor_model::{Fact, Timestamp};

use super::words;
use crate::Document;
use crate::document::{Attempt, Status};
use crate::harmless::clean;
use crate::watch::{earlier_tries, is_watch};

/// Attempts that are listed one by one.
const LISTED: usize = 4;

/// A head line and a line for each of the first attempts; nothing where there is only one.
pub(super) fn summary(document: &Document) -> Vec<String> {
    // Of a watch the last one is the watch itself, which follows.
    let watched = is_watch(&document.observations);
    let attempts = if watched { earlier_tries(document) } else { &document.attempts };
    if attempts.is_empty() {
        return Vec::new();
    }
    let failed = attempts.iter().filter(|a| a.verdict.status == Status::Failed).count();
    let failed = match failed {
        0 => "none failed".to_owned(),
        failed => format!("{failed} failed"),
    };
    let what = match (watched, attempts.len()) {
        (false, count) => format!("{count} attempts"),
        (true, 1) => "1 earlier try is kept".to_owned(),
        (true, count) => format!("{count} earlier tries are kept"),
    };
    let own = |a: &Attempt| a.observations == document.observations;
    let shown = attempts
        .iter()
        .position(own)
        .map_or(String::new(), |at| format!("; below is number {}", at + 1));
    let mut lines = vec![format!("{what}, {failed}{shown}")];
    lines.extend(attempts.iter().take(LISTED).enumerate().map(|(number, attempt)| {
        let status = match attempt.verdict.status {
            Status::Ok => "ok",
            Status::Degraded => "WARN",
            Status::Failed => "FAIL",
            Status::Unknown => "?",
        };
        let begun = begun(attempt).map(|begun| begun.to_string());
        let time = begun.as_deref().and_then(|text| text.get(11..19)).unwrap_or("--:--:--");
        let cause = attempt.verdict.cause.as_deref().unwrap_or("-");
        let host = clean(&attempt.target.host, 30);
        format!("{}. {time} {status:<4} {host}  {}", number + 1, clean(cause, words::SHORT))
    }));
    if attempts.len() > LISTED {
        lines.push(format!("and {} more", attempts.len() - LISTED));
    }
    lines
}

/// When the first connection of an attempt was made.
pub(super) fn begun(attempt: &Attempt) -> Option<Timestamp> {
    let connection =
        attempt.observations.iter().find(|o| matches!(o.fact, Fact::Connection { .. }));
    // Some observations are about a whole file and have no time of their own.
    connection.and_then(|o| o.at).or_else(|| attempt.observations.iter().find_map(|o| o.at))
}
