//! A machine that is made of what a test says: for the tests of whatever asks a [`System`].

mod form;
mod mutable;

use std::collections::BTreeMap;

use rdpdoctor_model::{
    FactsWay, FileState, LocalAccount, Lookup, NetworkAdapter, PortListener, RegistryData,
    SavedCredential, ServiceState, Volume, WindowsEvent, WindowsSession,
};

use serde::{Deserialize, Serialize};

use crate::System;
use crate::system::LogEvent;

/// A machine in memory. What was not said is absent; what is `unreadable` could not be looked at.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct FakeSystem {
    /// Values, by key and name in lower case.
    #[serde(with = "form::registry")]
    pub registry: BTreeMap<(String, String), RegistryData>,
    /// Files, by path in lower case, with what is in them.
    #[serde(with = "form::files")]
    pub files: BTreeMap<String, (FileState, Vec<u8>)>,
    /// Services.
    pub services: BTreeMap<String, ServiceState>,
    /// Who listens on the port.
    pub listeners: Vec<PortListener>,
    /// Sessions.
    pub sessions: Vec<WindowsSession>,
    /// Volumes.
    pub volumes: Vec<Volume>,
    /// Adapters.
    pub adapters: Vec<NetworkAdapter>,
    /// Members by group.
    pub members: BTreeMap<String, Vec<String>>,
    /// Holders by right.
    pub rights: BTreeMap<String, Vec<String>>,
    /// Accounts.
    pub accounts: Vec<LocalAccount>,
    /// Updates.
    pub updates: Vec<String>,
    /// Saved credentials.
    pub credentials: Vec<SavedCredential>,
    /// Entries of event logs.
    pub events: Vec<WindowsEvent>,
    /// Days of the licensing's grace period; absent where none are said.
    pub grace_days: Option<u32>,
    /// Beginnings of keys and paths, in lower case, that may not be read.
    pub unreadable: Vec<String>,
    /// Services that need another one, by its name in lower case.
    pub dependents: BTreeMap<String, Vec<String>>,
    /// Beginnings of what may not be changed, in lower case: `start-service termservice`.
    pub refuses: Vec<String>,
    /// Which start of the machine it is; none where nobody can tell.
    pub boot: Option<String>,
    /// By which way the caller came, where it could be cut.
    pub came_by: Option<String>,
    /// What was written to the Application log.
    pub log: Vec<LogEvent>,
    /// What is looked after at the next start.
    pub at_start: BTreeMap<String, Vec<String>>,
}

impl FakeSystem {
    /// With this value in the registry.
    #[must_use]
    pub fn with(mut self, key: &str, name: &str, data: RegistryData) -> Self {
        self.registry.insert((key.to_lowercase(), name.to_lowercase()), data);
        self
    }

    /// With a service that runs.
    #[must_use]
    pub fn running(mut self, name: &str) -> Self {
        let state = ServiceState { current: ServiceState::RUNNING, process: 1000, exit_code: 0 };
        self.services.insert(name.to_lowercase(), state);
        self
    }

    fn look<T>(&self, place: &str, found: Option<T>) -> Lookup<T> {
        if self.unreadable.iter().any(|start| place.to_lowercase().starts_with(start)) {
            return Lookup::unavailable("access denied");
        }
        found.map_or(Lookup::Absent, Lookup::seen)
    }

    /// A list; `what` says by which word it is made unreadable.
    fn listed<T: Clone>(&self, what: &str, list: &[T]) -> Lookup<Vec<T>> {
        self.look(what, Some(list.to_vec()))
    }
}

impl System for FakeSystem {
    fn way(&self) -> FactsWay {
        FactsWay::Live
    }

    fn computer(&self) -> Lookup<String> {
        Lookup::seen("PC42".to_owned())
    }

    fn registry_value(&self, key: &str, name: &str) -> Lookup<RegistryData> {
        let found = self.registry.get(&(key.to_lowercase(), name.to_lowercase()));
        self.look(key, found.cloned())
    }

    fn registry_values(&self, key: &str) -> Lookup<Vec<(String, RegistryData)>> {
        let lower = key.to_lowercase();
        let values: Vec<_> = self
            .registry
            .iter()
            .filter(|((of, _), _)| *of == lower)
            .map(|((_, name), data)| (name.clone(), data.clone()))
            .collect();
        self.look(key, (!values.is_empty()).then_some(values))
    }

    fn registry_subkeys(&self, key: &str) -> Lookup<Vec<String>> {
        let below = format!("{}\\", key.to_lowercase());
        let inside = self.registry.keys().filter_map(|(of, _)| of.strip_prefix(&below));
        let mut names: Vec<String> =
            inside.filter_map(|rest| rest.split('\\').next()).map(str::to_owned).collect();
        names.dedup();
        let own = self.registry.keys().any(|(of, _)| *of == key.to_lowercase());
        self.look(key, (own || !names.is_empty()).then_some(names))
    }

    fn file(&self, path: &str) -> Lookup<FileState> {
        let found = self.files.get(&path.to_lowercase()).map(|(state, _)| state.clone());
        self.look(path, found)
    }

    fn read(&self, path: &str, most: u64) -> Lookup<Vec<u8>> {
        let most = usize::try_from(most).unwrap_or(usize::MAX);
        let found = self.files.get(&path.to_lowercase());
        self.look(path, found.map(|(_, bytes)| bytes.iter().copied().take(most).collect()))
    }

    fn folder(&self, path: &str) -> Lookup<Vec<String>> {
        let below = format!("{}\\", path.to_lowercase());
        let inside = self.files.keys().filter_map(|of| of.strip_prefix(&below));
        let names: Vec<String> =
            inside.filter(|rest| !rest.contains('\\')).map(str::to_owned).collect();
        self.look(path, (!names.is_empty()).then_some(names))
    }

    fn service(&self, name: &str) -> Lookup<ServiceState> {
        self.look(name, self.services.get(&name.to_lowercase()).cloned())
    }

    fn listeners(&self, _port: u16) -> Lookup<Vec<PortListener>> {
        let found = (!self.listeners.is_empty()).then(|| self.listeners.clone());
        self.look("listeners", found)
    }

    fn sessions(&self) -> Lookup<Vec<WindowsSession>> {
        self.listed("sessions", &self.sessions)
    }

    fn volumes(&self) -> Lookup<Vec<Volume>> {
        self.listed("volumes", &self.volumes)
    }

    fn adapters(&self) -> Lookup<Vec<NetworkAdapter>> {
        self.listed("adapters", &self.adapters)
    }

    fn members(&self, group: &str) -> Lookup<Vec<String>> {
        self.look(group, self.members.get(group).cloned())
    }

    fn right(&self, right: &str) -> Lookup<Vec<String>> {
        self.look(right, self.rights.get(right).cloned())
    }

    fn accounts(&self) -> Lookup<Vec<LocalAccount>> {
        self.listed("accounts", &self.accounts)
    }

    fn updates(&self) -> Lookup<Vec<String>> {
        self.listed("updates", &self.updates)
    }

    fn saved_credentials(&self) -> Lookup<Vec<SavedCredential>> {
        self.listed("credentials", &self.credentials)
    }

    fn events(&self, channel: &str, provider: &str, ids: &[u32]) -> Lookup<Vec<WindowsEvent>> {
        let found = self.events.iter().filter(|event| event.is(provider, ids));
        self.look(channel, Some(found.cloned().collect()))
    }

    fn license_grace(&self) -> Lookup<u32> {
        self.look("grace", self.grace_days)
    }
}
