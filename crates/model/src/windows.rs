//! What is read on a Windows machine: registry, services, files, certificates, sessions.
//!
//! Paths of the registry are written as people write them, `HKLM\SYSTEM\CurrentControlSet\...`, with
//! the control set that is in use, whatever the source; of files as Windows sees them, `C:\...`.

use std::net::IpAddr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Certificate, Hex, Lookup, Timestamp};

/// A value of the registry, as it stands there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RegistryValue {
    /// The key.
    pub key: String,
    /// The value's name; empty for the key's default value.
    pub name: String,
    /// What it holds.
    pub data: Lookup<RegistryData>,
    /// Who set it.
    #[serde(default)]
    pub owner: SettingOwner,
}

/// What a value of the registry holds (winnt.h, REG_*).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "type", content = "data", rename_all = "kebab-case")]
pub enum RegistryData {
    /// REG_DWORD.
    Dword(u32),
    /// REG_QWORD.
    Qword(u64),
    /// REG_SZ.
    Text(String),
    /// REG_EXPAND_SZ, its variables not yet put in.
    ExpandText(String),
    /// REG_MULTI_SZ.
    Texts(Vec<String>),
    /// REG_BINARY and whatever else, as bytes.
    Binary(Hex),
}

impl RegistryData {
    /// The number of a DWORD or QWORD.
    pub fn number(&self) -> Option<u64> {
        match self {
            Self::Dword(number) => Some(u64::from(*number)),
            Self::Qword(number) => Some(*number),
            _ => None,
        }
    }

    /// The text of a string.
    pub fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) | Self::ExpandText(text) => Some(text),
            _ => None,
        }
    }

    /// The lines of a list of strings; a single string is a list of one.
    pub fn texts(&self) -> Option<Vec<&str>> {
        match self {
            Self::Texts(texts) => Some(texts.iter().map(String::as_str).collect()),
            _ => self.text().map(|text| vec![text]),
        }
    }

    /// The bytes of a binary value.
    pub fn bytes(&self) -> Option<&[u8]> {
        match self {
            Self::Binary(Hex(bytes)) => Some(bytes),
            _ => None,
        }
    }
}

/// Who set a setting, and so who has to change it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "by", rename_all = "kebab-case")]
pub enum SettingOwner {
    /// Somebody on the machine itself.
    Local,
    /// A group policy, local or of the domain: whatever is changed by hand comes back.
    GroupPolicy {
        /// Its name, where the machine keeps it.
        name: Option<String>,
    },
    /// A management service (Intune and the like).
    Mdm,
    /// Nobody looked, or it cannot be told.
    #[default]
    Unknown,
}

/// A key of the registry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RegistryKey {
    /// Its path.
    pub key: String,
    /// The names of the keys in it; absent when the key itself is.
    pub subkeys: Lookup<Vec<String>>,
    /// How many values it holds, where that was counted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub values: Option<u32>,
}

/// Whether a service runs. How it is set up stands in the registry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct WindowsService {
    /// Its short name.
    pub name: String,
    /// How it is; absent when there is no such service.
    pub state: Lookup<ServiceState>,
}

/// How a service is (SERVICE_STATUS_PROCESS).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ServiceState {
    /// dwCurrentState: 1 stopped, 2 starting, 3 stopping, 4 running, 7 paused.
    pub current: u32,
    /// Its process; 0 when it does not run.
    #[serde(default)]
    pub process: u32,
    /// dwWin32ExitCode: why it ended, 1077 when it was never started.
    #[serde(default)]
    pub exit_code: u32,
}

impl ServiceState {
    /// SERVICE_RUNNING.
    pub const RUNNING: u32 = 4;
    /// SERVICE_STOPPED.
    pub const STOPPED: u32 = 1;
}

/// A file or folder.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct WindowsFile {
    /// Its path, variables put in.
    pub path: String,
    /// What is known of it; absent when it is not there.
    pub state: Lookup<FileState>,
}

/// What is known of a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FileState {
    /// Bytes in it; 0 for a folder.
    pub length: u64,
    /// When it was last written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub modified: Option<Timestamp>,
    /// FileVersion of its version resource, `10.0.20348.2227`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// Who may do what: owner, group and DACL in SDDL (MS-DTYP 2.5.1).
    pub access: Lookup<String>,
}

