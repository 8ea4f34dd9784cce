//! One name, two addresses.

use rdpdoctor_model::Fact;

use super::{difference, host, pointer};
use crate::causes::{dns, look};
use crate::compare::groups::Groups;
use crate::compare::{Difference, Group, Pointer};
use crate::{Evidence, Proof};

/// The system's resolvers gave the name addresses that have nothing in common.
pub(super) fn other_address(groups: &Groups<'_, '_>, differences: &[Difference]) -> Vec<Pointer> {
    let moved: Vec<&Difference> = ["ipv4-addresses", "ipv6-addresses"]
        .into_iter()
        .filter_map(|aspect| difference(differences, aspect))
        .collect();
    // One family more or less is no other address.
    let gained = |d: &&Difference| d.values.iter().flatten().any(|value| value.text == "none");
    if !groups.same_host || moved.is_empty() || moved.iter().all(gained) {
        return Vec::new();
    }
    let host = host(groups);
    if let Some(group) = overridden(groups) {
        let mut rests = moved;
        rests.extend(difference(differences, "hosts-file"));
        let title = format!("The hosts file of one machine gives {host} another address");
        let why =
            "The addresses that were used are the file's, and the other side has no such line.";
        let cause = &dns::hosts_override::CAUSE;
        let why = why.to_owned();
        return vec![pointer(cause, Proof::Proven, Some(group), title, why, &rests)];
    }
    let computers = difference(differences, "computer");
    let stale_proof = if computers.is_some() { Proof::Likely } else { Proof::Possible };
    let mut rests = moved.clone();
    rests.extend(computers);
    let stale = pointer(
        &dns::stale_address::CAUSE,
        stale_proof,
        None,
        format!("{host} has another address on each side, and one of them may be old"),
        match computers {
            Some(_) => "Another machine answers at each address, by its own word.".to_owned(),
            None => "Which machine answers at each address was not seen.".to_owned(),
        },
        &rests,
    );
    let differs = pointer(
        &dns::client_differs::CAUSE,
        Proof::Possible,
        None,
        format!("{host} is looked up in different ways on the two sides"),
        "Two name servers, a cache, a VPN or a suffix give a name two addresses, and so does a \
         name that moved between the runs."
            .to_owned(),
        &moved,
    );
    vec![stale, differs]
}

/// The side whose hosts file gave the addresses that were used, where the other side's does not
/// name the host.
fn overridden(groups: &Groups<'_, '_>) -> Option<Group> {
    let by_file = |group| groups.runs(group).iter().all(|run| entry_used(run));
    let without = |group| groups.runs(group).iter().all(|run| look::hosts_entry(run).is_none());
    [Group::First, Group::Second]
        .into_iter()
        .find(|group| by_file(*group) && without(group.other()))
}

fn entry_used(run: &Evidence<'_>) -> bool {
    let Some(entry) = look::hosts_entry(run) else { return false };
    let resolved = run.all(|fact| match fact {
        Fact::NameResolved { addresses, .. } => Some(addresses),
        _ => None,
    });
    resolved.last().is_some_and(|seen| seen.value.iter().any(|a| entry.value.contains(a)))
}
