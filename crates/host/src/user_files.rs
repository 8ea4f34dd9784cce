//! Files that users and clients have: profiles, the hosts file, the client's own settings.

use rdpdoctor_files::rdpfile::{self, RdpFile};
use rdpdoctor_files::text;
use rdpdoctor_model::{
    ClientDefaults, DefaultSettings, Fact, FileHead, Hex, HostsEntry, Lookup, RdpFileFlaw,
    RegistryData, WindowsHosts,
};

use crate::collect::{file, missing, named};
use crate::paths::expand;
use crate::system::{MOST_NAMES, System};

const PROFILES: &str = r"HKLM\SOFTWARE\Microsoft\Windows NT\CurrentVersion\ProfileList";
const NETWORK: &str = r"HKLM\SYSTEM\CurrentControlSet\Services\Tcpip\Parameters";

/// Where the hosts file lies unless the registry says otherwise.
const USUAL_FOLDER: &str = r"%SystemRoot%\System32\drivers\etc";

/// Bytes of a hosts file that are read, and entries that are kept; lists that block advertising have
/// a hundred thousand.
const LONGEST_HOSTS: u64 = 4 * 1024 * 1024;
const MOST_ENTRIES: usize = 200;

/// Names of one entry, and characters of one name (RFC 1035 2.3.4).
const MOST_HOST_NAMES: usize = 16;
const LONGEST_NAME: usize = 255;

/// Bytes of the beginning of a file.
const HEAD: u64 = 16;

/// Files of a folder whose beginnings are read.
const MOST_HEADS: usize = 64;

/// The users' profiles. Accounts of services have theirs elsewhere, and no trouble with them.
pub(crate) fn profiles(system: &dyn System) -> Vec<Fact> {
    let subkeys = system.registry_subkeys(PROFILES);
    let of_users: Vec<String> = subkeys
        .as_seen()
        .into_iter()
        .flatten()
        .filter(|name| is_user(name))
        .take(MOST_NAMES / 4)
        .cloned()
        .collect();
    let each = of_users.iter().flat_map(|name| profile(system, name));
    std::iter::once(missing(PROFILES, subkeys)).chain(each).collect()
}

/// Accounts of a machine or domain, and of Entra ID (MS-DTYP 2.4.2.4).
fn is_user(name: &str) -> bool {
    let name = name.to_ascii_uppercase();
    name.starts_with("S-1-5-21-") || name.starts_with("S-1-12-1-")
}

fn profile(system: &dyn System, name: &str) -> Vec<Fact> {
    let key = format!(r"{PROFILES}\{name}");
    let state = system.registry_value(&key, "State");
    let path = system.registry_value(&key, "ProfileImagePath");
    let folder = match &path {
        Lookup::Seen { value } => match value.text() {
            Some(text) => expand(system, text),
            None => Lookup::unavailable("the registry holds no text there"),
        },
        Lookup::Absent => Lookup::Absent,
        Lookup::Unavailable { why } => Lookup::unavailable(why.clone()),
    };
    let mut facts = vec![named(&key, "State", state), named(&key, "ProfileImagePath", path)];
    if let Lookup::Seen { value: folder } = folder {
        let hive = format!(r"{folder}\NTUSER.DAT");
        facts.push(file(system, &Lookup::seen(folder)));
        facts.push(file(system, &Lookup::seen(hive)));
    }
    facts
}

/// The hosts file's entries.
pub(crate) fn hosts(system: &dyn System) -> Fact {
    let set = system.registry_value(NETWORK, "DataBasePath");
    let folder = set.as_seen().and_then(RegistryData::text).unwrap_or(USUAL_FOLDER).to_owned();
    let folder = expand(system, &folder);
    let path = folder.as_seen().map(|folder| format!(r"{folder}\hosts"));
    let entries = match &path {
        Some(path) => system.read(path, LONGEST_HOSTS).map_seen(|bytes| entries(&bytes)),
        None => Lookup::unavailable("it is not known where the file lies"),
    };
    Fact::WindowsHosts(WindowsHosts { path: path.unwrap_or_default(), entries })
}

fn entries(bytes: &[u8]) -> Vec<HostsEntry> {
    let decoded = text::decode(bytes).text;
    decoded.lines().filter_map(entry).take(MOST_ENTRIES).collect()
}

/// `10.0.0.1  name other # words`. What leads nowhere on purpose blocks advertising.
fn entry(line: &str) -> Option<HostsEntry> {
    let mut words = line.split('#').next()?.split_whitespace();
    let address: std::net::IpAddr = words.next()?.parse().ok()?;
    let named = |name: &&str| name.len() <= LONGEST_NAME;
    let host_names: Vec<String> =
        words.filter(named).take(MOST_HOST_NAMES).map(str::to_owned).collect();
    (!host_names.is_empty() && !address.is_unspecified())
        .then_some(HostsEntry { address, host_names })
}

/// A file of the client's own settings.
pub(crate) fn defaults(system: &dyn System, path: &str) -> Fact {
    let path = expand(system, path);
    let settings = match &path {
        Lookup::Seen { value } => system
            .read(value, u64::try_from(rdpfile::LONGEST).unwrap_or(u64::MAX))
            .map_seen(|bytes| settings(&bytes)),
        Lookup::Absent => Lookup::Absent,
        Lookup::Unavailable { why } => Lookup::unavailable(why.clone()),
    };
    let path = path.as_seen().cloned().unwrap_or_default();
    Fact::ClientDefaults(Box::new(ClientDefaults { path, settings }))
}