/// A certificate in a store of the machine.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct MachineCertificate {
    /// The store: `My`, `Remote Desktop`.
    pub store: String,
    /// Its SHA-1, by which Windows names it: 40 lower-case hexadecimal digits.
    pub thumbprint: String,
    /// The certificate; could not look when its bytes are none.
    pub certificate: Lookup<Certificate>,
    /// Where its private key lies (CERT_KEY_PROV_INFO_PROP_ID); absent when it has none.
    pub key: Lookup<KeyPlace>,
}

/// Where a private key lies (CRYPT_KEY_PROV_INFO).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct KeyPlace {
    /// The provider's name.
    pub provider: String,
    /// dwProvType: 0 for a key storage provider (CNG), else an old cryptographic one.
    pub provider_type: u32,
    /// The name of the key.
    pub container: String,
    /// dwKeySpec: 1 key exchange, 2 signature only, 0 for CNG.
    pub key_spec: u32,
    /// The file, where its name follows from the container's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
}

/// Who listens on a port.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PortListeners {
    /// The port.
    pub port: u16,
    /// Who listens there by TCP; absent when nobody does.
    pub listeners: Lookup<Vec<PortListener>>,
}

/// Somebody who listens on a port.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PortListener {
    /// The address it is bound to.
    pub address: IpAddr,
    /// Its process.
    pub process: u32,
    /// The program's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub program: Option<String>,
    /// The services in that process.
    #[serde(default)]
    pub services: Vec<String>,
}

/// The sessions of a host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct WindowsSession {
    /// Its number.
    pub session: u32,
    /// WTS_CONNECTSTATE_CLASS: 0 active, 1 connected, 4 disconnected, 5 idle, 6 listening, 8 down.
    pub state: u32,
    /// The window station: `RDP-Tcp#3`, `Console`, `Services`.
    pub station: String,
    /// `DOMAIN\user`; absent when nobody is signed in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// Milliseconds without input.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub idle_ms: Option<u64>,
    /// When the user signed in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signed_in_at: Option<Timestamp>,
    /// When it was disconnected.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub disconnected_at: Option<Timestamp>,
    /// The address of the client.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_address: Option<IpAddr>,
    /// The client's name for itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_name: Option<String>,
    /// Whether it is the session that asked.
    #[serde(default)]
    pub own: bool,
}

/// A volume.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Volume {
    /// `C:`.
    pub path: String,
    /// Bytes on it.
    pub total: u64,
    /// Bytes that are free.
    pub free: u64,
}

/// A network adapter.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct NetworkAdapter {
    /// What the user calls it.
    pub name: String,
    /// What the maker calls it.
    pub description: String,
    /// Whether it is up.
    pub up: bool,
    /// Its addresses.
    pub addresses: Vec<IpAddr>,
    /// The category of the network behind it: 0 public, 1 private, 2 domain.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub category: Option<u32>,
}

/// An account of the machine itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LocalAccount {
    /// Its name.
    pub name: String,
    /// Its SID.
    pub sid: String,
    /// UF_* flags (lmaccess.h): 0x2 disabled, 0x10 locked out, 0x20 needs no password, 0x800000
    /// password expired.
    pub flags: u32,
    /// When it expires.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires: Option<Timestamp>,
}

/// An entry of the credential manager, by its name only.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SavedCredential {
    /// `TERMSRV/pc42`.
    pub target: String,
    /// Whose.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// When it was last written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub written_at: Option<Timestamp>,
}

/// Which Windows machine the facts are about, and how they were had.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FactsOf {
    /// The computer's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub computer: Option<String>,
    /// When they were read, by its clock.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub collected_at: Option<Timestamp>,
    /// How.
    pub way: FactsWay,
    /// Whether who read them had the rights of an administrator; absent when nobody looked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub elevated: Option<bool>,
    /// Parts of a numbered collection that did not arrive.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub missing_parts: Vec<u32>,
}

/// How facts of a Windows machine were had.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum FactsWay {
    /// On the machine, by this program.
    Live,
    /// From its disk, while it does not run.
    Disk,
    /// Over WinRM.
    Remote,
    /// On the machine, by the collecting script.
    Script,
}

/// A file of the registry, read from a disk.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RegistryHive {
    /// The key that it is: `HKLM\SYSTEM`.
    pub root: String,
    /// The file.
    pub path: String,
    /// How it is.
    pub state: Lookup<HiveState>,
}

/// How a file of the registry is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct HiveState {
    /// When it was last written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_written: Option<Timestamp>,
    /// Entries of its transaction logs that had not reached it and were applied.
    #[serde(default)]
    pub recovered: u32,
    /// What is wrong with it; what was asked of its damaged parts could not be looked at.
    #[serde(default)]
    pub problems: Vec<String>,
}
