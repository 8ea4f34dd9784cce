//! `host` and `client`: the facts of a Windows machine, and what they say.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, ensure};
use rdpdoctor_diagnosis::codes::parse_reported;
use rdpdoctor_host::{Side, collect};

use super::{collect as collecting, exit_code, fix};
use crate::cli_machine::{MachineAction, MachineArgs, PlaceArgs};
use crate::machine::MachineFacts;
use crate::{output, remote, repair};

/// Looks at the machine and judges, or does what else was asked.
pub fn run(side: Side, args: &MachineArgs) -> anyhow::Result<u8> {
    match &args.action {
        Some(MachineAction::Collect(args)) => collecting::run(side, args),
        Some(MachineAction::Fix(args)) => fix::run(side, args),
        Some(MachineAction::Confirm(args)) => super::run::confirmed(side, args),
        Some(MachineAction::Rollback(args)) => super::run::taken_back(side, args),
        Some(MachineAction::WatchRun(args)) => fix::watch_run(side, args),
        None => {
            let reported = args.output.reported.as_deref().map(parse_reported).transpose()?;
            let mut facts = facts(side, &args.place)?;
            if side == Side::Host && args.place.is_here() {
                // Row H079: what the listener answers stands beside what is set.
                facts.outside = repair::listener(facts.target().port)?;
            }
            let document = facts.judged(reported);
            output::deliver(&document, &args.output)?;
            Ok(exit_code(&document))
        }
    }
}

/// The machine's facts, from wherever the user said.
pub fn facts(side: Side, place: &PlaceArgs) -> anyhow::Result<MachineFacts> {
    if let Some(disk) = &place.disk {
        return MachineFacts::of_disk(side, disk, place.profile.as_deref());
    }
    if let Some(machine) = repair::machine(place)? {
        return Ok(MachineFacts {
            side,
            facts: collect(&*machine, side),
            file: None,
            outside: Vec::new(),
            read: None,
        });
    }
    if let Some(host) = &place.remote.host {
        return remote::facts(side, host, &place.remote);
    }
    ensure!(!place.facts.is_empty(), not_windows(side));
    let paths: Vec<&Path> = place.facts.iter().map(PathBuf::as_path).collect();
    let mut machines = MachineFacts::read(&paths)?;
    ensure!(
        machines.len() < 2,
        "these are the facts of {} collections; give those of one, or rdpdoctor read for all",
        machines.len()
    );
    let facts = machines.pop().context("there are no facts in it")?;
    ensure!(
        facts.side == side,
        "{} holds facts of the other end; use rdpdoctor {}",
        facts.file.as_deref().unwrap_or("it"),
        facts.side.name()
    );
    Ok(facts)
}

/// The command of a side.
pub fn name(side: Side) -> &'static str {
    side.name()
}

/// That nothing can be asked here, and the ways that work.
pub fn not_windows(side: Side) -> String {
    let name = side.name();
    format!(
        "this machine does not run Windows; rdpdoctor {name} collect --script prints a script for one \
         that does, rdpdoctor {name} --facts FILE judges what it wrote, rdpdoctor {name} --disk DIR \
         reads a disk, rdpdoctor {name} --remote HOST asks another machine"
    )
}
