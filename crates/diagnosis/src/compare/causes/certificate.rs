//! Two certificates of one host: something in between signs one of them, the host renewed its own,
//! or two hosts bear one name.

use rdpdoctor_model::{Certificate, Fact};

use super::{difference, host, pointer};
use crate::causes::{dns, tls};
use crate::compare::groups::Groups;
use crate::compare::{Difference, Group, Pointer};
use crate::inspectors;
use crate::{Evidence, Proof};

pub(super) fn rule(groups: &Groups<'_, '_>, differences: &[Difference]) -> Vec<Pointer> {
    let Some(certificate) = difference(differences, "certificate") else { return Vec::new() };
    if !groups.same_host || renewed(groups) {
        return Vec::new();
    }
    let issuer = difference(differences, "issuer");
    let rests: Vec<&Difference> = [Some(certificate), issuer].into_iter().flatten().collect();
    let [first, second] = [Group::First, Group::Second].map(|group| own(groups, group));
    let (Some(first), Some(second)) = (first, second) else { return Vec::new() };
    let other_computer = difference(differences, "computer");
    let inspected = inspected(groups);
    let issued = "The first side saw a certificate issued by";
    let words = format!("{issued} {}, the second one by {}.", issuer_of(first), issuer_of(second));
    let one_machine = other_computer.is_none() && computer_seen(groups);
    let mut pointers = Vec::new();
    let proof = match (&inspected, issuer) {
        (Some(_), _) => Proof::Likely,
        // The same machine behind both, and somebody else signed one of them.
        (None, Some(_)) if one_machine && !made_between(groups) => Proof::Likely,
        _ => Proof::Possible,
    };
    // Several machines that answer to one name each have a certificate of their own.
    let farm = issuer.is_none() && other_computer.is_some();
    if inspected.is_some() || !farm {
        let (group, by) = match &inspected {
            Some((group, product)) => (Some(*group), format!("{product} opens")),
            None => (untrusted(groups), "Something opens".to_owned()),
        };
        let title = format!("{by} the encrypted connection to {} on one of the ways", host(groups));
        let why = format!("{words} {}", alternatives(groups, proof));
        pointers.push(pointer(&tls::intercepted::CAUSE, proof, group, title, why, &rests));
    }
    // An address leads to one machine at a time; a name may lead to several.
    let perhaps_two = proof == Proof::Possible && !one_machine && is_name(groups);
    if other_computer.is_some() || perhaps_two {
        let mut rests = rests;
        rests.extend(other_computer);
        let sure = if other_computer.is_some() { Proof::Likely } else { Proof::Possible };
        let title = format!("{} is another machine each time", host(groups));
        let why = format!("{words} Hosts of a farm, or of a name that moved, differ like this.");
        pointers.push(pointer(&dns::other_name::CAUSE, sure, None, title, why, &rests));
    }
    pointers
}

/// Whether the host was asked for by a name.
fn is_name(groups: &Groups<'_, '_>) -> bool {
    groups
        .evidence
        .iter()
        .flat_map(|runs| runs.iter())
        .all(|run| run.target.is_some_and(|target| !target.is_address()))
}

fn own<'e>(groups: &Groups<'_, 'e>, group: Group) -> Option<&'e Certificate> {
    let runs = groups.runs(group).iter();
    runs.filter_map(Evidence::server_certificate).map(|seen| seen.value).next()
}

fn issuer_of(certificate: &Certificate) -> &str {
    if certificate.self_issued { "itself" } else { &certificate.issuer }
}

/// The side whose certificate a product for inspection signed, where the other side's was not.
fn inspected(groups: &Groups<'_, '_>) -> Option<(Group, &'static str)> {
    let [first, second] = [Group::First, Group::Second].map(|group| {
        let own = own(groups, group)?;
        let found = if own.self_issued {
            inspectors::self_issued_inspector(&own.issuer)
        } else {
            inspectors::inspector(&own.issuer)
        };
        found.map(|inspector| inspector.product)
    });
    match (first, second) {
        (Some(product), None) => Some((Group::First, product)),
        (None, Some(product)) => Some((Group::Second, product)),
        _ => None,
    }
}

/// The side whose chain this machine does not trust, where it trusts the other side's.
fn untrusted(groups: &Groups<'_, '_>) -> Option<Group> {
    let trusted = |group| groups.runs(group).iter().all(crate::causes::look::trusted);
    match (trusted(Group::First), trusted(Group::Second)) {
        (true, false) => Some(Group::Second),
        (false, true) => Some(Group::First),
        _ => None,
    }
}

fn computer_seen(groups: &Groups<'_, '_>) -> bool {
    [Group::First, Group::Second].iter().all(|group| {
        groups.runs(*group).iter().all(|run| {
            !run.main_path(|f| matches!(f, Fact::NtlmChallenge { .. }).then_some(())).is_empty()
        })
    })
}

/// The newer run's certificate was made by the same issuer after the older run, when the older one
/// was at its end: the host renewed it, which explains all.
fn renewed(groups: &Groups<'_, '_>) -> bool {
    let [first, second] = [Group::First, Group::Second].map(|group| own(groups, group));
    let (Some(first), Some(second)) = (first, second) else { return false };
    let same_issuer = issuer_of(first) == issuer_of(second) && first.subject == second.subject;
    let older = if first.not_after <= second.not_after { first } else { second };
    let newest = groups.evidence.iter().flat_map(|runs| runs.iter()).map(|run| run.judged_at).max();
    let was_due = newest.is_some_and(|moment| older.not_after <= moment.plus_millis(RENEWAL_MS));
    same_issuer && was_due && made_between(groups)
}

/// Certificates are renewed in the last weeks of their time.
const RENEWAL_MS: i64 = 45 * DAY_MS;

/// A new certificate is often made valid from a day before.
const DAY_MS: i64 = 86_400_000;

/// Whether the newer of two runs saw a certificate that was made since the older one.
fn made_between(groups: &Groups<'_, '_>) -> bool {
    let (Some(a), Some(b)) = (groups.single(Group::First), groups.single(Group::Second)) else {
        return false;
    };
    let (older, newer) = if a.judged_at <= b.judged_at { (a, b) } else { (b, a) };
    newer.judged_at > older.judged_at
        && newer.server_certificate().is_some_and(|seen| {
            let from = seen.value.not_before;
            from >= older.judged_at.plus_millis(-DAY_MS) && from <= newer.judged_at
        })
}

fn alternatives(groups: &Groups<'_, '_>, proof: Proof) -> &'static str {
    match (proof, made_between(groups)) {
        (Proof::Possible, true) => {
            "One of them was made about the time between the runs: a renewal explains it as well."
        }
        (Proof::Possible, false) => {
            "Two hosts behind one name, or a renewal, explain it as well; see who made the second one."
        }
        _ => "The host behind it is the same, as far as was seen.",
    }
}
