//! A run is killed at every point of it, by SIGKILL, and whoever starts next finds its journal: it is
//! finished, or taken back, and the machine is whole either way.
//!
//! The process that is killed is this very program, started as `killed child ...`: it stops at each
//! point, says so, and goes on when it is told to.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "all of it is tests; clippy allows these by itself only inside test functions"
)]

mod common;

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Command, ExitCode, Stdio};

use common::*;
use rdpdoctor_host::MachineFile;
use rdpdoctor_host::fake::FakeSystem;
use rdpdoctor_model::Plan;

/// A machine and a plan for it, by the name of what is tried.
fn scenes() -> Vec<(String, FakeSystem, Plan, usize)> {
    let start = machine();
    let plan = plan_of(&start, every_change());
    // Its handshake fails until the last service was restarted, so that the restarts are cut as well.
    let mut all = vec![("every change".to_owned(), start, plan, 2)];
    all.extend(mends().into_iter().map(|(cause, machine, plan)| (cause, machine, plan, 0)));
    all
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().collect();
    match arguments.get(1..) {
        Some([word, what, folder, fails]) if word == "child" => {
            child(what, Path::new(folder), fails.parse().expect("a number"));
        }
        _ => {
            let mut points = 0;
            for (name, machine, plan, fails) in scenes() {
                points += killed_everywhere(&name, &machine, &plan, fails);
            }
            println!("killed at {points} points, recovered from each in both ways");
        }
    }
    ExitCode::SUCCESS
}

/// Carries a run out, or takes it back, and waits for a line at each point.
fn child(what: &str, folder: &Path, fails: usize) {
    let mut machine = MachineFile::open(&folder.join("machine.json")).expect("a machine");
    let state = state_folder(folder);
    let run = state.names().expect("runs").pop().expect("a run");
    let _lock = state.lock(&run).expect("a lock");
    let mut journal = state.journal(&run).expect("a journal");
    let mut lines = std::io::stdin().lines();
    let mut pace = |point| {
        println!("{point:?}");
        std::io::stdout().flush().expect("a parent");
        lines.next().expect("a parent").expect("a line");
    };
    match what {
        "apply" => {
            let mut listener = Listener::that_fails(fails);
            apply(&mut machine, &mut listener, &mut journal, &[], &mut pace).expect("a journal");
        }
        _ => {
            roll_back(&mut machine, &mut journal, "asked for", &mut pace).expect("a journal");
        }
    }
}

/// Starts the child and kills it at its point `at`, from 0; whether it got so far.
fn killed_at(folder: &Path, what: &str, fails: usize, at: usize) -> bool {
    let mut child = Command::new(std::env::current_exe().expect("a path"))
        .args(["child", what])
        .arg(folder)
        .arg(fails.to_string())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("it starts");
    let mut input = child.stdin.take().expect("a pipe");
    let mut points = BufReader::new(child.stdout.take().expect("a pipe")).lines();
    for point in 0.. {
        let Some(line) = points.next() else { break };
        line.expect("a line");
        if point == at {
            child.kill().expect("it lives");
            child.wait().expect("it ends");
            return true;
        }
        writeln!(input).expect("it lives");
    }
    assert!(child.wait().expect("it ends").success(), "{what} fails without being killed");
    false
}

/// A folder with the machine in a file and a run that was begun.
fn begun(machine: &FakeSystem, plan: &Plan) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    MachineFile::write(&folder.path().join("machine.json"), machine).expect("written");
    let state = state_folder(folder.path());
    state.begin(began(plan.clone(), None)).expect("a run");
    folder
}

fn machine_in(folder: &Path) -> FakeSystem {
    let text = std::fs::read_to_string(folder.join("machine.json")).expect("a machine");
    serde_json::from_str(&text).expect("a machine")
}

/// Carries on in this process with what the killed one left.
fn carry_on(folder: &Path, forth: bool) -> FakeSystem {
    let state = state_folder(folder);
    let run = state.names().expect("runs").pop().expect("a run");
    let mut machine = MachineFile::open(&folder.join("machine.json")).expect("a machine");
    let mut journal = state.journal(&run).expect("a journal");
    let _free = state.lock(&run).expect("who was killed holds no lock");
    if forth {
        let mut listener = Listener::that_fails(0);
        apply(&mut machine, &mut listener, &mut journal, &[], &mut on()).expect("a journal");
    } else {
        let back = roll_back(&mut machine, &mut journal, "cut off", &mut on()).expect("a journal");
        assert_eq!(back.left, []);
        assert_eq!(journal.phase(), Phase::Ended(Outcome::RolledBack));
    }
    machine_in(folder)
}

/// What the machine is when nobody is killed.
fn undisturbed(machine: &FakeSystem, plan: &Plan) -> FakeSystem {
    let folder = begun(machine, plan);
    carry_on(folder.path(), true)
}

fn killed_everywhere(name: &str, machine: &FakeSystem, plan: &Plan, fails: usize) -> usize {
    let applied = comparable(&undisturbed(machine, plan));
    assert_ne!(applied, comparable(machine), "{name}: nothing is changed");
    let mut points = 0;
    // On the way forth: finished by the next one, or taken back by it.
    for at in 0.. {
        let folder = begun(machine, plan);
        if !killed_at(folder.path(), "apply", fails, at) {
            break;
        }
        let finished = carry_on(folder.path(), true);
        // A file that was moved aside has the run's name in its own.
        assert_eq!(nameless(&finished), nameless(&applied), "{name}: finished after {at}");
        assert_eq!(
            restorable(&carry_on(folder.path(), false)),
            restorable(machine),
            "{name}: {at}"
        );

        let folder = begun(machine, plan);
        assert!(killed_at(folder.path(), "apply", fails, at));
        let back = carry_on(folder.path(), false);
        assert_eq!(restorable(&back), restorable(machine), "{name}: taken back after {at}");
        points += 1;
    }
    // On the way back: the next one goes on with it.
    for at in 0.. {
        let folder = begun(machine, plan);
        carry_on(folder.path(), true);
        if !killed_at(folder.path(), "back", 0, at) {
            break;
        }
        let back = carry_on(folder.path(), false);
        assert_eq!(restorable(&back), restorable(machine), "{name}: back after {at}");
        points += 1;
    }
    assert!(points > 4, "{name}: only {points} points");
    points
}

/// The machine with the names of runs taken out of the names of files.
fn nameless(machine: &FakeSystem) -> FakeSystem {
    let mut machine = comparable(machine);
    let files = std::mem::take(&mut machine.files);
    let plain = |path: String| match path.split_once(".rdpdoctor-") {
        Some((path, _)) => format!("{path}.rdpdoctor"),
        None => path,
    };
    machine.files = files.into_iter().map(|(path, file)| (plain(path), file)).collect();
    machine
}
