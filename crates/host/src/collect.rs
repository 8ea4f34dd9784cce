//! Asks a system what the checks ask, each question once, and keeps the answers as facts.

use std::collections::BTreeSet;

use rdpdoctor_model::{
    Fact, FactsOf, Hex, Lookup, MachineCertificate, Observation, ObservationId, Origin,
    PortListeners, RegistryData, RegistryKey, RegistryValue, SettingOwner, Timestamp, WindowsFile,
    WindowsService,
};

use crate::question::{Question, Side};
use crate::system::{MOST_NAMES, System};
use crate::{checks, firewall, paths, policy_name, store, user_files};

/// The listener of Remote Desktop.
pub(crate) const LISTENER: &str =
    r"HKLM\SYSTEM\CurrentControlSet\Control\Terminal Server\WinStations\RDP-Tcp";

/// Where services are set up.
pub(crate) const SERVICES: &str = r"HKLM\SYSTEM\CurrentControlSet\Services";

/// Longest binary value that is kept; certificates are read apart.
const LONGEST_BINARY: usize = 4_096;

/// Longest text of a value that is kept, in characters.
const LONGEST_TEXT: usize = 8_192;

/// Lines of a list that are kept.
const MOST_TEXTS: usize = 256;

/// The facts of one side of the machine, those that can decide first.
pub fn collect(system: &dyn System, side: Side) -> Vec<Fact> {
    let mut facts = vec![Fact::FactsOf(FactsOf {
        computer: system.computer().as_seen().cloned(),
        collected_at: Some(Timestamp::now()),
        way: system.way(),
        elevated: system.elevated(),
        missing_parts: Vec::new(),
    })];
    let mut asked = BTreeSet::new();
    for question in checks::questions(side) {
        if asked.insert(question) {
            facts.extend(answer(system, question));
        }
    }
    policy_name::name(system, &mut facts);
    facts.extend(system.hives().into_iter().map(|hive| Fact::RegistryHive(Box::new(hive))));
    facts
}

/// Facts as observations of one side, in their order; `file` is where they were read from, if so.
pub fn observations(facts: Vec<Fact>, side: Side, file: Option<&str>) -> Vec<Observation> {
    let collected_at = facts.iter().find_map(|fact| match fact {
        Fact::FactsOf(of) => of.collected_at,
        _ => None,
    });
    let observation = |(index, fact): (usize, Fact)| Observation {
        id: ObservationId::numbered(index + 1),
        source: side.source(),
        stage: side.stage(),
        at: collected_at,
        at_ms: 0,
        origin: file.map(|file| Origin { file: file.to_owned(), frame: None }),
        connection: None,
        fact,
    };
    facts.into_iter().enumerate().map(observation).collect()
}

