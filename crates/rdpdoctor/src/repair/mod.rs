//! What a repair needs around the executor: the machine, the folder of runs, the probe that verifies,
//! the process that looks after a run.

mod answer;
mod helper;
mod probe;

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use rdpdoctor_diagnosis::{Evidence, Policy, diagnose, mend};
use rdpdoctor_host::changes::{self, StateFolder};
use rdpdoctor_host::{Mutable, Side, System, collect};
use rdpdoctor_model::{Plan, Proposal, Timestamp};

pub use answer::deliver;
pub use helper::{Helper, begun, is_run, own_session, say_begun};
pub use probe::{Probe, listener, outside};

use crate::cli_machine::PlaceArgs;
use crate::machine::MachineFacts;

/// The machine that is changed; none where only facts of one are at hand.
pub fn machine(place: &PlaceArgs) -> anyhow::Result<Option<Box<dyn Mutable>>> {
    match &place.machine {
        Some(path) => Ok(Some(Box::new(rdpdoctor_host::MachineFile::open(path)?))),
        None => Ok(if place.is_here() { this_machine() } else { None }),
    }
}

/// The machine that this program runs on, where that is one of Windows.
pub fn this_machine() -> Option<Box<dyn Mutable>> {
    #[cfg(windows)]
    return Some(Box::new(rdpdoctor_host::system::live::Live));
    #[cfg(not(windows))]
    None
}

/// The folder of runs: the one that was named, else the system's place for such things.
pub fn state_folder(named: Option<&Path>) -> anyhow::Result<StateFolder> {
    let folder = match named {
        Some(folder) => folder.to_owned(),
        None => {
            usual_folder().context("this system has no place for journals; name one by --state")?
        }
    };
    Ok(StateFolder::open(&folder)?)
}

fn usual_folder() -> Option<PathBuf> {
    let variable =
        |name| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let base = if cfg!(windows) {
        // Of the machine, not of a user: whoever comes next must find it.
        variable("ProgramData")
    } else {
        variable("XDG_STATE_HOME").or_else(|| Some(variable("HOME")?.join(".local/state")))
    };
    Some(base?.join("rdpdoctor"))
}

/// The plan for a machine, from its facts as they are now.
pub fn plan(machine: &dyn System, side: Side, even_if_policy: bool) -> Plan {
    plan_from(&read(machine, side), machine, even_if_policy)
}

/// The machine's facts as they are now.
fn read(machine: &dyn System, side: Side) -> MachineFacts {
    MachineFacts {
        side,
        facts: collect(machine, side),
        file: None,
        outside: Vec::new(),
        read: None,
    }
}

/// The plan that facts ask for; `system` says what stands there.
pub fn plan_from(facts: &MachineFacts, system: &dyn System, even_if_policy: bool) -> Plan {
    let (proposals, read_at) = proposals(facts);
    changes::plan(system, facts.side, proposals, even_if_policy, read_at)
}

/// The plan for a machine that does not run: of what its disk asks for what a command file can
/// change.
pub fn plan_offline(disk: &dyn System, side: Side, even_if_policy: bool) -> Plan {
    let (proposals, read_at) = proposals(&read(disk, side));
    let proposals = changes::without_acts(proposals);
    changes::offline(disk, changes::plan(disk, side, proposals, even_if_policy, read_at))
}

/// What the causes that facts tell of propose, and when the facts were read.
fn proposals(facts: &MachineFacts) -> (Vec<Proposal>, Timestamp) {
    let observations = facts.observations();
    let read_at = observations.iter().find_map(|o| o.at).unwrap_or_else(Timestamp::now);
    let target = facts.target();
    let named = Some(&target).filter(|target| !target.host.is_empty());
    let evidence = Evidence::new(&observations, named, read_at, Policy::default());
    (mend::proposals(&diagnose(&evidence).findings, &evidence), read_at)
}
