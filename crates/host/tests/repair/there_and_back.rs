//! Every change is made, verified, taken back, and then nothing is left of it.

use rdpdoctor_host::changes::changed_since;
use rdpdoctor_host::fake::FakeSystem;
use rdpdoctor_host::system::LogEvent;
use rdpdoctor_model::{Change, Plan, ServiceState};

use crate::common::*;

/// Applies the plan on the machine; the machine, what came of it, and its run's name.
fn applied(
    machine: &mut FakeSystem,
    plan: &Plan,
    listener: &mut Listener,
) -> (Applied, tempfile::TempDir) {
    let folder = tempfile::tempdir().expect("a folder");
    let (_, mut journal) =
        state_folder(folder.path()).begin(began(plan.clone(), None)).expect("a run");
    let result = apply(machine, listener, &mut journal, &[], &mut on()).expect("a journal");
    (result, folder)
}

fn taken_back(machine: &mut FakeSystem, folder: &tempfile::TempDir) {
    let state = state_folder(folder.path());
    let run = state.names().expect("runs").pop().expect("a run");
    let mut journal = state.journal(&run).expect("a journal");
    let back = roll_back(machine, &mut journal, "asked for", &mut on()).expect("a journal");
    assert_eq!(back.left, []);
    assert_eq!(journal.phase(), Phase::Ended(Outcome::RolledBack));
}

#[test]
fn every_kind_of_change() {
    let before = machine();
    let plan = plan_of(&before, every_change());
    assert_eq!(plan.refused, []);
    assert_eq!(plan.certain_steps().count(), every_change().len(), "none is left out");

    let mut machine = before.clone();
    let (result, folder) = applied(&mut machine, &plan, &mut Listener::that_fails(0));
    assert_eq!(result, Applied::Kept);
    assert_ne!(comparable(&machine), comparable(&before));
    assert_eq!(machine.log.len(), 1);
    assert_eq!(machine.log[0].id, LogEvent::APPLIED);
    assert!(machine.log[0].text.contains("CHG-7"), "{}", machine.log[0].text);

    taken_back(&mut machine, &folder);
    assert_eq!(comparable(&machine), comparable(&before));
    assert_eq!(states(&machine, &plan), plan.steps().map(|s| s.before.clone()).collect::<Vec<_>>());
    assert_eq!(
        machine.log.iter().map(|event| event.id).collect::<Vec<_>>(),
        [LogEvent::APPLIED, LogEvent::ROLLED_BACK]
    );
}

#[test]
fn what_every_cause_proposes() {
    for (cause, before, plan) in mends() {
        let mut machine = before.clone();
        let (result, folder) = applied(&mut machine, &plan, &mut Listener::that_fails(0));
        assert_eq!(result, Applied::Kept, "{cause}");
        assert_ne!(comparable(&machine), comparable(&before), "{cause}: nothing was changed");
        taken_back(&mut machine, &folder);
        assert_eq!(restorable(&machine), restorable(&before), "{cause}");
    }
}

#[test]
fn services_are_restarted_only_while_a_handshake_fails() {
    let restarts = |fails: usize| {
        let mut machine = machine();
        let plan = plan_of(&machine, vec![every_change().remove(0)]);
        let mut listener = Listener::that_fails(fails);
        let folder = tempfile::tempdir().expect("a folder");
        let begun = state_folder(folder.path()).begin(began(plan, None));
        let (_, mut journal) = begun.expect("a run");
        let result = apply(&mut machine, &mut listener, &mut journal, &[], &mut on());
        let restarted =
            journal.records().iter().filter(|r| matches!(r.entry, Entry::Stopped { .. })).count();
        (result.expect("a journal"), restarted, machine)
    };
    assert_eq!((restarts(0).0, restarts(0).1), (Applied::Kept, 0));
    assert_eq!((restarts(1).0, restarts(1).1), (Applied::Kept, 1));
    let (result, restarted, after) = restarts(2);
    assert_eq!((result, restarted), (Applied::Kept, 2));
    for service in ["termservice", "sessionenv"] {
        assert_eq!(after.services[service].current, ServiceState::RUNNING, "{service}");
    }

    let (result, restarted, after) = restarts(3);
    let Applied::RolledBack(back) = result else { panic!("{result:?}") };
    assert!(back.why.contains("handshake"), "{}", back.why);
    assert_eq!((restarted, back.left), (2, Vec::new()));
    assert_eq!(comparable(&after), comparable(&machine()), "it goes back by itself");
}

