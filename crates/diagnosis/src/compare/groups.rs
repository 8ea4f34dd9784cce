//! Two groups of runs: whom they are about, when, and where they differ.

use std::collections::BTreeMap;

use rdpdoctor_model::{Fact, Stage, Target};

use super::aspects::{self, Aspect, Aspects, Weight};
use super::{Difference, Group, Value};
use crate::causes::look;
use crate::{Diagnosis, Evidence, diagnose};

/// Two groups of runs with what is asked of them more than once.
pub(super) struct Groups<'a, 'e> {
    pub(super) evidence: [&'a [Evidence<'e>]; 2],
    pub(super) diagnoses: [Vec<Diagnosis>; 2],
    /// All runs are about the same host, as far as names and addresses tell.
    pub(super) same_host: bool,
}

impl<'a, 'e> Groups<'a, 'e> {
    pub(super) fn new(first: &'a [Evidence<'e>], second: &'a [Evidence<'e>]) -> Self {
        let judged = |runs: &[Evidence<'_>]| runs.iter().map(diagnose).collect();
        let same_host = first.iter().all(|one| second.iter().all(|other| is_same(one, other)));
        Self { evidence: [first, second], diagnoses: [judged(first), judged(second)], same_host }
    }

    pub(super) fn runs(&self, group: Group) -> &'a [Evidence<'e>] {
        self.evidence[group.index()]
    }

    pub(super) fn diagnoses(&self, group: Group) -> &[Diagnosis] {
        &self.diagnoses[group.index()]
    }

    /// The only run of a group; what compares moments or certificates one by one wants that.
    pub(super) fn single(&self, group: Group) -> Option<&'a Evidence<'e>> {
        match self.runs(group) {
            [one] => Some(one),
            _ => None,
        }
    }

    /// What differs, and how many aspects were seen in both groups.
    pub(super) fn differences(&self) -> (Vec<Difference>, usize) {
        let seen: [Vec<Aspects>; 2] =
            self.evidence.map(|runs| runs.iter().map(aspects::of).collect());
        let mut differences = Vec::new();
        let mut compared = 0;
        for name in names(&seen) {
            let [left, right] = [0, 1].map(|group| of(&seen[group], &name));
            // What one group never looked at is no difference.
            let (Some((_, example)), false) = (left.first(), right.is_empty()) else { continue };
            // What a run was asked for is not yet something seen.
            let was_seen = example.weight != Weight::Context && !example.evidence.is_empty();
            compared += usize::from(was_seen);
            let alike = |one: &Seen| right.iter().any(|other| one.1.key.is_like(&other.1.key));
            if left.iter().any(alike) {
                continue;
            }
            let matters = self.matters(example.weight);
            let values = [values(left), values(right)];
            let (stage, aspect) = name;
            differences.push(Difference { stage, aspect, matters, values });
        }
        (differences, compared)
    }

    /// That another host bears another name, and another machine another address, goes without
    /// saying.
    fn matters(&self, weight: Weight) -> bool {
        match weight {
            Weight::Matters => true,
            Weight::Identity => self.same_host,
            Weight::Context => false,
        }
    }
}

/// What a run saw of an aspect, with the run's place.
type Seen = (usize, Aspect);

/// All aspects that any run saw, each once: the stages in order, within one as they are collected.
fn names(seen: &[Vec<Aspects>; 2]) -> Vec<(Stage, String)> {
    let mut places: BTreeMap<&(Stage, String), usize> = BTreeMap::new();
    for (name, (place, _)) in seen.iter().flatten().flatten() {
        let first = places.entry(name).or_insert(*place);
        *first = (*first).min(*place);
    }
    let mut names: Vec<_> = places.into_iter().collect();
    names.sort_by_key(|((stage, _), place)| (*stage, *place));
    names.into_iter().map(|(name, _)| name.clone()).collect()
}

fn of(runs: &[Aspects], name: &(Stage, String)) -> Vec<Seen> {
    let of_run = |aspects: &Aspects| {
        let found = aspects.get(name).map(|(_, aspect)| aspect.clone());
        found.or_else(|| aspects::unset(aspects, name.0, &name.1))
    };
    runs.iter().enumerate().filter_map(|(run, aspects)| Some((run, of_run(aspects)?))).collect()
}

fn values(seen: Vec<Seen>) -> Vec<Value> {
    let value = |(run, aspect): Seen| Value { run, text: aspect.text, evidence: aspect.evidence };
    seen.into_iter().map(value).collect()
}

/// Whether two runs are about the same host: by the same name, by its short form, or by the address
/// that the name has.
fn is_same(one: &Evidence<'_>, other: &Evidence<'_>) -> bool {
    let (Some(a), Some(b)) = (one.target, other.target) else { return false };
    let (first, second) = (plain(a), plain(b));
    if first.is_empty() || second.is_empty() {
        return false;
    }
    match (a.is_address(), b.is_address()) {
        (true, true) => a.address() == b.address(),
        (true, false) => leads_to(other, a),
        (false, true) => leads_to(one, b),
        (false, false) => {
            let short = !first.contains('.') || !second.contains('.');
            first == second || (short && look::first_label(&first) == look::first_label(&second))
        }
    }
}

fn plain(target: &Target) -> String {
    target.host.trim_end_matches('.').to_lowercase()
}

/// Whether the run's name was found to have the other one's address.
fn leads_to(run: &Evidence<'_>, address: &Target) -> bool {
    let Some(address) = address.address() else { return false };
    let resolved = run.all(|fact| match fact {
        Fact::NameResolved { addresses, .. } => addresses.contains(&address).then_some(()),
        _ => None,
    });
    !resolved.is_empty()
}
