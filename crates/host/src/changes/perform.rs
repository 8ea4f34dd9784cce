//! One step forth, and one back. Both may be done twice: whoever was killed in between does it again.

use rdpdoctor_model::{Change, Lookup, ServiceState, State};

use super::journal::{Entry, Journal, JournalError};
use super::{normal, state};
use crate::System;
use crate::system::{Changed, Mutable, NotChanged};

/// Why a step was not done.
pub(super) enum Failed {
    /// The machine would not.
    Machine(NotChanged),
    /// The journal could not be written; nothing goes on without it.
    Journal(JournalError),
}

impl From<NotChanged> for Failed {
    fn from(error: NotChanged) -> Self {
        Self::Machine(error)
    }
}

impl From<JournalError> for Failed {
    fn from(error: JournalError) -> Self {
        Self::Journal(error)
    }
}

/// Where a file lies that a run moved aside.
pub(super) fn aside(path: &str, run: &str) -> String {
    format!("{path}.rdpdoctor-{run}")
}

/// Does a step.
pub(super) fn forth(
    machine: &mut dyn Mutable,
    journal: &mut Journal,
    step: usize,
    change: &Change,
) -> Result<(), Failed> {
    match change {
        Change::RegistryValue { key, name, data } => {
            machine.set_registry_value(key, name, data.as_ref())?;
        }
        Change::ServiceStart { name, start } => machine.set_service_start(name, *start)?,
        Change::StartService { name } => machine.start_service(name)?,
        Change::RestartService { name } => restart(machine, journal, step, name)?,
        Change::FileAccess { path, sddl } => machine.set_file_access(path, sddl)?,
        Change::MoveFileAside { path } => {
            let to = aside(path, &journal.began()?.run);
            // Done already by somebody who was killed before saying so.
            if !machine.file(path).is_absent() {
                machine.move_file(path, &to)?;
            }
        }
        Change::RemoveCertificate { store, thumbprint } => {
            machine.set_certificate(store, thumbprint, None)?;
        }
        Change::RemoveCredential { target } => machine.remove_credential(target)?,
        Change::ResetSession { session } => machine.reset_session(*session)?,
    }
    Ok(())
}

/// What runs is stopped and started; what does not is started. Those that need it are written down
/// first: whoever is killed in the middle would not know them any more.
fn restart(
    machine: &mut dyn Mutable,
    journal: &mut Journal,
    step: usize,
    name: &str,
) -> Result<(), Failed> {
    let mut services = machine.running_dependents(name)?;
    for known in journal.stopped(step) {
        if !services.contains(&known) {
            services.push(known);
        }
    }
    journal.add(Entry::Stopped { step, services: services.clone() })?;
    machine.stop_service(name)?;
    machine.start_service(name)?;
    for service in services {
        machine.start_service(&service)?;
    }
    Ok(())
}

/// Whether there is a way back at all.
pub(super) fn can_go_back(change: &Change) -> bool {
    !matches!(change, Change::RemoveCredential { .. } | Change::ResetSession { .. })
}

/// Puts back what stood there before the step.
pub(super) fn back(
    machine: &mut dyn Mutable,
    journal: &Journal,
    step: usize,
    change: &Change,
    before: &State,
) -> Result<(), Failed> {
    // What is as it was is left alone; behind a restart and in keys that were made more is to be seen
    // to than the state says.
    let more = matches!(change, Change::RestartService { .. } | Change::RegistryValue { .. });
    if !more && confirm_back(machine, change, before).is_ok() {
        return Ok(());
    }
    match (change, before) {
        (Change::RegistryValue { key, name, .. }, State::RegistryValue { data, missing_key }) => {
            if confirm_back(machine, change, before).is_err() {
                machine.set_registry_value(key, name, data.as_seen())?;
            }
            if let Some(top) = missing_key {
                remove_made_keys(machine, key, top)?;
            }
        }
        (Change::ServiceStart { name, .. }, State::ServiceStart { start }) => {
            if let Some(start) = start.as_seen().and_then(|start| u32::try_from(*start).ok()) {
                machine.set_service_start(name, start)?;
            }
        }
        (Change::StartService { name }, State::Service { current }) => {
            let running = Lookup::seen(ServiceState::RUNNING);
            let now = machine.service(name).map_seen(|state| state.current);
            if *current != running && now == running {
                machine.stop_service(name)?;
            }
        }
        (Change::RestartService { name }, State::Service { current }) => {
            if current.as_seen() == Some(&ServiceState::RUNNING) {
                machine.start_service(name)?;
            } else {
                machine.stop_service(name)?;
            }
            for service in journal.stopped(step) {
                machine.start_service(&service)?;
            }
        }
        (Change::FileAccess { path, .. }, State::FileAccess { sddl }) => {
            if let Some(sddl) = sddl.as_seen() {
                machine.set_file_access(path, sddl)?;
            }
        }
        (Change::MoveFileAside { path }, State::File { .. }) => {
            let from = aside(path, &journal.began()?.run);
            if !machine.file(&from).is_absent() {
                machine.move_file(&from, path)?;
            }
        }
        (Change::RemoveCertificate { store, thumbprint }, State::Certificate { entry }) => {
            machine.set_certificate(store, thumbprint, entry.as_seen())?;
        }
        _ => {}
    }
    confirm_back(machine, change, before)
}

/// The state read again is the one before.
fn confirm_back(machine: &dyn Mutable, change: &Change, before: &State) -> Result<(), Failed> {
    let as_system: &dyn System = machine;
    let now = state::read(as_system, change);
    if !can_go_back(change) || state::same(&now, before) {
        return Ok(());
    }
    Err(NotChanged::because("it was put back, and is read otherwise").into())
}

/// Keys that a step made on the way to its value, the lowest first, as far as they hold nothing.
fn remove_made_keys(machine: &mut dyn Mutable, key: &str, top: &str) -> Changed {
    let mut part = key;
    while normal::key(part).starts_with(&normal::key(top)) {
        machine.remove_empty_key(part)?;
        match part.rsplit_once('\\') {
            Some((above, _)) => part = above,
            None => break,
        }
    }
    Ok(())
}
