//! The Windows machine that this program runs on.
//!
//! A file a subject. Where a call of Windows takes or gives pointers, the file makes of it a function
//! that does not, and says why it is safe; nothing else in here is unsafe. Access denied, and what a
//! version of Windows does not know, is "could not look".

mod accounts;
mod adapters;
mod change;
mod clock;
mod credentials;
mod events;
mod files;
mod journal;
mod licensing;
mod listeners;
mod me;
mod private;
mod processes;
mod proxy;
mod registry;
mod rights;
mod security;
mod services;
mod sessions;
mod task;
mod text;
mod volumes;

use rdpdoctor_model::{
    FactsWay, FileState, LocalAccount, Lookup, NetworkAdapter, PortListener, RegistryData,
    SavedCredential, ServiceState, Volume, WindowsEvent, WindowsSession,
};

use super::{power, updates};
use crate::System;

pub use private::PrivateFolderError;
pub(crate) use private::private_folder;
pub use proxy::{ProxySettings, machine_proxy, proxy_by_script, proxy_settings};

/// The machine that this program runs on.
#[derive(Debug, Clone, Copy, Default)]
pub struct Live;

impl System for Live {
    fn way(&self) -> FactsWay {
        FactsWay::Live
    }

    fn computer(&self) -> Lookup<String> {
        me::computer(self)
    }

    fn elevated(&self) -> Option<bool> {
        me::is_elevated()
    }

    fn registry_value(&self, key: &str, name: &str) -> Lookup<RegistryData> {
        registry::value(key, name)
    }

    fn registry_values(&self, key: &str) -> Lookup<Vec<(String, RegistryData)>> {
        registry::values(key)
    }

    fn registry_subkeys(&self, key: &str) -> Lookup<Vec<String>> {
        registry::subkeys(key)
    }

    fn file(&self, path: &str) -> Lookup<FileState> {
        files::state(path)
    }

    fn read(&self, path: &str, most: u64) -> Lookup<Vec<u8>> {
        files::read(path, most)
    }

    fn folder(&self, path: &str) -> Lookup<Vec<String>> {
        files::names(path)
    }

    fn service(&self, name: &str) -> Lookup<ServiceState> {
        services::state(name)
    }

    fn listeners(&self, port: u16) -> Lookup<Vec<PortListener>> {
        listeners::on(port)
    }

    fn sessions(&self) -> Lookup<Vec<WindowsSession>> {
        sessions::all()
    }

    fn volumes(&self) -> Lookup<Vec<Volume>> {
        volumes::fixed()
    }

    fn adapters(&self) -> Lookup<Vec<NetworkAdapter>> {
        adapters::all()
    }

    fn members(&self, group: &str) -> Lookup<Vec<String>> {
        accounts::members(group)
    }

    fn right(&self, right: &str) -> Lookup<Vec<String>> {
        rights::holders(right)
    }

    fn accounts(&self) -> Lookup<Vec<LocalAccount>> {
        accounts::all()
    }

    fn updates(&self) -> Lookup<Vec<String>> {
        updates::installed(self, &|name, most| {
            let path = format!(r"%SystemRoot%\servicing\Packages\{name}");
            match crate::paths::expand(self, &path) {
                Lookup::Seen { value } => files::read(&value, most),
                Lookup::Absent => Lookup::Absent,
                Lookup::Unavailable { why } => Lookup::Unavailable { why },
            }
        })
    }

    fn power(&self) -> (Lookup<u32>, Lookup<u32>) {
        power::plan(self)
    }

    fn clock(&self) -> (String, Lookup<i64>) {
        clock::offset(self)
    }

    fn saved_credentials(&self) -> Lookup<Vec<SavedCredential>> {
        credentials::saved()
    }

    fn license_grace(&self) -> Lookup<u32> {
        licensing::grace()
    }

    fn events(&self, channel: &str, provider: &str, ids: &[u32]) -> Lookup<Vec<WindowsEvent>> {
        events::of_channel(channel, provider, ids)
    }
}
