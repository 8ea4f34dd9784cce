//! Which cause a difference points to. What a rule of the catalogue finds in one group and in no
//! run of the other comes first; then what only the comparison can tell.

mod bastion;
mod certificate;
mod name;
mod path;

use std::collections::BTreeSet;

use rdpdoctor_model::ObservationId;

use super::groups::Groups;
use super::{Cited, Difference, Group, Pointer};
use crate::{CATALOGUE, Cause, Finding, Proof, Severity};

/// The causes that the differences point to, surest first, then in the order of the stages.
pub(super) fn point(groups: &Groups<'_, '_>, differences: &[Difference]) -> Vec<Pointer> {
    let mut pointers = separating(groups);
    let rules = [
        certificate::rule,
        name::other_address,
        path::open_from_elsewhere,
        path::other_layers,
        path::more_loss,
        path::longer,
        path::clock,
    ];
    for rule in rules {
        for pointer in rule(groups, differences) {
            add(&mut pointers, pointer);
        }
    }
    bastion::settle(groups, differences, &mut pointers);
    pointers.sort_by_key(|pointer| (pointer.proof, pointer.cause.stage));
    pointers
}

/// The same cause from two rules is one pointer: the surer one, with what both rest on.
fn add(pointers: &mut Vec<Pointer>, new: Pointer) {
    let same = |known: &&mut Pointer| known.cause.id == new.cause.id;
    let Some(known) = pointers.iter_mut().find(same) else { return pointers.push(new) };
    // What only the comparison can tell says more of it than the catalogue does.
    known.explanation = format!("{} {}", new.explanation, known.explanation);
    known.aspects.extend(new.aspects);
    known.proof = known.proof.min(new.proof);
    known.evidence.extend(new.evidence);
    known.evidence = once(std::mem::take(&mut known.evidence));
}

/// What every run of one group shows, and none of the other. What is only worth knowing is no
/// reason for anything.
fn separating(groups: &Groups<'_, '_>) -> Vec<Pointer> {
    let mut pointers = Vec::new();
    for cause in CATALOGUE {
        for group in [Group::Second, Group::First] {
            let found = found(groups, group, cause);
            let everywhere = !found.is_empty() && found.len() == groups.runs(group).len();
            let counts = found.iter().all(|f| f.severity != Severity::Info);
            if everywhere && counts && self::found(groups, group.other(), cause).is_empty() {
                pointers.push(separated(cause, group, &found, groups));
            }
        }
    }
    pointers
}

fn found<'g>(groups: &'g Groups<'_, '_>, group: Group, cause: &Cause) -> Vec<&'g Finding> {
    let of_run = |diagnosis: &'g crate::Diagnosis| {
        diagnosis.findings.iter().find(|finding| finding.cause.id == cause.id)
    };
    groups.diagnoses(group).iter().filter_map(of_run).collect()
}

fn separated(
    cause: &'static Cause,
    group: Group,
    found: &[&Finding],
    groups: &Groups<'_, '_>,
) -> Pointer {
    // As sure as the run that is least so.
    let proof = found.iter().map(|f| f.proof).max().unwrap_or(Proof::Possible);
    let evidence = found.iter().enumerate().flat_map(|(run, finding)| {
        finding.evidence.iter().map(move |id| Cited { group, run, id: id.clone() })
    });
    let title = found.first().map(|f| f.title.clone()).unwrap_or_default();
    let explanation = found.first().map(|f| f.explanation.clone()).unwrap_or_default();
    let shown = match (groups.runs(group).len(), groups.runs(group.other()).len()) {
        (1, 1) => "One run shows it, the other does not.".to_owned(),
        (here, there) => {
            format!("All {here} runs of one side show it, none of the {there} others.")
        }
    };
    Pointer {
        cause,
        proof,
        group: Some(group),
        title,
        explanation: format!("{shown} {explanation}"),
        aspects: Vec::new(),
        evidence: evidence.collect(),
    }
}

/// The difference of that name.
fn difference<'d>(differences: &'d [Difference], aspect: &str) -> Option<&'d Difference> {
    differences.iter().find(|d| d.aspect == aspect)
}

/// Every observation that these differences rest on.
fn cited(differences: &[&Difference]) -> Vec<Cited> {
    let mut all = Vec::new();
    for difference in differences {
        for group in [Group::First, Group::Second] {
            for value in difference.of(group) {
                let cite = |id: &ObservationId| Cited { group, run: value.run, id: id.clone() };
                all.extend(value.evidence.iter().map(cite));
            }
        }
    }
    once(all)
}

/// Each citation once, as they come.
fn once(mut all: Vec<Cited>) -> Vec<Cited> {
    let mut known = BTreeSet::new();
    all.retain(|cited| known.insert((cited.group, cited.run, cited.id.0.clone())));
    all
}

/// A pointer that rests on differences.
fn pointer(
    cause: &'static Cause,
    proof: Proof,
    group: Option<Group>,
    title: String,
    explanation: String,
    differences: &[&Difference],
) -> Pointer {
    let aspects = differences.iter().map(|d| d.aspect.clone()).collect();
    let evidence = cited(differences);
    Pointer { cause, proof, group, title, explanation, aspects, evidence }
}

/// The host's name for a title.
fn host(groups: &Groups<'_, '_>) -> String {
    let run = groups.runs(Group::First).first();
    let target = run.and_then(|evidence| evidence.target);
    target.map_or_else(|| "the host".to_owned(), |target| target.host.clone())
}