fn settings(bytes: &[u8]) -> DefaultSettings {
    let file = RdpFile::read(bytes);
    let counted = |flaw| file.problems().iter().filter(|p| p.flaw == flaw).count();
    let broken = counted(RdpFileFlaw::NotASetting);
    let text = |name: &str| file.text(name).map(|text| text.chars().take(LONGEST_NAME).collect());
    DefaultSettings {
        length: file.length,
        understood: file.count(),
        broken: u32::try_from(broken).unwrap_or(u32::MAX),
        full_address: text("full address"),
        server_port: file.number("server port"),
        gateway_name: text("gatewayhostname"),
        gateway_usage: file.number("gatewayusagemethod"),
        credssp_support: file.number("enablecredsspsupport"),
        authentication_level: file.number("authentication level"),
    }
}

/// How the files of a folder begin.
pub(crate) fn heads(system: &dyn System, path: &str) -> Vec<Fact> {
    let folder = expand(system, path);
    let inside = folder.as_seen().map_or(Lookup::Absent, |folder| system.folder(folder));
    let names = inside.as_seen().into_iter().flatten().take(MOST_HEADS);
    let folder = folder.as_seen().cloned().unwrap_or_default();
    names
        .map(|name| {
            let path = format!(r"{folder}\{name}");
            let bytes = system.read(&path, HEAD).map_seen(Hex);
            Fact::FileHead(FileHead { path, bytes })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use rdpdoctor_model::{Fact, FileState, Lookup, RegistryData};

    use super::{PROFILES, defaults, heads, hosts, profiles};
    use crate::fake::FakeSystem;

    const VERSION: &str = r"HKLM\SOFTWARE\Microsoft\Windows NT\CurrentVersion";

    fn machine() -> FakeSystem {
        FakeSystem::default()
            .with(VERSION, "SystemRoot", RegistryData::Text(r"C:\Windows".to_owned()))
            .with(
                r"HKCU\Volatile Environment",
                "USERPROFILE",
                RegistryData::Text(r"C:\Users\jo".to_owned()),
            )
    }

    fn with_file(mut system: FakeSystem, path: &str, bytes: &[u8]) -> FakeSystem {
        let state = FileState {
            length: bytes.len() as u64,
            modified: None,
            version: None,
            access: Lookup::Absent,
        };
        system.files.insert(path.to_lowercase(), (state, bytes.to_vec()));
        system
    }

    #[test]
    fn profiles_of_users_and_of_nobody_else() {
        let image = |path: &str| RegistryData::ExpandText(path.to_owned());
        let jo = format!(r"{PROFILES}\S-1-5-21-1-2-3-1001");
        let system = machine()
            .with(&jo, "ProfileImagePath", image(r"%SystemDrive%\Users\jo"))
            .with(&jo, "State", RegistryData::Dword(0))
            .with(&format!(r"{PROFILES}\S-1-5-18"), "ProfileImagePath", image(r"C:\Windows"));
        let facts = profiles(&with_file(system, r"C:\Users\jo\NTUSER.DAT", b"regf"));
        let files: Vec<(&str, bool)> = facts
            .iter()
            .filter_map(|fact| match fact {
                Fact::WindowsFile(file) => Some((&*file.path, file.state.as_seen().is_some())),
                _ => None,
            })
            .collect();
        assert_eq!(files, [(r"C:\Users\jo", false), (r"C:\Users\jo\NTUSER.DAT", true)]);
    }

    #[test]
    fn entries_of_a_hosts_file() {
        let text = b"# words\r\n10.0.0.1 pc42 pc42.corp.example # ours\n0.0.0.0 ads.example\nnonsense\n::1\n";
        let Fact::WindowsHosts(read) =
            hosts(&with_file(machine(), r"C:\Windows\System32\drivers\etc\hosts", text))
        else {
            panic!("another fact")
        };
        let entries = read.entries.as_seen().expect("entries");
        assert_eq!(entries.len(), 1);
        assert_eq!(entries[0].host_names, ["pc42", "pc42.corp.example"]);
        let Fact::WindowsHosts(none) = hosts(&machine()) else { panic!("another fact") };
        assert_eq!(none.entries, Lookup::Absent);
        let Fact::WindowsHosts(unread) = hosts(&FakeSystem::default()) else {
            panic!("another fact")
        };
        assert!(matches!(unread.entries, Lookup::Unavailable { .. }));
    }

    #[test]
    fn settings_of_a_client_without_its_secrets() {
        let text = "full address:s:pc42\r\nusername:s:jo\r\npassword 51:b:0123\r\nrubbish\r\n";
        let system = with_file(machine(), r"C:\Users\jo\Default.rdp", text.as_bytes());
        let fact = defaults(&system, r"%UserProfile%\Default.rdp");
        let Fact::ClientDefaults(read) = &fact else { panic!("another fact") };
        let settings = read.settings.as_seen().expect("settings");
        assert_eq!((settings.understood, settings.broken), (3, 1));
        assert_eq!(settings.full_address.as_deref(), Some("pc42"));
        let written = serde_json::to_string(&fact).expect("JSON");
        assert!(!written.contains("0123") && !written.contains("\"jo\""), "{written}");
    }

    #[test]
    fn beginnings_are_short() {
        let system = with_file(machine(), r"C:\Users\jo\a.bin", &[7; 4_000]);
        let facts = heads(&system, r"%UserProfile%");
        let [Fact::FileHead(head)] = facts.as_slice() else { panic!("other facts: {facts:?}") };
        assert_eq!(head.bytes.as_seen().map(|hex| hex.0.len()), Some(16));
    }
}
