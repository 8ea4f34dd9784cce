//! Changes that nobody confirms are taken back.

use rdpdoctor_host::changes::{StateFolder, confirm, take_back_what_is_overdue, watch};
use rdpdoctor_host::fake::FakeSystem;

use crate::common::*;

/// A run that waits for a word: the machine after it, and where it is kept.
fn waiting(seconds: u64) -> (FakeSystem, tempfile::TempDir, StateFolder, String) {
    let mut machine = machine();
    let plan = plan_of(&machine, every_change());
    let folder = tempfile::tempdir().expect("a folder");
    let state = state_folder(folder.path());
    let (run, mut journal) = state.begin(began(plan, Some(seconds))).expect("a run");
    let command = ["rdpdoctor".to_owned()];
    let mut listener = Listener::that_fails(0);
    let result = apply(&mut machine, &mut listener, &mut journal, &command, &mut on());
    assert!(matches!(result, Ok(Applied::Awaiting(_))), "{result:?}");
    assert_eq!(machine.at_start.len(), 1);
    (machine, folder, state, run)
}

#[test]
fn it_fires_when_nobody_confirms() {
    let (mut after, _folder, state, run) = waiting(0);
    let watched = watch(&mut after, &Watch { state: &state, run: &run }, &mut on());
    let Ok(Watched::RolledBack(Some(back))) = watched else { panic!("{watched:?}") };
    assert!(back.why.contains("nobody confirmed"), "{}", back.why);
    assert_eq!(comparable(&after), comparable(&machine()));
    assert!(after.at_start.is_empty());
}

#[test]
fn it_stays_when_somebody_does() {
    let (mut machine, _folder, state, run) = waiting(600);
    let here = Watch { state: &state, run: &run };
    let after = comparable(&machine);
    assert_eq!(confirm(&mut machine, &here, "anna", &mut on()).expect("a journal"), Watched::Kept);
    assert_eq!(watch(&mut machine, &here, &mut on()).expect("a journal"), Watched::Kept);
    assert_eq!(confirm(&mut machine, &here, "anna", &mut on()).expect("a journal"), Watched::Kept);
    assert_eq!(machine.files, after.files);
    assert!(machine.at_start.is_empty());
}

#[test]
fn too_late_is_too_late() {
    let (mut after, _folder, state, run) = waiting(0);
    let here = Watch { state: &state, run: &run };
    let late = confirm(&mut after, &here, "anna", &mut on()).expect("a journal");
    assert!(matches!(late, Watched::RolledBack(Some(_))), "{late:?}");
    assert_eq!(comparable(&after), comparable(&machine()));
    let again = confirm(&mut after, &here, "anna", &mut on()).expect("a journal");
    assert_eq!(again, Watched::RolledBack(None));
}

#[test]
fn a_start_of_the_machine_in_between_takes_it_back() {
    let (mut after, _folder, state, run) = waiting(600);
    after.boot = Some("2".to_owned());
    let watched = watch(&mut after, &Watch { state: &state, run: &run }, &mut on());
    let Ok(Watched::RolledBack(Some(back))) = watched else { panic!("{watched:?}") };
    assert!(back.why.contains("started anew"), "{}", back.why);
    after.boot = Some("1".to_owned());
    assert_eq!(comparable(&after), comparable(&machine()));
}

/// Somebody gets in from outside while it waits: a machine whose sessions change under the watch.
#[test]
fn a_connection_from_outside_confirms() {
    let (machine, folder, state, run) = waiting(600);
    let path = folder.path().join("machine.json");
    rdpdoctor_host::MachineFile::write(&path, &machine).expect("written");
    let mut watched = rdpdoctor_host::MachineFile::open(&path).expect("a machine");
    let mut came_in = machine;
    let watcher = std::thread::spawn({
        let (state, run) = (state.clone(), run.clone());
        move || watch(&mut watched, &Watch { state: &state, run: &run }, &mut on())
    });
    came_in.sessions.push(session(9, 0));
    // Again and again: the watch takes whoever is there when it begins as known.
    while !watcher.is_finished() {
        came_in.sessions.last_mut().expect("a session").session += 1;
        let number = came_in.sessions.last().expect("a session").session;
        came_in.sessions.last_mut().expect("a session").station = format!("RDP-Tcp#{number}");
        rdpdoctor_host::MachineFile::write(&path, &came_in).expect("written");
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    assert_eq!(watcher.join().expect("no panic").expect("a journal"), Watched::Kept);
    let journal = state.journal(&run).expect("a journal");
    let by = journal.records().iter().find_map(|record| match &record.entry {
        Entry::Confirmed { by } => Some(by.clone()),
        _ => None,
    });
    assert!(by.is_some_and(|by| by.contains("10.0.0.5")));
}

#[test]
fn what_nobody_looks_after_is_taken_back_by_whoever_comes_next() {
    let (mut after, _folder, state, run) = waiting(0);
    let held = state.try_watch(&run).expect("a lock").expect("free");
    assert_eq!(take_back_what_is_overdue(&mut after, &state, &mut on()).expect("journals"), []);
    drop(held);
    let taken = take_back_what_is_overdue(&mut after, &state, &mut on()).expect("journals");
    assert_eq!(taken.len(), 1);
    assert_eq!(comparable(&after), comparable(&machine()));

    let (mut after, _folder, state, _run) = waiting(600);
    assert_eq!(take_back_what_is_overdue(&mut after, &state, &mut on()).expect("journals"), []);
}

#[test]
fn one_run_at_a_time() {
    let (machine, _folder, state, run) = waiting(600);
    let second = state.begin(began(plan_of(&machine, Vec::new()), None));
    assert_eq!(
        second.err().map(|error| error.to_string()),
        Some(format!("run {run} is not over: confirm it, or roll it back, first"))
    );
    for name in ["", "..", "../..", "20261121-101010/..", "20261121-101011"] {
        assert!(state.journal(name).is_err(), "{name}");
    }
}
