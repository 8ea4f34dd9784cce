//! The registry as Windows shows it, put together from its files.

use std::cell::OnceCell;

use rdpdoctor_model::{HiveState, Lookup, RegistryData, RegistryHive};

use super::hive::{self, Hive, Key};
use super::tree::{Tree, parts};
use super::{Disk, DiskError};

/// Longest transaction log.
const LONGEST_LOG: u64 = 64 << 20;

/// Profiles that are looked at.
const MOST_PROFILES: usize = 256;

/// The keys that are files, and the files in `System32\config`.
const MACHINE: [(&str, &str); 4] = [
    (r"HKLM\SYSTEM", "SYSTEM"),
    (r"HKLM\SOFTWARE", "SOFTWARE"),
    (r"HKLM\SECURITY", "SECURITY"),
    (r"HKLM\SAM", "SAM"),
];

const USER: &str = "HKCU";

/// The files of the registry, each read when it is first asked for.
pub(super) struct Registry {
    files: Vec<HiveFile>,
    current: OnceCell<Result<String, String>>,
}

struct HiveFile {
    root: &'static str,
    path: Vec<String>,
    hive: OnceCell<Result<Hive, String>>,
}

impl HiveFile {
    fn new(root: &'static str, path: Vec<String>) -> Self {
        Self { root, path, hive: OnceCell::new() }
    }

    fn hive(&self, tree: &dyn Tree) -> Result<&Hive, String> {
        self.hive.get_or_init(|| load(tree, &self.path)).as_ref().map_err(Clone::clone)
    }
}

/// A hive and its logs. Without the logs it is a state that Windows itself would not start from.
fn load(tree: &dyn Tree, path: &[String]) -> Result<Hive, String> {
    let name = path.last().map(String::as_str).unwrap_or_default();
    let own: Vec<&str> = path.iter().map(String::as_str).collect();
    let bytes = match tree.read(&own, hive::LONGEST + 1) {
        Lookup::Seen { value } if value.len() as u64 > hive::LONGEST => {
            return Err(format!("the registry's file {name} is too long"));
        }
        Lookup::Seen { value } => value,
        Lookup::Absent => return Err(format!("the registry's file {name} is not there")),
        Lookup::Unavailable { why } => {
            return Err(format!("the registry's file {name} cannot be read: {why}"));
        }
    };
    let log = |suffix: &str| {
        let log = format!("{name}{suffix}");
        let mut path = own.clone();
        path.pop();
        path.push(&log);
        tree.read(&path, LONGEST_LOG).as_seen().cloned()
    };
    let logs: Vec<Vec<u8>> = [".LOG1", ".LOG2", ".LOG"].into_iter().filter_map(log).collect();
    Hive::read(bytes, &logs)
        .map_err(|why| format!("the registry's file {name} cannot be read: {why}"))
}

impl Registry {
    /// The files below the folder of Windows.
    pub(super) fn new(windows: &str) -> Self {
        let config = |name: &str| {
            [windows, "System32", "config", name].into_iter().map(str::to_owned).collect()
        };
        let files = MACHINE.iter().map(|(root, name)| HiveFile::new(root, config(name))).collect();
        Self { files, current: OnceCell::new() }
    }

    /// With the file of a user.
    pub(super) fn set_user(&mut self, path: Vec<String>) {
        self.files.retain(|file| file.root != USER);
        self.files.push(HiveFile::new(USER, path));
    }

    pub(super) fn value(&self, tree: &dyn Tree, key: &str, name: &str) -> Lookup<RegistryData> {
        self.at(tree, key, |hive, key| hive.value(key, name))
    }

    pub(super) fn values(&self, tree: &dyn Tree, key: &str) -> Lookup<Vec<(String, RegistryData)>> {
        self.at(tree, key, |hive, key| whole(hive.values(key)))
    }

    pub(super) fn subkeys(&self, tree: &dyn Tree, key: &str) -> Lookup<Vec<String>> {
        self.at(tree, key, |hive, key| whole(hive.subkeys(key)))
    }