#[test]
fn what_the_machine_refuses_leads_back() {
    for verb in ["set-start", "start-service umrdp", "set-access", "move", "set hklm\\software"] {
        let mut before = machine();
        before.refuses.push(verb.to_owned());
        let plan = plan_of(&before, every_change());
        let mut machine = before.clone();
        let (result, _folder) = applied(&mut machine, &plan, &mut Listener::that_fails(0));
        assert!(matches!(result, Applied::RolledBack(ref back) if back.left.is_empty()), "{verb}");
        assert_eq!(comparable(&machine), comparable(&before), "{verb}");
    }
}

#[test]
fn a_way_back_that_is_blocked_stays_open_until_it_is_free() {
    let before = machine();
    let plan = plan_of(&before, every_change());
    let mut machine = before.clone();
    let (_, folder) = applied(&mut machine, &plan, &mut Listener::that_fails(0));
    machine.refuses.push("set-access".to_owned());
    let state = state_folder(folder.path());
    let run = state.names().expect("runs").pop().expect("a run");
    let mut journal = state.journal(&run).expect("a journal");
    let back = roll_back(&mut machine, &mut journal, "asked for", &mut on()).expect("a journal");
    assert_eq!(back.left.len(), 1);
    assert_eq!(state.unfinished().expect("runs"), [(run.clone(), Phase::GoingBack)]);
    machine.refuses.clear();
    taken_back(&mut machine, &folder);
    assert_eq!(comparable(&machine), comparable(&before));
}

#[test]
fn what_is_there_is_not_what_was_planned() {
    let mut machine = machine();
    let plan = plan_of(&machine, every_change());
    machine = machine.with(SERVER, "fDenyTSConnections", rdpdoctor_model::RegistryData::Dword(2));
    let before = machine.clone();
    let (result, _folder) = applied(&mut machine, &plan, &mut Listener::that_fails(0));
    assert!(matches!(result, Applied::RolledBack(_)), "{result:?}");
    assert_eq!(comparable(&machine), comparable(&before));
}

#[test]
fn what_nobody_can_undo_is_said() {
    let mut machine = machine();
    let plan = plan_of(&machine, lost_changes());
    let (result, folder) = applied(&mut machine, &plan, &mut Listener::that_fails(0));
    assert_eq!(result, Applied::Kept);
    assert!(machine.credentials.is_empty() && machine.sessions.is_empty());
    let state = state_folder(folder.path());
    let run = state.names().expect("runs").pop().expect("a run");
    let mut journal = state.journal(&run).expect("a journal");
    let back = roll_back(&mut machine, &mut journal, "asked for", &mut on()).expect("a journal");
    assert_eq!((back.lost, back.left), (vec![1, 0], Vec::new()));
}

/// A plan that was written by somebody else goes through the same guard.
#[test]
fn the_executor_refuses_whoever_asks() {
    let before = machine();
    let mut plan = plan_of(&before, every_change());
    let steps = &mut plan.fixes[0].steps;
    steps[1].change = Change::RegistryValue {
        key: LISTENER.to_owned(),
        name: "UserAuthentication".to_owned(),
        data: Some(rdpdoctor_model::RegistryData::Dword(0)),
    };
    let mut machine = before.clone();
    let (result, _folder) = applied(&mut machine, &plan, &mut Listener::that_fails(0));
    let Applied::RolledBack(back) = result else { panic!("{result:?}") };
    assert!(back.why.contains("NLA"), "{}", back.why);
    assert_eq!(comparable(&machine), comparable(&before));
}

#[test]
fn what_somebody_else_changed_since_is_named() {
    let mut machine = machine();
    let plan = plan_of(&machine, every_change());
    let (_, folder) = applied(&mut machine, &plan, &mut Listener::that_fails(0));
    let state = state_folder(folder.path());
    let run = state.names().expect("runs").pop().expect("a run");
    let journal = state.journal(&run).expect("a journal");
    assert_eq!(changed_since(&machine, &journal).expect("a journal"), Vec::<usize>::new());
    let machine =
        machine.with(SERVER, "fDenyTSConnections", rdpdoctor_model::RegistryData::Dword(2));
    assert_eq!(changed_since(&machine, &journal).expect("a journal"), [0]);
}
