//! What was said of evidence that was held against a connection, in a few words.

use rdpdoctor_diagnosis::Evidence;
use rdpdoctor_model::{Apart, Fact, JoinedBy, JoinedEvidence, JoinedSource, Stage};

use super::QUOTED;
use crate::harmless::clean;

const DAY_MS: u64 = 86_400_000;

/// A difference of clocks this small is not told.
const SAME_CLOCK_MS: u64 = 500;

/// Pieces of evidence of one kind that are told one by one.
const TOLD: usize = 3;

/// What is said of one side, and how it stands to the connection that was seen: the clocks first.
pub(super) fn around(read: String, evidence: &Evidence<'_>, side: Stage) -> String {
    let mut all = evidence.all(|fact| match fact {
        Fact::JoinedEvidence(said) => Some(&**said),
        _ => None,
    });
    all.retain(|seen| seen.observation.stage == side);
    let of_log = |said: &JoinedEvidence| said.joined && !is_of_facts(said);
    let pieces = |logs: bool| {
        let all = all.iter().map(|seen| seen.value).filter(move |said| of_log(said) == logs);
        all.filter_map(piece).take(TOLD)
    };
    let parts: Vec<String> = pieces(true).chain([read]).chain(pieces(false)).collect();
    parts.join("; ")
}

fn is_of_facts(said: &JoinedEvidence) -> bool {
    matches!(said.evidence_of, JoinedSource::HostFacts | JoinedSource::ClientFacts)
}

/// Whether a line about the host is worth reading although nothing is wrong with it: it says how far
/// what was joined counts.
pub(crate) fn is_told(detail: &str) -> bool {
    detail.starts_with(NOT_USED)
        || [FITS, OLD, LATER, ON_YOUR_WORD, BY_LOG, LEFT_OUT]
            .iter()
            .any(|words| detail.contains(words))
}

const NOT_USED: &str = "not used: ";
const FITS: &str = " log fits, ";
const OLD: &str = " old";
const LATER: &str = " later";
const ON_YOUR_WORD: &str = "taken as its own on your word";
const BY_LOG: &str = "known by its own log";
const LEFT_OUT: &str = " left out: ";

fn piece(said: &JoinedEvidence) -> Option<String> {
    match (said.apart, said.evidence_of) {
        (None, JoinedSource::HostFacts | JoinedSource::ClientFacts) => of_facts(said),
        (None, JoinedSource::HostLog) => Some(clock("the host's", said)),
        (None, JoinedSource::ClientLog) => Some(clock("the client's", said)),
        (Some(why), source) => apart(why, source, said),
    }
}

fn of_facts(said: &JoinedEvidence) -> Option<String> {
    let in_days = |span: Option<u64>, words: &str| match span.map(|span| span / DAY_MS)? {
        0 => None,
        1 => Some(format!("a day{words}")),
        days => Some(format!("{days} days{words}")),
    };
    let old = in_days(said.age_ms, OLD).or_else(|| in_days(said.later_ms, LATER));
    let whose = match said.by.as_slice() {
        [] => Some(ON_YOUR_WORD.to_owned()),
        by => by.contains(&JoinedBy::Computer).then(|| BY_LOG.to_owned()),
    };
    let both: Vec<String> = old.into_iter().chain(whose).collect();
    (!both.is_empty()).then(|| both.join(", "))
}

/// `the host's log fits, its clock 92.0 s ahead (2 events in both)`
fn clock(whose: &str, said: &JoinedEvidence) -> String {
    let off = said.clock_ahead_ms.unwrap_or(0);
    let amount = off.unsigned_abs();
    let seconds = format!("{}.{} s", amount / 1000, amount % 1000 / 100);
    let clock = match off {
        _ if amount < SAME_CLOCK_MS => "the clocks agree".to_owned(),
        ..0 => format!("its clock {seconds} behind"),
        _ => format!("its clock {seconds} ahead"),
    };
    let events = match said.common_events {
        1 => "1 event in both".to_owned(),
        several => format!("{several} events in both"),
    };
    format!("{whose}{FITS}{clock} ({events})")
}

fn apart(why: Apart, source: JoinedSource, said: &JoinedEvidence) -> Option<String> {
    let name =
        said.computer.as_deref().map_or_else(|| "a machine".to_owned(), |n| clean(n, QUOTED));
    let what = match source {
        JoinedSource::HostFacts | JoinedSource::ClientFacts => "facts",
        JoinedSource::HostLog | JoinedSource::ClientLog => "log",
    };
    let why = match why {
        Apart::Older => return None,
        Apart::OtherMachine => "of another machine",
        Apart::NoCommonEvent => "no event is in both",
        Apart::ClocksDisagree => "the clocks cannot be brought together",
        Apart::Ambiguous => "it fits several",
        Apart::Unknown => "nothing says whose they are",
    };
    Some(format!("{what} of {name}{LEFT_OUT}{why}"))
}

#[cfg(test)]
mod tests {
    use rdpdoctor_model::{Apart, JoinedBy, JoinedEvidence, JoinedSource};

    use super::{BY_LOG, DAY_MS, piece};

    fn said(evidence_of: JoinedSource) -> JoinedEvidence {
        JoinedEvidence {
            evidence_of,
            computer: Some("PC42".to_owned()),
            joined: true,
            by: vec![JoinedBy::Port],
            clock_ahead_ms: Some(92_040),
            common_events: 2,
            spread_ms: 10,
            age_ms: Some(60_000),
            later_ms: None,
            apart: None,
        }
    }

    #[test]
    fn clocks_and_ages() {
        let log = piece(&said(JoinedSource::HostLog));
        let expected = "the host's log fits, its clock 92.0 s ahead (2 events in both)";
        assert_eq!(log.as_deref(), Some(expected));
        let behind = JoinedEvidence {
            clock_ahead_ms: Some(-1_500),
            common_events: 1,
            ..said(JoinedSource::ClientLog)
        };
        let words = piece(&behind).expect("words");
        assert!(words.ends_with("its clock 1.5 s behind (1 event in both)"), "{words}");
        let facts = said(JoinedSource::HostFacts);
        assert_eq!(piece(&facts), None, "fresh, and known whose");
        let old = JoinedEvidence { age_ms: Some(DAY_MS * 3), by: Vec::new(), ..facts.clone() };
        let words = piece(&old).expect("words");
        assert_eq!(words, "3 days old, taken as its own on your word");
        let later = JoinedEvidence { age_ms: None, later_ms: Some(DAY_MS * 2), ..facts.clone() };
        assert_eq!(piece(&later).as_deref(), Some("2 days later"));
        let by_log = JoinedEvidence { by: vec![JoinedBy::Computer], ..facts.clone() };
        assert_eq!(piece(&by_log).as_deref(), Some(BY_LOG));
        let other = JoinedEvidence { joined: false, apart: Some(Apart::OtherMachine), ..facts };
        assert_eq!(piece(&other).as_deref(), Some("facts of PC42 left out: of another machine"));
    }
}
