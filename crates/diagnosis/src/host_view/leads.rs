//! What was read on the host, beside what was seen from outside.

use rdpdoctor_model::{Fact, Source, Stage, StageOutcome};

use crate::causes::logged;
use crate::{CATALOGUE, Cause, Evidence, Match, Seen, Severity};

/// Puts a match in front of what it explains: where one of the causes that `cause` makes more precise
/// fits what was seen from outside or stands in a log, the match is as bad and stands at the same stage.
/// Where a connection came past all of those stages, it does not block.
pub(crate) fn leading(evidence: &Evidence<'_>, cause: &Cause, mut found: Match) -> Match {
    let explained = outside(cause).find_map(|other| {
        let seen = (other.rule)(evidence).or_else(|| logged::by_log(evidence, other.id))?;
        Some((seen.stage.unwrap_or(other.stage), seen))
    });
    if let Some((stage, seen)) = explained {
        found.severity = found.severity.min(seen.severity);
        found.evidence.extend(seen.evidence);
        return found.at_stage(stage);
    }
    if came_past(evidence, cause) { past_all_the_same(found) } else { found }
}

/// The same for what is set on the client's machine: it stopped no try that a capture or a log shows to have
/// come past this stage. The check's own is that of another program.
pub(crate) fn seen_past(evidence: &Evidence<'_>, stage: Stage, found: Match) -> Match {
    let own =
        |seen: &Seen<'_, ()>| matches!(seen.observation.source, Source::Capture | Source::EventLog);
    let past = passed(evidence, stage).iter().any(own);
    if past { past_all_the_same(found) } else { found }
}

fn past_all_the_same(mut found: Match) -> Match {
    if found.severity == Severity::Blocking {
        found.severity = Severity::Warning;
        let detail = found.detail.take().unwrap_or_default();
        found.detail =
            Some(format!("{detail} A connection came past it all the same.").trim().to_owned());
    }
    found
}

/// The causes seen from outside that a cause makes more precise.
fn outside(cause: &Cause) -> impl Iterator<Item = &'static Cause> {
    let coarser =
        CATALOGUE.iter().copied().filter(|other| cause.more_specific_than.contains(&other.id));
    coarser.filter(|other| !is_of_machine(other.stage))
}

fn is_of_machine(stage: Stage) -> bool {
    matches!(stage, Stage::Host | Stage::Client)
}

/// Whether a connection came past the last stage at which a cause could have stopped it. A log does not
/// tell of every stage on the way.
pub(crate) fn came_past(evidence: &Evidence<'_>, cause: &Cause) -> bool {
    let own = Some(cause.stage).filter(|stage| !is_of_machine(*stage));
    let stages = own.into_iter().chain(outside(cause).map(|other| other.stage));
    stages.max().is_some_and(|furthest| !passed(evidence, furthest).is_empty())
}

/// The word that this stage was passed, or one behind it on the way.
fn passed<'a>(evidence: &Evidence<'a>, furthest: Stage) -> Vec<Seen<'a, ()>> {
    let mut passed = evidence.all(|fact| match fact {
        Fact::StageEnded { outcome: StageOutcome::Passed, .. } => Some(()),
        _ => None,
    });
    passed.retain(|seen| {
        let stage = seen.observation.stage;
        stage == furthest || (furthest..=Stage::Desktop).contains(&stage)
    });
    passed
}
