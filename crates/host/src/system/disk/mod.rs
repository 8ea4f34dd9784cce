//! A Windows machine that does not run, from its disk: mounted as a folder, or an image or device
//! with the disk on it.
//!
//! ```text
//! folder ─────────────────────────► Tree ──► registry (hives and their logs), files, event logs
//! image ──► partitions ──► NTFS ──► Tree
//! ```
//!
//! Everything in here may be damaged or made to mislead: every length is checked, links are not
//! followed, and what cannot be read is "could not look".

mod accounts;
mod events;
mod folder;
mod hive;
mod image;
mod open;
mod registry;
mod script;
mod sddl;
mod secure;
#[cfg(test)]
mod testing;
mod tree;
mod version;
mod volume;

use rdpdoctor_model::{
    FactsWay, FileState, LocalAccount, Lookup, RegistryData, RegistryHive, Volume, WindowsEvent,
};

pub use open::DiskError;
pub use script::{Script, reg_load_script};

use super::{power, updates};
use crate::System;
use crate::system::MOST_NAMES;
#[cfg(windows)]
pub(super) use events::{is_not_read, newest};
#[cfg(windows)]
pub(super) use hive::value_data;
use registry::Registry;
use tree::Tree;
pub(crate) use version::of_bytes as version_of;
#[cfg(windows)]
pub(super) use version::program_version;

/// The disk of a Windows machine.
pub struct Disk {
    tree: Box<dyn Tree>,
    /// The folder of Windows, as it is spelled: `Windows`.
    windows: String,
    registry: Registry,
}

impl Disk {
    /// What a path of Windows leads to; could not look when it leads to another volume.
    fn path<'p>(&self, path: &'p str) -> Result<Vec<&'p str>, String> {
        let below = match path.split_once(':') {
            Some((drive, below)) if drive.len() == 1 => {
                let own = self.drive();
                if !drive.eq_ignore_ascii_case(&own) {
                    return Err(format!("it lies on drive {drive}:, which is not drive {own}:"));
                }
                below
            }
            _ => path,
        };
        tree::parts(below).ok_or_else(|| format!("{path} is no path of a file"))
    }

    /// The letter that the volume has while Windows runs.
    fn drive(&self) -> String {
        const VERSION: &str = r"HKLM\SOFTWARE\Microsoft\Windows NT\CurrentVersion";
        let root = self.registry_value(VERSION, "SystemRoot");
        let root = root.as_seen().and_then(RegistryData::text).unwrap_or("C:");
        root.chars().take(1).collect()
    }

    fn on_volume<T>(
        &self,
        path: &str,
        ask: impl FnOnce(&dyn Tree, &[&str]) -> Lookup<T>,
    ) -> Lookup<T> {
        match self.path(path) {
            Ok(parts) => ask(&*self.tree, &parts),
            Err(why) => Lookup::Unavailable { why },
        }
    }
}

impl System for Disk {
    fn way(&self) -> FactsWay {
        FactsWay::Disk
    }

    fn computer(&self) -> Lookup<String> {
        const NAME: &str = r"HKLM\SYSTEM\CurrentControlSet\Control\ComputerName\ComputerName";
        match self.registry_value(NAME, "ComputerName") {
            Lookup::Seen { value } => {
                value.text().map_or(Lookup::Absent, |name| Lookup::seen(name.to_owned()))
            }
            Lookup::Absent => Lookup::Absent,
            Lookup::Unavailable { why } => Lookup::Unavailable { why },
        }
    }

    fn registry_value(&self, key: &str, name: &str) -> Lookup<RegistryData> {
        self.registry.value(&*self.tree, key, name)
    }

    fn registry_values(&self, key: &str) -> Lookup<Vec<(String, RegistryData)>> {
        self.registry.values(&*self.tree, key)
    }

    fn registry_subkeys(&self, key: &str) -> Lookup<Vec<String>> {
        self.registry.subkeys(&*self.tree, key)
    }

    fn file(&self, path: &str) -> Lookup<FileState> {
        self.on_volume(path, |tree, parts| {
            tree.entry(parts).map_seen(|entry| FileState {
                length: entry.length,
                modified: entry.modified,
                version: version::of_file(tree, parts, &entry),
                access: entry.access,
            })
        })
    }

    fn read(&self, path: &str, most: u64) -> Lookup<Vec<u8>> {
        self.on_volume(path, |tree, parts| tree.read(parts, most))
    }

    fn folder(&self, path: &str) -> Lookup<Vec<String>> {
        self.on_volume(path, |tree, parts| tree.names(parts, MOST_NAMES))
    }

    fn volumes(&self) -> Lookup<Vec<Volume>> {
        let path = format!("{}:", self.drive());
        self.tree.space().map_seen(|(total, free)| vec![Volume { path, total, free }])
    }

    fn members(&self, group: &str) -> Lookup<Vec<String>> {
        accounts::members(self, group)
    }

    fn right(&self, right: &str) -> Lookup<Vec<String>> {
        accounts::right(self, right)
    }

    fn accounts(&self) -> Lookup<Vec<LocalAccount>> {
        accounts::accounts(self)
    }

    fn updates(&self) -> Lookup<Vec<String>> {
        updates::installed(self, &|name, most| {
            self.tree.read(&[&self.windows, "servicing", "Packages", name], most)
        })
    }

    fn power(&self) -> (Lookup<u32>, Lookup<u32>) {
        power::plan(self)
    }

    fn events(&self, channel: &str, provider: &str, ids: &[u32]) -> Lookup<Vec<WindowsEvent>> {
        events::of_channel(&*self.tree, &self.windows, channel, provider, ids)
    }

    fn hives(&self) -> Vec<RegistryHive> {
        self.registry.files(&self.drive())
    }
}