/// What one question is answered, as facts; none is never the answer.
pub(crate) fn answer(system: &dyn System, question: Question) -> Vec<Fact> {
    match question {
        Question::Value(key, name) => vec![value(system, key, name)],
        Question::Values(key) => values(system, key),
        Question::Subkeys(key) => {
            let subkeys = system.registry_subkeys(key);
            vec![Fact::RegistryKey(Box::new(RegistryKey {
                key: key.to_owned(),
                subkeys,
                values: None,
            }))]
        }
        Question::ValueOfEach(key, name) => value_of_each(system, key, name),
        Question::Service(name) => service(system, name),
        Question::File(path) => vec![file(system, &paths::expand(system, path))],
        Question::Folder(path) => folder(system, &paths::expand(system, path)),
        Question::Listeners => vec![listeners(system)],
        Question::Sessions => vec![Fact::WindowsSessions { sessions: system.sessions() }],
        Question::Volumes => vec![Fact::Volumes { volumes: system.volumes() }],
        Question::Adapters => vec![Fact::NetworkAdapters { adapters: system.adapters() }],
        Question::Certificates(name) => certificates(system, name),
        Question::FirewallRules => firewall::rules(system),
        Question::Members(group) => {
            vec![Fact::GroupMembers { group: group.to_owned(), members: system.members(group) }]
        }
        Question::Right(right) => {
            let holders = system.right(right);
            vec![Fact::AccountRight { right: right.to_owned(), holders }]
        }
        Question::Accounts => vec![Fact::LocalAccounts { accounts: system.accounts() }],
        Question::Updates => vec![Fact::InstalledUpdates { updates: system.updates() }],
        Question::Power => {
            let (sleep_after, hibernate_after) = system.power();
            vec![Fact::PowerPlan { sleep_after, hibernate_after }]
        }
        Question::Clock => {
            let (against, ahead_ms) = system.clock();
            vec![Fact::ClockOffset { against, ahead_ms }]
        }
        Question::SavedCredentials => {
            vec![Fact::SavedCredentials { entries: system.saved_credentials() }]
        }
        Question::Events(channel, provider, ids) => events(system, channel, provider, ids),
        Question::Profiles => user_files::profiles(system),
        Question::Hosts => vec![user_files::hosts(system)],
        Question::ClientDefaults(path) => vec![user_files::defaults(system, path)],
        Question::Heads(path) => user_files::heads(system, path),
        Question::LicenseGrace => vec![Fact::LicenseGrace { days: system.license_grace() }],
    }
}

/// A value as a fact, with its owner.
pub(crate) fn value(system: &dyn System, key: &str, name: &str) -> Fact {
    named(key, name, system.registry_value(key, name))
}

pub(crate) fn named(key: &str, name: &str, data: Lookup<RegistryData>) -> Fact {
    Fact::RegistryValue(Box::new(RegistryValue {
        key: key.to_owned(),
        name: name.to_owned(),
        data: bounded(data),
        owner: owner(key),
    }))
}

fn bounded(data: Lookup<RegistryData>) -> Lookup<RegistryData> {
    match data {
        Lookup::Seen { value: RegistryData::Binary(Hex(bytes)) }
            if bytes.len() > LONGEST_BINARY =>
        {
            Lookup::unavailable(format!("it holds {} bytes", bytes.len()))
        }
        Lookup::Seen { value: RegistryData::Text(text) } => {
            let kept = text.chars().take(LONGEST_TEXT).collect();
            Lookup::seen(RegistryData::Text(kept))
        }
        Lookup::Seen { value: RegistryData::Texts(texts) } => {
            let short = |text: String| text.chars().take(LONGEST_TEXT).collect();
            let kept = texts.into_iter().take(MOST_TEXTS).map(short).collect();
            Lookup::seen(RegistryData::Texts(kept))
        }
        other => other,
    }
}

/// Who owns what stands in a key, as far as its place tells.
pub(crate) fn owner(key: &str) -> SettingOwner {
    let key = key.to_ascii_lowercase();
    if key.contains(r"\policymanager\") || key.contains(r"\firewallpolicy\mdm\") {
        SettingOwner::Mdm
    } else if key.contains(r"\software\policies\") {
        SettingOwner::GroupPolicy { name: None }
    } else {
        SettingOwner::Local
    }
}

fn values(system: &dyn System, key: &str) -> Vec<Fact> {
    match system.registry_values(key) {
        Lookup::Seen { value } => {
            let count = u32::try_from(value.len()).unwrap_or(u32::MAX);
            let subkeys = system.registry_subkeys(key);
            let own = RegistryKey { key: key.to_owned(), subkeys, values: Some(count) };
            let all = value.into_iter().map(|(name, data)| named(key, &name, Lookup::seen(data)));
            std::iter::once(Fact::RegistryKey(Box::new(own))).chain(all).collect()
        }
        Lookup::Absent => vec![missing(key, Lookup::Absent)],
        Lookup::Unavailable { why } => vec![missing(key, Lookup::Unavailable { why })],
    }
}

