//! A bastion on one of the ways: its certificate and its answers are its own, and what the other side saw
//! of the machine behind it tells why it does not get there.

use rdpdoctor_model::{Fact, SecurityLayer, SecurityLayerAnswer};

use super::{difference, found, host, pointer};
use crate::bastions::{Known, known};
use crate::causes::{pam, tls};
use crate::compare::groups::Groups;
use crate::compare::{Difference, Group, Pointer};
use crate::{Evidence, Proof, Status};

/// HYBRID_REQUIRED_BY_SERVER (MS-RDPBCGR 2.2.1.2.2).
const NLA_REQUIRED: u32 = 5;

/// What other rules take for an interception is the bastion, and of its two faults one may be left.
pub(super) fn settle(
    groups: &Groups<'_, '_>,
    differences: &[Difference],
    pointers: &mut Vec<Pointer>,
) {
    let Some((group, known)) = on_one_side(groups) else { return };
    let intercepted = &tls::intercepted::CAUSE;
    if found(groups, group, intercepted).is_empty() {
        pointers.retain(|pointer| pointer.cause.id != intercepted.id);
    }
    needs_nla(groups, group, pointers);
    leave_out_coarser(pointers);
    if pointers.iter().any(|pointer| pointer.cause.id.area() == "pam") {
        return;
    }
    let aspects = ["certificate", "issuer", "answer", "computer"];
    let rests: Vec<_> =
        aspects.iter().filter_map(|aspect| difference(differences, aspect)).collect();
    let title = format!("{} stands in one of the ways", known.name);
    let why = format!("What differs is the bastion's own: the other side has none. {}", known.by);
    let cause = &pam::in_path::CAUSE;
    pointers.push(pointer(cause, known.proof, Some(group), title, why, &rests));
}

/// The group whose every run goes through a bastion, where no run of the other does.
fn on_one_side(groups: &Groups<'_, '_>) -> Option<(Group, Known)> {
    let of = |run: &Evidence<'_>| known(run).filter(|known| known.proof < Proof::Possible);
    [Group::First, Group::Second].into_iter().find_map(|group| {
        let all = groups.runs(group).iter().map(of).collect::<Option<Vec<_>>>()?;
        let none = groups.runs(group.other()).iter().all(|run| of(run).is_none());
        Some((group, all.into_iter().next()?)).filter(|_| none)
    })
}

/// The machine lives, and takes nothing but NLA: that it refuses the bastion is the weaker guess then.
fn needs_nla(groups: &Groups<'_, '_>, group: Group, pointers: &mut [Pointer]) {
    let mismatch = &pam::backend_security_mismatch::CAUSE;
    let other = group.other();
    let fine = groups.diagnoses(other).iter().all(|run| run.verdict.status != Status::Failed);
    if !fine || !groups.runs(other).iter().all(wants_nla) {
        return;
    }
    let Some(position) = pointers.iter().position(|p| p.cause.id == mismatch.id) else { return };
    pointers[position].proof = Proof::Likely;
    let direct = format!(
        "Without the bastion the sign-in of {} was reached, and it takes nothing but NLA. ",
        host(groups)
    );
    pointers[position].explanation.insert_str(0, &direct);
    for pointer in pointers.iter_mut() {
        if pointer.cause.id == pam::backend_refused::CAUSE.id {
            pointer.proof = Proof::Possible;
        }
    }
}

/// That the connection ended is said already by why the bastion ended it.
fn leave_out_coarser(pointers: &mut Vec<Pointer>) {
    let is_pam = |pointer: &Pointer| pointer.cause.id.area() == "pam";
    let finer: Vec<_> = pointers
        .iter()
        .filter(|pointer| is_pam(pointer) && pointer.proof < Proof::Possible)
        .flat_map(|pointer| pointer.cause.more_specific_than)
        .collect();
    pointers.retain(|pointer| is_pam(pointer) || !finer.contains(&&pointer.cause.id));
}

/// Asked for TLS alone, it said that NLA is needed.
fn wants_nla(run: &Evidence<'_>) -> bool {
    let refused = SecurityLayerAnswer::Refused { code: NLA_REQUIRED };
    let asked = run.all(|fact| match fact {
        Fact::SecurityLayerOffer { layer: SecurityLayer::Tls, answer, .. } => Some(*answer),
        _ => None,
    });
    asked.last().is_some_and(|seen| seen.value == refused)
}
