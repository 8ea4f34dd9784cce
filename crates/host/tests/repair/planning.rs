//! What a plan holds, and what it leaves out.

use rdpdoctor_host::changes::{chosen, drift, plan};
use rdpdoctor_host::{Side, fake::FakeSystem};
use rdpdoctor_model::{Change, Lookup, RegistryData, Timestamp, UserCount, WayIn};

use crate::common::*;

const POLICY: &str = r"HKLM\SOFTWARE\Policies\Microsoft\Windows NT\Terminal Services";

fn with_policy() -> FakeSystem {
    machine().with(POLICY, "fDenyTSConnections", RegistryData::Dword(1))
}

#[test]
fn what_a_policy_owns_is_refused_by_its_path() {
    let plan = plan_of(&with_policy(), vec![every_change().remove(0)]);
    assert_eq!(plan.fixes, []);
    assert_eq!(plan.refused[0].policies, [format!(r"{POLICY}\fDenyTSConnections")]);
    assert!(plan.refused[0].why.contains("policy"));

    let machine = with_policy();
    let proposals = vec![proposal(vec![every_change().remove(0)])];
    let stop_gap = plan_with(&machine, proposals);
    let fix = &stop_gap.fixes[0];
    assert_eq!(fix.stop_gap, [format!(r"{POLICY}\fDenyTSConnections")]);
    let names: Vec<_> = fix
        .steps
        .iter()
        .map(|step| match &step.change {
            Change::RegistryValue { key, data, .. } => (key.as_str(), data.is_some()),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(names, [(POLICY, false), (SERVER, true)]);
}

fn plan_with(
    machine: &FakeSystem,
    proposals: Vec<rdpdoctor_model::Proposal>,
) -> rdpdoctor_model::Plan {
    plan(machine, Side::Host, proposals, true, Timestamp::now())
}

/// NLA that a policy demands is not lifted, not even as a stop-gap.
#[test]
fn a_stop_gap_weakens_nothing() {
    let machine = machine().with(POLICY, "UserAuthentication", RegistryData::Dword(1));
    let mut about_nla = proposal(vec![every_change().remove(0)]);
    about_nla.policies.push((POLICY.to_owned(), "UserAuthentication".to_owned()));
    let plan = plan_with(&machine, vec![about_nla]);
    assert_eq!(plan.fixes, []);
    assert!(plan.refused[0].why.contains("NLA"), "{}", plan.refused[0].why);
}

#[test]
fn what_nobody_could_look_at_is_not_changed() {
    let mut machine = machine();
    machine.unreadable.push(SERVER.to_lowercase());
    let plan = plan_of(&machine, vec![every_change().remove(0)]);
    assert_eq!(plan.fixes, []);
    assert!(plan.refused[0].why.contains("no way back"), "{}", plan.refused[0].why);
    let gone = Change::StartService { name: "NoSuch".to_owned() };
    assert!(plan_of(&machine, vec![gone]).refused[0].why.contains("no such service"));
}

#[test]
fn who_is_at_work_and_what_ends_their_sessions() {
    let mut machine = machine().with(POLICY, "MaxDisconnectionTime", RegistryData::Dword(300_000));
    machine.sessions = vec![session(1, 0), session(2, 0), session(3, 0), session(5, 4)];
    machine.sessions[0].own = true;
    let at_work = plan_of(&machine, every_change()).sessions;
    assert_eq!(at_work.users, Lookup::seen(UserCount { connected: 3, disconnected: 1 }));
    assert_eq!((at_work.own, at_work.ends_disconnected_after_ms), (Some(1), Some(300_000)));
    assert!(at_work.by_policy);
}

#[test]
fn what_it_touches_of_the_way_in() {
    let plan = plan_of(&machine(), every_change());
    let touched: Vec<_> = plan.certain_steps().map(|step| step.way_in).collect();
    use WayIn::{Listener, Service};
    let none = None;
    assert_eq!(
        touched,
        [
            Some(Listener),
            Some(Listener),
            Some(Listener),
            Some(Listener),
            Some(Service),
            Some(Service),
            Some(Listener),
            none,
            Some(Listener),
        ]
    );
}

#[test]
fn the_port_that_is_tried_is_the_one_that_is_set() {
    let port = Change::RegistryValue {
        key: LISTENER.to_owned(),
        name: "PortNumber".to_owned(),
        data: Some(RegistryData::Dword(4000)),
    };
    assert_eq!(plan_of(&machine(), vec![port]).handshake_port, Some(4000));
    assert_eq!(plan_of(&machine(), every_change()).handshake_port, Some(3389));
}

#[test]
fn some_of_it_and_what_has_drifted() {
    let machine = machine();
    let approved = plan_of(&machine, every_change());
    for name in ["host.test", "test", "mend-it"] {
        assert_eq!(chosen(&approved, &[name.to_owned()]).as_ref(), Ok(&approved));
    }
    assert_eq!(chosen(&approved, &["host.other".to_owned()]), Err("host.other".to_owned()));

    assert_eq!(drift(&approved, &plan_of(&machine, every_change())), Vec::<String>::new());
    let mut other = machine.clone();
    other.files.get_mut(&KEY_FILE.to_lowercase()).expect("the file").0.access =
        Lookup::seen("O:SYG:SYD:PAI(A;;FA;;;BA)".to_owned());
    assert_eq!(drift(&approved, &plan_of(&other, every_change())).len(), 1);
    let nothing = plan(&machine, Side::Host, Vec::new(), false, Timestamp::now());
    assert!(drift(&approved, &nothing).iter().any(|line| line.contains("nothing asks for")));
}

/// Causes whose facts tell what is in a file and not the file itself: whether it can be moved aside only
/// the machine knows.
const OF_THE_MACHINE_ALONE: [&str; 1] = ["client.cache-corrupt"];

/// A machine that is known by its facts asks for the same repair.
#[test]
fn a_machine_and_its_facts_have_one_plan() {
    for (cause, machine, plan) in mends() {
        if OF_THE_MACHINE_ALONE.contains(&cause.as_str()) {
            continue;
        }
        let side = if cause.starts_with("client.") { Side::Client } else { Side::Host };
        let facts = rdpdoctor_host::collect(&machine, side);
        let again = planned(&machine_of(&facts), facts, side);
        let changes = |plan: &rdpdoctor_model::Plan| -> Vec<Change> {
            plan.certain_steps().map(|step| step.change.clone()).collect()
        };
        assert_eq!(changes(&again), changes(&plan), "{cause}");
    }
}
