//! The way to change a machine: a handful of verbs, each with a way back.

use rdpdoctor_model::{Hex, Lookup, RegistryData};

use super::System;
use crate::store;

/// Why a machine was not changed, in words that complete "could not: ...".
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct NotChanged(pub String);

impl NotChanged {
    /// In these words.
    pub fn because(why: impl Into<String>) -> Self {
        Self(why.into())
    }
}

/// How [`Mutable::came_by`] calls a shell of WinRM, which ends all of its processes with itself.
pub const WINRM_SESSION: &str = "a WinRM session";

/// What came of a change.
pub type Changed = Result<(), NotChanged>;

/// A Windows machine that can be changed. Each verb is done when it returns, and doing it again does
/// no harm: whoever was killed in between does it again.
///
/// What may be changed at all is not decided here; only the executor calls these.
pub trait Mutable: System {
    /// Sets a value, and makes the keys above it; without data the value is taken away.
    fn set_registry_value(&mut self, key: &str, name: &str, data: Option<&RegistryData>)
    -> Changed;

    /// Removes a key that holds nothing; one that holds something, or is not there, stays as it is.
    fn remove_empty_key(&mut self, key: &str) -> Changed;

    /// Sets how a service starts.
    fn set_service_start(&mut self, name: &str, start: u32) -> Changed;

    /// Starts a service, and waits until it runs.
    fn start_service(&mut self, name: &str) -> Changed;

    /// The services that run and need this one, in the order in which they have to be started.
    fn running_dependents(&self, name: &str) -> Result<Vec<String>, NotChanged>;

    /// Stops a service and before it what needs it, and waits until it is stopped.
    fn stop_service(&mut self, name: &str) -> Changed;

    /// Sets who may do what with a file: owner, group and DACL as far as the SDDL names them.
    fn set_file_access(&mut self, path: &str, sddl: &str) -> Changed;

    /// Moves a file on its volume; what has the new name already is never overwritten.
    fn move_file(&mut self, from: &str, to: &str) -> Changed;

    /// Removes a saved credential.
    fn remove_credential(&mut self, target: &str) -> Changed;

    /// Resets a session.
    fn reset_session(&mut self, session: u32) -> Changed;

    /// The entry of a certificate in a store; without bytes it is taken out.
    fn set_certificate(&mut self, store: &str, thumbprint: &str, entry: Option<&Hex>) -> Changed {
        let key = format!(r"{}\{thumbprint}", store::key_of(store));
        let data = entry.map(|entry| RegistryData::Binary(entry.clone()));
        self.set_registry_value(&key, "Blob", data.as_ref())?;
        if entry.is_none() { self.remove_empty_key(&key) } else { Ok(()) }
    }

    /// Who is at the keyboard, `DOMAIN\user`.
    fn user(&self) -> Lookup<String> {
        Lookup::unavailable("nobody asked the system who is signed in")
    }

    /// By which way the caller came, where that way could be cut by a change: `an RDP session`.
    fn came_by(&self) -> Option<String> {
        None
    }

    /// What differs from one start of the machine to the next.
    fn boot(&self) -> Lookup<String> {
        Lookup::unavailable("nobody asked the system when it was started")
    }

    /// Writes one entry to the Application log of Windows.
    fn log_event(&mut self, event: &LogEvent) -> Changed;

    /// Starts this program with a command as a process of the system's own, which does not end with the
    /// session of whoever asks for it, until [`Mutable::forget_at_start`]. None: there is no such way.
    fn start_apart(&mut self, _run: &str, _command: &[String]) -> Option<Changed> {
        None
    }

    /// Has a run looked after when the machine starts, until [`Mutable::forget_at_start`].
    fn look_after_at_start(&mut self, run: &str, command: &[String]) -> Changed;

    /// Has a run looked after no more; none is no error.
    fn forget_at_start(&mut self, run: &str) -> Changed;
}

/// An entry of the Application log.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct LogEvent {
    /// [`LogEvent::APPLIED`], [`LogEvent::ROLLED_BACK`].
    pub id: u32,
    /// What happened, in full sentences.
    pub text: String,
}

impl LogEvent {
    /// Changes were made.
    pub const APPLIED: u32 = 1;
    /// Changes were taken back.
    pub const ROLLED_BACK: u32 = 2;
}
