//! What is asked of a machine, as data: every way of looking, the collecting script included, goes by
//! the same list.

use rdpdoctor_model::{Source, Stage};

/// Which end of a connection a machine is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Side {
    /// The machine that is connected to.
    Host,
    /// The machine in front of the user.
    Client,
}

impl Side {
    /// Its name, as facts and commands have it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Host => "host",
            Self::Client => "client",
        }
    }

    /// The side of this name.
    pub fn named(name: &str) -> Option<Self> {
        [Self::Host, Self::Client].into_iter().find(|side| side.name() == name)
    }

    /// The stage of its facts.
    pub fn stage(self) -> Stage {
        match self {
            Self::Host => Stage::Host,
            Self::Client => Stage::Client,
        }
    }

    /// The source of its facts.
    pub fn source(self) -> Source {
        match self {
            Self::Host => Source::Host,
            Self::Client => Source::Client,
        }
    }
}

/// A row of the table of what can break a connection, and what it takes to know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Check {
    /// `H040`, the row of `host-checks.csv`.
    pub row: &'static str,
    /// Whose it is.
    pub side: Side,
    /// What is asked.
    pub questions: &'static [Question],
    /// Whether its answer can decide a cause that blocks: such answers travel first where little
    /// room is.
    pub decisive: bool,
    /// The causes that read the answers.
    pub causes: &'static [&'static str],
}

/// A row of the table that is not asked about, and why not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LeftOut {
    /// The row.
    pub row: &'static str,
    /// Why, in words that complete "not implemented: ...".
    pub why: &'static str,
}

impl Check {
    /// A row of the host whose answer can decide.
    pub const fn host(row: &'static str, questions: &'static [Question]) -> Self {
        Self { row, side: Side::Host, questions, decisive: true, causes: &[] }
    }

    /// A row of the client whose answer can decide.
    pub const fn client(row: &'static str, questions: &'static [Question]) -> Self {
        Self { row, side: Side::Client, questions, decisive: true, causes: &[] }
    }

    /// The causes whose rules read its answers.
    #[must_use]
    pub const fn feeds(mut self, causes: &'static [&'static str]) -> Self {
        self.causes = causes;
        self
    }

    /// Its answer explains, and decides nothing.
    #[must_use]
    pub const fn beside(mut self) -> Self {
        self.decisive = false;
        self
    }
}

/// One question. Keys begin with `HKLM` or `HKCU`; `CurrentControlSet` is the one in use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Question {
    /// One value of the registry: key, name.
    Value(&'static str, &'static str),
    /// Every value of a key, the first ones.
    Values(&'static str),
    /// The names of the keys in a key.
    Subkeys(&'static str),
    /// One value of each key in a key: key, name.
    ValueOfEach(&'static str, &'static str),
    /// Whether a service runs, and how it is set up (Start, Type, ObjectName, DependOnService).
    Service(&'static str),
    /// A file: length, version, access. `%SystemRoot%` and `%ProgramData%` are put in.
    File(&'static str),
    /// The names in a folder, as files of it.
    Folder(&'static str),
    /// Who listens on the port of Remote Desktop.
    Listeners,
    /// The sessions.
    Sessions,
    /// The fixed volumes.
    Volumes,
    /// The network adapters.
    Adapters,
    /// The certificates of a store of the machine, with the places and files of their keys.
    Certificates(&'static str),
    /// Inbound firewall rules that speak of Remote Desktop's port, program or service, and those that
    /// block everything, as values of the registry.
    FirewallRules,
    /// The members of a local group, by its SID.
    Members(&'static str),
    /// Who holds a right of the local security policy.
    Right(&'static str),
    /// The accounts of the machine itself.
    Accounts,
    /// The installed updates.
    Updates,
    /// When the machine sleeps and hibernates.
    Power,
    /// How far its clock is from its domain's or the internet's.
    Clock,
    /// Saved credentials for Remote Desktop, by name.
    SavedCredentials,
    /// Entries of an event log: channel, provider, numbers. The newest ones.
    Events(&'static str, &'static str, &'static [u32]),
    /// The users' profiles: the list in the registry, its values State and ProfileImagePath, and the
    /// folder and the file NTUSER.DAT of each, as files.
    Profiles,
    /// The hosts file, where the registry says that it lies.
    Hosts,
    /// A file of settings that the client keeps for itself, without users and passwords.
    ClientDefaults(&'static str),
    /// The first 16 bytes of each file in a folder.
    Heads(&'static str),
    /// Days that the licensing's grace period has left (Win32_TerminalServiceSetting,
    /// GetGracePeriodDays).
    LicenseGrace,
}

impl Question {
    /// Whether a disk tells: whether a service runs and who listens only a running machine knows.
    pub fn is_on_disk(&self) -> bool {
        !matches!(
            self,
            Self::Listeners
                | Self::Sessions
                | Self::Volumes
                | Self::Adapters
                | Self::Power
                | Self::Clock
                | Self::SavedCredentials
                | Self::LicenseGrace
        )
    }
}

impl std::fmt::Display for Question {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Value(key, name) => write!(f, "`{key}` : `{name}`"),
            Self::Values(key) => write!(f, "`{key}`, all values"),
            Self::Subkeys(key) => write!(f, "`{key}`, its keys"),
            Self::ValueOfEach(key, name) => write!(f, "`{key}\\*` : `{name}`"),
            Self::Service(name) => write!(f, "service `{name}`"),
            Self::File(path) => write!(f, "file `{path}`"),
            Self::Folder(path) => write!(f, "folder `{path}`"),
            Self::Listeners => f.write_str("who listens on the port"),
            Self::Sessions => f.write_str("the sessions"),
            Self::Volumes => f.write_str("the volumes"),
            Self::Adapters => f.write_str("the network adapters"),
            Self::Certificates(store) => write!(f, "certificates of the store `{store}`"),
            Self::FirewallRules => f.write_str("rules of the firewall"),
            Self::Members(group) => write!(f, "members of `{group}`"),
            Self::Right(right) => write!(f, "holders of `{right}`"),
            Self::Accounts => f.write_str("local accounts"),
            Self::Updates => f.write_str("installed updates"),
            Self::Power => f.write_str("the power plan"),
            Self::Clock => f.write_str("the clock"),
            Self::SavedCredentials => f.write_str("saved credentials, by name"),
            Self::Profiles => f.write_str("the users' profiles"),
            Self::Hosts => f.write_str("the hosts file"),
            Self::ClientDefaults(path) => write!(f, "settings in `{path}`"),
            Self::Heads(path) => write!(f, "beginnings of the files in `{path}`"),
            Self::LicenseGrace => f.write_str("days of the grace period"),
            Self::Events(channel, _, ids) => write!(f, "events {ids:?} of `{channel}`"),
        }
    }
}
