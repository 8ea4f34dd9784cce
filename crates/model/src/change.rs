//! What can be changed on a Windows machine, as data: planned, journalled, undone.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::RegistryData;

/// One change of a Windows machine. Each has a state before it that can be read, kept and compared,
/// but for those that say so.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "change", rename_all = "kebab-case")]
pub enum Change {
    /// Sets a value of the registry; without data it is taken away.
    RegistryValue {
        /// The key; it is made where it is not there.
        key: String,
        /// The value's name.
        name: String,
        /// What it shall hold.
        data: Option<RegistryData>,
    },
    /// Sets how a service starts.
    ServiceStart {
        /// Its short name.
        name: String,
        /// SERVICE_AUTO_START 2, SERVICE_DEMAND_START 3, SERVICE_DISABLED 4.
        start: u32,
    },
    /// Starts a service that is stopped; undone by stopping it.
    StartService {
        /// Its short name.
        name: String,
    },
    /// Stops a service and starts it again. What it interrupts cannot be undone.
    RestartService {
        /// Its short name.
        name: String,
    },
    /// Sets who may do what with a file.
    FileAccess {
        /// The file.
        path: String,
        /// Owner and DACL in SDDL (MS-DTYP 2.5.1).
        sddl: String,
    },
    /// Moves a file aside, beside itself under another name.
    MoveFileAside {
        /// The file.
        path: String,
    },
    /// Takes a certificate out of a store of the machine; it is kept with its key's place.
    RemoveCertificate {
        /// The store.
        store: String,
        /// Its SHA-1, lower-case hexadecimal.
        thumbprint: String,
    },
    /// Takes a saved credential away. It cannot be undone: nobody but its user can read it.
    RemoveCredential {
        /// The name it is kept under.
        target: String,
    },
    /// Resets a session. It cannot be undone: what was open in it is lost.
    ResetSession {
        /// Its number.
        session: u32,
    },
}
