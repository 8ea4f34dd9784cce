//! What was read on the host, beside what was seen from outside.

use rdpdoctor_model::{Fact, Stage, StageOutcome};

use crate::causes::logged;
use crate::{CATALOGUE, Cause, Evidence, Match, Severity};

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
    if found.severity == Severity::Blocking && came_past(evidence, cause) {
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
    let Some(furthest) = stages.max() else { return false };
    let passed = evidence.all(|fact| match fact {
        Fact::StageEnded { outcome: StageOutcome::Passed, .. } => Some(()),
        _ => None,
    });
    let past = |stage: Stage| stage == furthest || (furthest..=Stage::Desktop).contains(&stage);
    passed.iter().any(|seen| past(seen.observation.stage))
}
