//! `host` and `client`: the facts of a Windows machine, and what they say.

use anyhow::{bail, ensure};
use rdpdoctor_diagnosis::codes::parse_reported;
use rdpdoctor_host::Side;

use super::exit_code;
use crate::cli_machine::{MachineAction, MachineArgs, PlaceArgs};
use crate::machine::MachineFacts;
use crate::output;

/// Looks at the machine and judges, or does what else was asked.
pub fn run(side: Side, args: &MachineArgs) -> anyhow::Result<u8> {
    match &args.action {
        Some(MachineAction::Collect(_)) => bail!("{}", not_windows(side)),
        None => {
            let reported = args.output.reported.as_deref().map(parse_reported).transpose()?;
            let document = facts(side, &args.place)?.judged(reported);
            output::deliver(&document, &args.output)?;
            Ok(exit_code(&document))
        }
    }
}

/// The machine's facts, from wherever the user said.
fn facts(side: Side, place: &PlaceArgs) -> anyhow::Result<MachineFacts> {
    if let Some(disk) = &place.disk {
        return MachineFacts::of_disk(side, disk, place.profile.as_deref());
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

fn name(side: Side) -> &'static str {
    match side {
        Side::Host => "host",
        Side::Client => "client",
    }
}

fn not_windows(side: Side) -> String {
    format!(
        "this machine does not run Windows; give rdpdoctor {} --facts FILE with facts from one that \
         does, or --disk with its disk",
        name(side)
    )
}