    /// The files that were read so far, on the drive that they are on while Windows runs.
    pub(super) fn files(&self, drive: &str) -> Vec<RegistryHive> {
        let read = self.files.iter().filter_map(|file| {
            let state = match file.hive.get()? {
                Ok(hive) => Lookup::seen(HiveState {
                    last_written: hive.last_written,
                    recovered: hive.recovered,
                    problems: hive.problems.clone(),
                }),
                Err(why) => Lookup::unavailable(why.clone()),
            };
            let path = format!(r"{drive}:\{}", file.path.join(r"\"));
            Some(RegistryHive { root: file.root.to_owned(), path, state })
        });
        read.collect()
    }

    fn at<T>(
        &self,
        tree: &dyn Tree,
        key: &str,
        ask: impl FnOnce(&Hive, &Key) -> Lookup<T>,
    ) -> Lookup<T> {
        let found = self.place(tree, key).and_then(|(file, below)| Ok((file.hive(tree)?, below)));
        let (hive, below) = match found {
            Ok(found) => found,
            Err(why) => return Lookup::Unavailable { why },
        };
        match hive.key(&below) {
            Lookup::Seen { value } => ask(hive, &value),
            Lookup::Absent => Lookup::Absent,
            Lookup::Unavailable { why } => Lookup::Unavailable { why },
        }
    }

    /// The file that holds a key, and the key's path in it.
    fn place(&self, tree: &dyn Tree, key: &str) -> Result<(&HiveFile, String), String> {
        let file = self.files.iter().find_map(|file| Some((file, below(key, file.root)?)));
        let Some((file, rest)) = file else {
            return Err(match below(key, USER) {
                Some(_) => "no user's profile was found on the disk".to_owned(),
                None => format!("{key} is not on the disk"),
            });
        };
        match below(rest, "CurrentControlSet") {
            Some(rest) if file.root == MACHINE[0].0 => {
                Ok((file, format!(r"{}\{rest}", self.current(tree)?)))
            }
            _ => Ok((file, rest.to_owned())),
        }
    }

    /// The control set in use: `Select\Current` names it while Windows does not run.
    fn current(&self, tree: &dyn Tree) -> Result<String, String> {
        let look = || match self.value(tree, r"HKLM\SYSTEM\Select", "Current") {
            Lookup::Seen { value: RegistryData::Dword(number) } => {
                Ok(format!("ControlSet{number:03}"))
            }
            Lookup::Unavailable { why } => Err(why),
            _ => Err("the registry does not say which control set is in use".to_owned()),
        };
        self.current.get_or_init(look).clone()
    }
}

/// What is left of a path below a key; none when it lies elsewhere.
fn below<'k>(path: &'k str, key: &str) -> Option<&'k str> {
    let (start, rest) = path.split_at_checked(key.len())?;
    if !start.eq_ignore_ascii_case(key) {
        return None;
    }
    if rest.is_empty() { Some(rest) } else { rest.strip_prefix('\\') }
}

/// A list of which a part is lost is none: what is missing might be what matters.
fn whole<T>(read: hive::Read<T>) -> Lookup<Vec<T>> {
    match read.lost {
        None => Lookup::seen(read.all),
        Some(why) => Lookup::Unavailable { why },
    }
}

impl Disk {
    /// With the settings of the user that is meant; of the one who signed in last where none is.
    pub(super) fn of_profile(mut self, wanted: Option<&str>) -> Result<Self, DiskError> {
        let mut profiles = self.profiles();
        if let Some(wanted) = wanted {
            let names = profiles.iter().filter_map(|(_, path)| path.last().cloned()).collect();
            profiles.retain(|(_, path)| {
                path.last().is_some_and(|name| name.eq_ignore_ascii_case(wanted))
            });
            if profiles.is_empty() {
                return Err(DiskError::NoProfile(names));
            }
        }
        if let Some((_, mut path)) = profiles.into_iter().max_by_key(|(written, _)| *written) {
            path.push("NTUSER.DAT".to_owned());
            self.registry.set_user(path);
        }
        Ok(self)
    }

    /// The folders of people's profiles on this volume, and when their settings were last written.
    fn profiles(&self) -> Vec<(Option<rdpdoctor_model::Timestamp>, Vec<String>)> {
        use crate::System as _;
        const LIST: &str = r"HKLM\SOFTWARE\Microsoft\Windows NT\CurrentVersion\ProfileList";
        let sids = self.registry_subkeys(LIST);
        // Accounts of domains and machines, and of Entra ID; not those of services.
        let people = sids
            .as_seen()
            .into_iter()
            .flatten()
            .filter(|sid| sid.starts_with("S-1-5-21-") || sid.starts_with("S-1-12-1-"));
        let folders = people.take(MOST_PROFILES).filter_map(|sid| {
            let path = self.registry_value(&format!(r"{LIST}\{sid}"), "ProfileImagePath");
            let path = crate::paths::expand(self, path.as_seen()?.text()?);
            let below = path.as_seen()?.split_once(':').map(|(_, below)| below.to_owned())?;
            let folder: Vec<String> = parts(&below)?.into_iter().map(str::to_owned).collect();
            let mut file: Vec<&str> = folder.iter().map(String::as_str).collect();
            file.push("NTUSER.DAT");
            let entry = self.tree.entry(&file);
            let written = entry.as_seen()?.modified;
            Some((written, folder))
        });
        folders.collect()
    }
}
