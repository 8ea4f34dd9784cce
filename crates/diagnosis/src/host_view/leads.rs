//! What was read on the host, beside what was seen from outside.

use rdpdoctor_model::{Fact, Stage, StageOutcome};

use crate::{CATALOGUE, Cause, Evidence, Match, Severity};

/// Puts a match in front of what it explains: where one of the causes that `cause` makes more precise
/// fits what was seen from outside, the match is as bad and stands at the same stage. Where a
/// connection came past all of those stages, it does not block.
pub(crate) fn leading(evidence: &Evidence<'_>, cause: &Cause, mut found: Match) -> Match {
    let outside: Vec<&Cause> = CATALOGUE
        .iter()
        .copied()
        .filter(|other| cause.more_specific_than.contains(&other.id))
        .filter(|other| !matches!(other.stage, Stage::Host | Stage::Client))
        .collect();
    let explained = outside.iter().find_map(|other| {
        let seen = (other.rule)(evidence)?;
        Some((seen.stage.unwrap_or(other.stage), seen))
    });
    if let Some((stage, seen)) = explained {
        found.severity = found.severity.min(seen.severity);
        found.evidence.extend(seen.evidence);
        return found.at_stage(stage);
    }
    let furthest = outside.iter().map(|other| other.stage).max();
    if found.severity == Severity::Blocking && furthest.is_some_and(|stage| passed(evidence, stage))
    {
        found.severity = Severity::Warning;
        let detail = found.detail.take().unwrap_or_default();
        found.detail =
            Some(format!("{detail} A connection came past it all the same.").trim().to_owned());
    }
    found
}

/// Whether a connection came past a stage.
fn passed(evidence: &Evidence<'_>, stage: Stage) -> bool {
    let ends = evidence.all(|fact| match fact {
        Fact::StageEnded { outcome, .. } => Some(*outcome == StageOutcome::Passed),
        _ => None,
    });
    ends.iter().any(|seen| seen.observation.stage == stage && seen.value)
}
