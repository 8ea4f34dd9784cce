//! What was read on a Windows machine, in one line.

use rdpdoctor_diagnosis::{Evidence, Seen};
use rdpdoctor_model::{Fact, FactsWay, Lookup, Stage};

use super::QUOTED;
use crate::harmless::clean;

/// Whose facts of this side, how they were had and how many could not be looked at; none when there are
/// none.
pub(super) fn words(evidence: &Evidence<'_>, side: Stage) -> Option<String> {
    let of = of_side(evidence, side, |fact| match fact {
        Fact::FactsOf(of) => Some(of),
        _ => None,
    });
    let of = of.last()?.value;
    let values = of_side(evidence, side, |fact| match fact {
        Fact::RegistryValue(value) => Some(matches!(value.data, Lookup::Unavailable { .. })),
        _ => None,
    });
    let unread = values.iter().filter(|seen| seen.value).count();
    let name = of.computer.as_deref().map_or_else(|| "a machine".to_owned(), |n| clean(n, QUOTED));
    let way = match of.way {
        FactsWay::Live => "read on it",
        FactsWay::Disk => "read from its disk",
        FactsWay::Remote => "read over WinRM",
        FactsWay::Script => "collected by script",
    };
    let mut words = format!("facts of {name}, {way}");
    let sessions = of_side(evidence, side, |fact| match fact {
        Fact::WindowsSessions { sessions } => sessions.as_seen().map(Vec::len),
        _ => None,
    });
    if let Some(count) = sessions.last().map(|seen| seen.value).filter(|count| *count > 0) {
        words.push_str(&format!("; {count} sessions"));
    }
    if unread > 0 {
        words.push_str(&format!("; {unread} settings could not be looked at"));
    }
    let hives = of_side(evidence, side, |fact| match fact {
        Fact::RegistryHive(hive) => {
            Some(hive.state.as_seen().is_none_or(|s| !s.problems.is_empty()))
        }
        _ => None,
    });
    let damaged = hives.iter().filter(|seen| seen.value).count();
    if damaged > 0 {
        words.push_str(&format!(
            "; {damaged} of {} files of the registry missing or damaged",
            hives.len()
        ));
    }
    if !of.missing_parts.is_empty() {
        words.push_str(&format!("; {} did not arrive", parts(&of.missing_parts)));
    }
    Some(words)
}

fn of_side<'a, T>(
    evidence: &Evidence<'a>,
    side: Stage,
    pick: impl Fn(&'a Fact) -> Option<T>,
) -> Vec<Seen<'a, T>> {
    let mut all = evidence.all(pick);
    all.retain(|seen| seen.observation.stage == side);
    all
}

/// `part 2`, `parts 2, 3 and 5`; of many how many.
fn parts(missing: &[u32]) -> String {
    let shown: Vec<String> = missing.iter().map(u32::to_string).collect();
    match shown.split_last() {
        Some((only, [])) => format!("part {only}"),
        Some((last, before)) if before.len() < 8 => {
            format!("parts {} and {last}", before.join(", "))
        }
        _ => format!("{} parts", shown.len()),
    }
}
