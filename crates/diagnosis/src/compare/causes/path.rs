//! One host, two ways to it: open from here and not from there, lossy, longer, and whose clock.

use std::collections::BTreeSet;

use rdpdoctor_model::{ConnectFailure, Fact, Stage};

use super::{cited, difference, host, pointer};
use crate::causes::{net, nla, tls};
use crate::compare::groups::Groups;
use crate::compare::{Difference, Group, Pointer, Value};
use crate::{Evidence, Proof, TcpResult};

/// Runs this close say something of the same state of the host.
const TOGETHER_MS: u64 = 3_600_000;

/// The port answers one side and not the other: the host lives, and something on the way blocks it.
pub(super) fn open_from_elsewhere(
    groups: &Groups<'_, '_>,
    differences: &[Difference],
) -> Vec<Pointer> {
    let Some(connection) = difference(differences, "connection") else { return Vec::new() };
    let silent =
        |run: &Evidence<'_>| matches!(run.tcp(), TcpResult::Failed(ConnectFailure::Timeout, _));
    let blocked = [Group::First, Group::Second].into_iter().find(|group| {
        let open = |run: &Evidence<'_>| run.tcp() == TcpResult::Connected;
        groups.runs(*group).iter().all(silent) && groups.runs(group.other()).iter().all(open)
    });
    let Some(group) = blocked.filter(|_| groups.same_host && together(groups)) else {
        return Vec::new();
    };
    if !asked_the_same(groups) {
        return Vec::new();
    }
    let title = format!("Something between one of the sides and {} blocks the port", host(groups));
    let why = "At about the same time the same port of the same address answered the other side. \
               A firewall on the way, or one on the host that admits only some senders, does this.";
    let cause = &net::port_blocked::CAUSE;
    vec![pointer(cause, Proof::Likely, Some(group), title, why.to_owned(), &[connection])]
}

/// One address takes other security layers from one side than from the other, in the same hour and
/// for the same offer: something that ends the connection itself answers one of them.
pub(super) fn other_layers(groups: &Groups<'_, '_>, differences: &[Difference]) -> Vec<Pointer> {
    let of_layers = |d: &&Difference| {
        d.stage == Stage::X224 && (d.aspect == "answer" || d.aspect.starts_with("security-layer "))
    };
    let rests: Vec<&Difference> = differences.iter().filter(of_layers).collect();
    let otherwise = ["offer", "computer", "way", "connection"];
    let explained = otherwise.iter().any(|aspect| difference(differences, aspect).is_some());
    let comparable = groups.same_host && together(groups) && asked_the_same(groups);
    if rests.is_empty() || explained || !comparable {
        return Vec::new();
    }
    let title = format!("Something may answer in the place of {} on one of the ways", host(groups));
    let why = "The same port of the same address takes other security layers from each side. A \
               device or bastion that ends the connection itself does this; so do several hosts \
               behind one address, and settings that were changed between the runs.";
    let cause = &tls::intercepted::CAUSE;
    vec![pointer(cause, Proof::Possible, None, title, why.to_owned(), &rests)]
}

/// Whether all runs are of the same hour.
fn together(groups: &Groups<'_, '_>) -> bool {
    let runs = || groups.evidence.iter().flat_map(|runs| runs.iter());
    runs().all(|a| {
        runs().all(|b| a.judged_at.millis_since(b.judged_at).unsigned_abs() <= TOGETHER_MS)
    })
}

/// Whether the side that got no answer asked an address that answered the other side.
fn asked_the_same(groups: &Groups<'_, '_>) -> bool {
    let asked = |group: Group| -> BTreeSet<_> {
        let remotes = groups.runs(group).iter().flat_map(|run| {
            run.all(|fact| match fact {
                Fact::TcpConnected { remote, .. } | Fact::TcpFailed { remote, .. } => Some(*remote),
                _ => None,
            })
        });
        remotes.map(|seen| seen.value).collect()
    };
    let (first, second) = (asked(Group::First), asked(Group::Second));
    !first.is_disjoint(&second)
}

/// One side loses more, beyond what chance explains.
pub(super) fn more_loss(groups: &Groups<'_, '_>, differences: &[Difference]) -> Vec<Pointer> {
    let Some(loss) = difference(differences, "loss") else { return Vec::new() };
    let group = lossier(groups);
    let title = format!("Packets between one of the sides and {} get lost", host(groups));
    let why = format!(
        "{} against {}: the two shares differ by more than chance explains.",
        texts(loss.of(Group::First)),
        texts(loss.of(Group::Second))
    );
    vec![pointer(&net::packet_loss::CAUSE, Proof::Likely, Some(group), title, why, &[loss])]
}

fn lossier(groups: &Groups<'_, '_>) -> Group {
    let share = |group| {
        let series = groups.runs(group).iter().filter_map(crate::causes::look::echo_series);
        series
            .map(|seen| f64::from(seen.value.lost) / f64::from(seen.value.sent.max(1)))
            .fold(0.0, f64::max)
    };
    if share(Group::First) > share(Group::Second) { Group::First } else { Group::Second }
}

/// The same machine takes much longer to the same host: the way is another one.
pub(super) fn longer(groups: &Groups<'_, '_>, differences: &[Difference]) -> Vec<Pointer> {
    let Some(trip) = difference(differences, "round-trip") else { return Vec::new() };
    let elsewhere = difference(differences, "machine").is_some();
    if !groups.same_host || elsewhere {
        return Vec::new();
    }
    let mut rests = vec![trip];
    let moved = difference(differences, "own-address");
    rests.extend(moved);
    let proof = if moved.is_some() { Proof::Likely } else { Proof::Possible };
    let why = format!(
        "{} against {} from the same machine. {}",
        texts(trip.of(Group::First)),
        texts(trip.of(Group::Second)),
        match moved {
            Some(_) => "It left by another address of its own: another network, or a VPN.",
            None => "Another route, a VPN or a line that is full does this.",
        }
    );
    let title = format!("The way to {} is not the same", host(groups));
    vec![pointer(&net::path_changed::CAUSE, proof, None, title, why, &rests)]
}

/// One host, seen with two times by two machines: it is one of these machines that is wrong.
pub(super) fn clock(groups: &Groups<'_, '_>, differences: &[Difference]) -> Vec<Pointer> {
    let Some(clock) = difference(differences, "clock") else { return Vec::new() };
    let two = difference(differences, "machine");
    let title =
        "The clocks of a machine that checked and of the host are apart on one side".to_owned();
    let whose = match (groups.same_host, two.is_some()) {
        (true, true) => {
            "The host is the same, so it is the clock of one of the machines that checked."
        }
        (true, false) => "Host and machine are the same, so one of their clocks was set meanwhile.",
        (false, _) => "Which of the clocks is wrong the runs do not say.",
    };
    let why = format!(
        "{} against {}. {whose}",
        texts(clock.of(Group::First)),
        texts(clock.of(Group::Second))
    );
    let mut rests = vec![clock];
    rests.extend(two);
    let mut pointer = pointer(&nla::clock_skew::CAUSE, Proof::Likely, None, title, why, &rests);
    pointer.evidence = cited(&[clock]);
    vec![pointer]
}

/// What the runs of one side saw, each text once.
fn texts(values: &[Value]) -> String {
    let mut texts: Vec<&str> = Vec::new();
    for value in values {
        if !texts.contains(&value.text.as_str()) {
            texts.push(&value.text);
        }
    }
    texts.join(" or ")
}
