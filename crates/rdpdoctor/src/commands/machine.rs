//! `host` and `client`: the facts of a Windows machine, and what they say.

use anyhow::{bail, ensure};
use rdpdoctor_diagnosis::codes::parse_reported;
use rdpdoctor_host::{Side, collect};

use super::{exit_code, fix};
use crate::cli_machine::{MachineAction, MachineArgs, PlaceArgs};
use crate::machine::MachineFacts;
use crate::{output, repair};

/// Looks at the machine and judges, or does what else was asked.
pub fn run(side: Side, args: &MachineArgs) -> anyhow::Result<u8> {
    match &args.action {
        Some(MachineAction::Collect(_)) => bail!("{}", not_windows(side)),
        Some(MachineAction::Fix(args)) => fix::run(side, args),
        Some(MachineAction::Confirm(args)) => super::run::confirmed(side, args),
        Some(MachineAction::Rollback(args)) => super::run::taken_back(side, args),
        Some(MachineAction::WatchRun(args)) => fix::watch_run(side, args),
        None => {
            let reported = args.output.reported.as_deref().map(parse_reported).transpose()?;
            let document = facts(side, &args.place)?.judged(reported);
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
        return Ok(MachineFacts { side, facts: collect(&*machine, side), file: None });
    }
    let [path] = place.facts.as_slice() else { bail!("{}", not_windows(side)) };
    let facts = MachineFacts::read(path)?;
    ensure!(
        facts.side == side,
        "{} holds facts of the other end; use rdpdoctor {}",
        path.display(),
        name(facts.side)
    );
    Ok(facts)
}

/// The command of a side.
pub fn name(side: Side) -> &'static str {
    match side {
        Side::Host => "host",
        Side::Client => "client",
    }
}

/// Why the machine itself cannot be looked at.
pub fn not_windows(side: Side) -> String {
    format!(
        "this machine does not run Windows; give rdpdoctor {} --facts FILE with facts from one that \
         does, or --disk with its disk",
        name(side)
    )
}
