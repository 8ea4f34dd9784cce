//! The plan for a machine that does not run: what a command file for Windows' own tools can change
//! stays in it, the rest is refused.

use rdpdoctor_model::{Change, Fix, Plan, Proposal, RefusedFix};

use crate::System;
use crate::system::disk::{Script, reg_load_script};

/// The same proposals for a machine that does not run: a service that would be started or restarted
/// starts with the machine.
pub fn without_acts(mut proposals: Vec<Proposal>) -> Vec<Proposal> {
    for proposal in &mut proposals {
        if proposal.changes.iter().any(|change| !is_act(change)) {
            proposal.changes.retain(|change| !is_act(change));
        }
    }
    proposals
}

fn is_act(change: &Change) -> bool {
    matches!(change, Change::StartService { .. } | Change::RestartService { .. })
}

/// What of a plan a command file can change, and the plan without the rest.
pub fn offline(disk: &dyn System, mut plan: Plan) -> Plan {
    // Nothing answers and nobody can be cut off.
    plan.escalation.clear();
    plan.handshake_port = None;
    for fix in std::mem::take(&mut plan.fixes) {
        match reason_against(disk, &fix) {
            None => plan.fixes.push(without_way_in(fix)),
            Some(why) => plan.refused.push(RefusedFix {
                id: fix.id,
                title: fix.title,
                why: format!("a disk is not changed that way: {why}"),
                policies: Vec::new(),
            }),
        }
    }
    plan
}

/// The command files for what is left in a plan; none when nothing is.
pub fn command_files(disk: &dyn System, plan: &Plan) -> Option<Script> {
    let changes: Vec<Change> = plan.certain_steps().map(|step| step.change.clone()).collect();
    (!changes.is_empty()).then(|| reg_load_script(disk, &changes))
}

fn reason_against(disk: &dyn System, fix: &Fix) -> Option<&'static str> {
    if fix.steps.is_empty() {
        return Some("it would restart a service, and nothing runs on a disk");
    }
    let changes: Vec<Change> = fix.steps.iter().map(|step| step.change.clone()).collect();
    reg_load_script(disk, &changes).left_out.first().map(|(_, why)| *why)
}

fn without_way_in(mut fix: Fix) -> Fix {
    fix.steps.iter_mut().for_each(|step| step.way_in = None);
    fix
}

#[cfg(test)]
mod tests {
    use rdpdoctor_model::{Change, Proposal, RegistryData};

    use super::{command_files, offline, without_acts};
    use crate::Side;
    use crate::changes::plan;
    use crate::fake::FakeSystem;

    const SERVER: &str = r"HKLM\SYSTEM\CurrentControlSet\Control\Terminal Server";
    const SERVICE: &str = r"HKLM\SYSTEM\CurrentControlSet\Services\TermService";

    fn proposal(id: &str, changes: Vec<Change>) -> Proposal {
        Proposal {
            id: id.to_owned(),
            title: id.to_owned(),
            remedy: String::new(),
            does: String::new(),
            owner: String::new(),
            risk: String::new(),
            interrupts: String::new(),
            changes,
            policies: Vec::new(),
        }
    }

    fn planned(proposals: Vec<Proposal>) -> (rdpdoctor_model::Plan, FakeSystem) {
        let disk = FakeSystem::default()
            .with(r"HKLM\SYSTEM\Select", "Current", RegistryData::Dword(1))
            .with(SERVER, "fDenyTSConnections", RegistryData::Dword(1))
            .with(SERVICE, "Start", RegistryData::Dword(4))
            .running("SessionEnv");
        let made_at = "2026-11-20T10:00:00Z".parse().expect("a moment");
        let plan = plan(&disk, Side::Host, without_acts(proposals), false, made_at);
        (offline(&disk, plan), disk)
    }

    #[test]
    fn values_stay_and_what_runs_is_left_to_the_start() {
        let value = Change::RegistryValue {
            key: SERVER.to_owned(),
            name: "fDenyTSConnections".to_owned(),
            data: Some(RegistryData::Dword(0)),
        };
        let enable = Change::ServiceStart { name: "TermService".to_owned(), start: 3 };
        let start = Change::StartService { name: "TermService".to_owned() };
        let (plan, disk) = planned(vec![
            proposal("a.off", vec![value]),
            proposal("a.service", vec![enable, start]),
        ]);
        assert_eq!(plan.fixes.len(), 2, "{:?}", plan.refused);
        assert!(plan.steps().all(|step| step.way_in.is_none()));
        assert_eq!((plan.handshake_port, plan.escalation.len()), (None, 0));
        let script = command_files(&disk, &plan).expect("command files");
        assert_eq!(script.apply.matches("reg add").count(), 2, "{}", script.apply);
        assert_eq!(script.undo.matches("reg add").count(), 2, "{}", script.undo);
        assert!(script.left_out.is_empty());
    }

    #[test]
    fn the_rest_is_refused_in_a_line_each() {
        let restart = Change::RestartService { name: "SessionEnv".to_owned() };
        let aside = Change::MoveFileAside { path: r"C:\Users\a\Default.rdp".to_owned() };
        let (plan, disk) =
            planned(vec![proposal("a.restart", vec![restart]), proposal("a.file", vec![aside])]);
        assert_eq!((plan.fixes.len(), plan.refused.len()), (0, 2));
        assert!(plan.refused.iter().all(|refused| !refused.why.contains('\n')));
        assert_eq!(command_files(&disk, &plan), None);
    }
}