pub(crate) fn missing(key: &str, subkeys: Lookup<Vec<String>>) -> Fact {
    Fact::RegistryKey(Box::new(RegistryKey { key: key.to_owned(), subkeys, values: None }))
}

fn value_of_each(system: &dyn System, key: &str, name: &str) -> Vec<Fact> {
    let subkeys = system.registry_subkeys(key);
    let below: Vec<Fact> = subkeys
        .as_seen()
        .into_iter()
        .flatten()
        .take(MOST_NAMES)
        .map(|subkey| value(system, &format!(r"{key}\{subkey}"), name))
        .collect();
    std::iter::once(missing(key, subkeys)).chain(below).collect()
}

fn service(system: &dyn System, name: &str) -> Vec<Fact> {
    let key = format!(r"{SERVICES}\{name}");
    let state = system.service(name);
    let own = Fact::WindowsService(WindowsService { name: name.to_owned(), state });
    let settings = ["Start", "Type", "ObjectName", "DependOnService"];
    std::iter::once(own)
        .chain(settings.into_iter().map(|setting| value(system, &key, setting)))
        .collect()
}

pub(crate) fn file(system: &dyn System, path: &Lookup<String>) -> Fact {
    let (path, state) = match path {
        Lookup::Seen { value } => (value.clone(), system.file(value)),
        Lookup::Absent => (String::new(), Lookup::Absent),
        Lookup::Unavailable { why } => (String::new(), Lookup::unavailable(why.clone())),
    };
    Fact::WindowsFile(Box::new(WindowsFile { path, state }))
}

fn folder(system: &dyn System, path: &Lookup<String>) -> Vec<Fact> {
    let own = file(system, path);
    let names = path.as_seen().map(|path| (path, system.folder(path)));
    let inside = names.iter().flat_map(|(path, names)| {
        let names = names.as_seen().into_iter().flatten().take(MOST_NAMES);
        names.map(move |name| file(system, &Lookup::seen(format!(r"{path}\{name}"))))
    });
    std::iter::once(own).chain(inside).collect()
}

/// Who listens on the port that the listener is set to; on the usual one where nobody could look.
fn listeners(system: &dyn System) -> Fact {
    let port = system.registry_value(LISTENER, "PortNumber");
    let port = port.as_seen().and_then(RegistryData::number);
    let port = port.and_then(|port| u16::try_from(port).ok());
    let port = port.unwrap_or(rdpdoctor_model::DEFAULT_PORT);
    Fact::PortListeners(PortListeners { port, listeners: system.listeners(port) })
}

/// The certificates of a store, and the files of their keys.
fn certificates(system: &dyn System, name: &str) -> Vec<Fact> {
    let found = match store::certificates(system, name) {
        Lookup::Seen { value } => value,
        Lookup::Absent => return vec![missing(&store::key_of(name), Lookup::Absent)],
        Lookup::Unavailable { why } => {
            return vec![missing(&store::key_of(name), Lookup::Unavailable { why })];
        }
    };
    let mut facts =
        vec![missing(&store::key_of(name), Lookup::seen(found.iter().map(thumbprint).collect()))];
    for certificate in found {
        let key_file = certificate.key.as_seen().and_then(|key| key.file.clone());
        facts.push(Fact::MachineCertificate(Box::new(certificate)));
        facts.extend(key_file.map(|path| file(system, &Lookup::seen(path))));
    }
    facts
}

fn thumbprint(certificate: &MachineCertificate) -> String {
    certificate.thumbprint.clone()
}

fn events(system: &dyn System, channel: &str, provider: &str, ids: &[u32]) -> Vec<Fact> {
    match system.events(channel, provider, ids) {
        Lookup::Seen { value } => {
            value.into_iter().map(|event| Fact::WindowsEvent(Box::new(event))).collect()
        }
        // An event log that could not be read is no fact about the machine; `FactsOf` says the way.
        Lookup::Absent | Lookup::Unavailable { .. } => Vec::new(),
    }
}
