//! The narrow way to a Windows machine.

pub mod disk;
mod facts;
#[cfg(windows)]
pub mod live;
mod mutable;
mod power;
mod updates;

pub(crate) use facts::FactsSystem;
pub use mutable::{Changed, LogEvent, Mutable, NotChanged, WINRM_SESSION};

use rdpdoctor_model::{
    FactsWay, FileState, LocalAccount, Lookup, NetworkAdapter, PortListener, RegistryData,
    RegistryHive, SavedCredential, ServiceState, Volume, WindowsEvent, WindowsSession,
};

/// Values of one key that are read at most.
pub const MOST_VALUES: usize = 4_096;

/// Keys in one key, files in one folder, entries of one log that are read at most.
pub const MOST_NAMES: usize = 4_096;

/// A Windows machine that can be asked. Every answer is one of three: seen, seen to be absent, could
/// not look; what a way of looking has no means for is the third by itself.
///
/// Nothing here judges, and nothing here changes anything.
pub trait System {
    /// How it looks.
    fn way(&self) -> FactsWay;

    /// The computer's name.
    fn computer(&self) -> Lookup<String>;

    /// Whether the rights are those of an administrator; `None` where nobody asks for rights.
    fn elevated(&self) -> Option<bool> {
        None
    }

    /// A value of the registry. Absent when the value or its key is.
    fn registry_value(&self, key: &str, name: &str) -> Lookup<RegistryData>;

    /// All values of a key, [`MOST_VALUES`] of them. Absent when the key is.
    fn registry_values(&self, key: &str) -> Lookup<Vec<(String, RegistryData)>>;

    /// The names of the keys in a key, [`MOST_NAMES`] of them. Absent when the key is.
    fn registry_subkeys(&self, key: &str) -> Lookup<Vec<String>>;

    /// A file or folder; `path` is absolute.
    fn file(&self, path: &str) -> Lookup<FileState>;

    /// A file's bytes, the first `most` of them.
    fn read(&self, path: &str, most: u64) -> Lookup<Vec<u8>>;

    /// The names in a folder, [`MOST_NAMES`] of them.
    fn folder(&self, path: &str) -> Lookup<Vec<String>>;

    /// How a service is.
    fn service(&self, name: &str) -> Lookup<ServiceState> {
        let _ = name;
        cannot(self.way(), "whether a service runs")
    }

    /// Who listens on a TCP port. Absent when nobody does.
    fn listeners(&self, port: u16) -> Lookup<Vec<PortListener>> {
        let _ = port;
        cannot(self.way(), "who listens")
    }

    /// The sessions.
    fn sessions(&self) -> Lookup<Vec<WindowsSession>> {
        cannot(self.way(), "sessions")
    }

    /// The fixed volumes.
    fn volumes(&self) -> Lookup<Vec<Volume>> {
        cannot(self.way(), "free space")
    }

    /// The network adapters.
    fn adapters(&self) -> Lookup<Vec<NetworkAdapter>> {
        cannot(self.way(), "network adapters")
    }

    /// The SIDs in a local group.
    fn members(&self, group: &str) -> Lookup<Vec<String>> {
        let _ = group;
        cannot(self.way(), "the members of a group")
    }

    /// The SIDs that hold a right.
    fn right(&self, right: &str) -> Lookup<Vec<String>> {
        let _ = right;
        cannot(self.way(), "the local security policy")
    }

    /// The machine's own accounts.
    fn accounts(&self) -> Lookup<Vec<LocalAccount>> {
        cannot(self.way(), "accounts")
    }

    /// The installed updates (`KB5074109`).
    fn updates(&self) -> Lookup<Vec<String>> {
        cannot(self.way(), "installed updates")
    }

    /// Seconds until it sleeps and until it hibernates on mains power.
    fn power(&self) -> (Lookup<u32>, Lookup<u32>) {
        (cannot(self.way(), "the power plan"), cannot(self.way(), "the power plan"))
    }

    /// Whose clock it was held against, and by how many milliseconds the machine's is ahead.
    fn clock(&self) -> (String, Lookup<i64>) {
        (String::new(), cannot(self.way(), "the clock"))
    }

    /// Saved credentials for Remote Desktop, by name.
    fn saved_credentials(&self) -> Lookup<Vec<SavedCredential>> {
        cannot(self.way(), "saved credentials")
    }

    /// The files of the registry that were read, where it is read from files.
    fn hives(&self) -> Vec<RegistryHive> {
        Vec::new()
    }

    /// Days that the grace period of the licensing has left.
    fn license_grace(&self) -> Lookup<u32> {
        cannot(self.way(), "the days of the grace period")
    }

    /// Entries of an event log, the newest ones, the oldest of them first.
    fn events(&self, channel: &str, provider: &str, ids: &[u32]) -> Lookup<Vec<WindowsEvent>> {
        let _ = (channel, provider, ids);
        cannot(self.way(), "event logs")
    }
}

/// The third answer, for what a way of looking has no means for.
pub fn cannot<T>(way: FactsWay, what: &str) -> Lookup<T> {
    Lookup::unavailable(match way {
        FactsWay::Live => format!("{what}: this version of the program does not read it"),
        FactsWay::Disk => format!("{what}: a disk does not tell; read it on the running machine"),
        FactsWay::Remote => format!("{what}: not asked over WinRM"),
        FactsWay::Script => format!("{what}: the script does not read it"),
    })
}
