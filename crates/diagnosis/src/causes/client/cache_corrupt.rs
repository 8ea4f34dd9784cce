//! What the client keeps between connections is damaged.

use rdpdoctor_model::{CauseId, Change, Fact, Hex, Lookup, ObservationId, Stage};

use crate::machine::Machine;
use crate::machine_facts::{Point, matched, subkeys};
use crate::mend::Mend;
use crate::{Cause, Evidence, Match, Owner, Proof, Remedy, Reproduction, Risk, Severity, Where};

/// `client.cache-corrupt`
pub static CAUSE: Cause = Cause {
    id: CauseId("client.cache-corrupt"),
    stage: Stage::Client,
    owner: Owner::User,
    title: "A file that this client keeps for itself is damaged",
    explanation: "The client keeps its last settings in Default.rdp and parts of pictures in a cache, and its licences in the registry. A damaged one shows as settings that do not hold, as wrong or missing parts of the picture, or as a licensing error. All of them are made anew when they are not there.",
    excludes: &["the host, the network, the account"],
    remedies: &[
        Remedy {
            id: "move-the-file-aside",
            place: Where::Client,
            risk: Risk::Low,
            title: "Close the client, and move the damaged file aside",
            steps: &[
                "PS> Move-Item \"$([Environment]::GetFolderPath('MyDocuments'))\\Default.rdp\" \"$([Environment]::GetFolderPath('MyDocuments'))\\Default.rdp.bak\"",
                "PS> Rename-Item \"$env:LOCALAPPDATA\\Microsoft\\Terminal Server Client\\Cache\" Cache.bak",
            ],
            interrupts: "the client's last settings are as on the first day",
            undo: &["Give the file or the folder its former name back"],
            verify: "rdpdoctor client finds it no longer",
        },
        Remedy {
            id: "let-the-licence-store-be-made-anew",
            place: Where::Client,
            risk: Risk::Medium,
            title: "After a licensing error only: keep the licence store, and let it be made anew",
            steps: &[
                "PS> reg export HKLM\\SOFTWARE\\Microsoft\\MSLicensing C:\\mslicensing.reg",
                "PS> Remove-Item HKLM:\\SOFTWARE\\Microsoft\\MSLicensing -Recurse",
                "Start mstsc once as administrator, and connect.",
            ],
            interrupts: "nothing",
            undo: &["PS> reg import C:\\mslicensing.reg"],
            verify: "the connection gets past the licensing",
        },
    ],
    references: &[
        "https://bonguides.com/how-to-clear-rdp-connections-history-in-windows",
        "MS-RDPELE 3.2.5",
    ],
    client_shows: &[],
    more_specific_than: &[],
    reproduction: Reproduction::Test("facts_of_broken_clients"),
    next_tests: &[],
    rule,
};

/// How the files of the picture cache begin (Cache0000.bin and on).
const CACHE_HEAD: &[u8] = b"RDP8bmp\0";

const LICENSING: &str = r"HKLM\SOFTWARE\Microsoft\MSLicensing";

/// Files that are told and moved one by one.
const TOLD: usize = 8;

/// What is changed: the damaged files are moved aside. The licence store stays.
pub static MEND: Mend = Mend {
    cause: CAUSE.id,
    remedy: "move-the-file-aside",
    changes: |evidence| {
        let client = Machine::client(evidence);
        let files = defaults(&client).into_iter().chain(cache(&client));
        files.map(|(path, _)| Change::MoveFileAside { path }).collect()
    },
};

fn rule(evidence: &Evidence<'_>) -> Option<Match> {
    let client = Machine::client(evidence);
    let mut points: Vec<Point> = Vec::new();
    if let Some((_, id)) = defaults(&client) {
        let title = "The client's own settings are damaged: Default.rdp holds none";
        let words = "Default.rdp has content, and not one line of it is a setting.";
        points.push(Point::new(Severity::Warning, Proof::Likely, [id], title, words));
    }
    points.extend(cache(&client).into_iter().map(|(path, id)| {
        let name = path.rsplit('\\').next().unwrap_or_default();
        let title = "A file of the client's picture cache is damaged";
        let words = format!("{name} does not begin as such a file does.");
        Point::new(Severity::Warning, Proof::Likely, [id], title, words)
    }));
    points.extend(licences(&client));
    matched(points)
}

/// A Default.rdp that has content and no setting.
fn defaults(client: &Machine<'_, '_>) -> Option<(String, ObservationId)> {
    let seen = client.last(|fact| match fact {
        Fact::ClientDefaults(defaults) => Some((&*defaults.path, defaults.settings.as_seen()?)),
        _ => None,
    })?;
    let (path, settings) = seen.value;
    // An empty one is as good as none.
    (settings.length > 2 && settings.understood == 0).then(|| (path.to_owned(), seen.id()))
}

/// Files of the cache that do not begin as they should. An empty one is made before it is filled.
fn cache(client: &Machine<'_, '_>) -> Vec<(String, ObservationId)> {
    let heads = client.all(|fact| match fact {
        Fact::FileHead(head) => match &head.bytes {
            Lookup::Seen { value: Hex(bytes) } if is_cache(&head.path) => {
                (!bytes.is_empty() && !bytes.starts_with(CACHE_HEAD)).then_some(&*head.path)
            }
            _ => None,
        },
        _ => None,
    });
    heads.iter().take(TOLD).map(|seen| (seen.value.to_owned(), seen.id())).collect()
}

/// `Cache0001.bin`; the older `bcache24.bmc` has no head.
fn is_cache(path: &str) -> bool {
    let name = path.rsplit('\\').next().unwrap_or_default().to_ascii_lowercase();
    name.strip_prefix("cache").and_then(|rest| rest.strip_suffix(".bin")).is_some_and(|number| {
        !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit())
    })
}

/// Licences without the number of the machine that they were given to. No page says that this is a
/// fault; it is told for those who have a licensing error.
fn licences(client: &Machine<'_, '_>) -> Option<Point> {
    let listed = subkeys(client, LICENSING)?;
    let names = listed.value.as_seen()?;
    let has = |wanted: &str| names.iter().any(|name| name.eq_ignore_ascii_case(wanted));
    let title = "The client's licence store has no number of this machine";
    let words = "The licence store holds licences and no HardwareID, to which they belong.";
    (has("Store") && !has("HardwareID"))
        .then(|| Point::new(Severity::Info, Proof::Possible, [listed.id()], title, words))
}

#[cfg(test)]
mod tests {
    use rdpdoctor_model::{
        Change, ClientDefaults, DefaultSettings, Fact, FileHead, Hex, Lookup, RegistryKey, Stage,
    };

    use super::{CAUSE, LICENSING, MEND};
    use crate::testing::Scene;

    const FOLDER: &str = r"C:\Users\jo\AppData\Local\Microsoft\Terminal Server Client\Cache";

    fn changes(scene: &Scene) -> Vec<Change> {
        scene.with_evidence(|evidence| (MEND.changes)(evidence))
    }

    #[test]
    fn settings_that_are_none() {
        let of = |length, understood| {
            let settings = DefaultSettings { length, understood, ..DefaultSettings::default() };
            let path = r"C:\Users\jo\Documents\Default.rdp".to_owned();
            let defaults = ClientDefaults { path, settings: Lookup::seen(settings) };
            Scene::new().fact(Stage::Client, Fact::ClientDefaults(Box::new(defaults)))
        };
        assert!(of(2_000, 0).judge(&CAUSE).is_some());
        assert!(matches!(changes(&of(2_000, 0)).as_slice(), [Change::MoveFileAside { .. }]));
        assert_eq!(of(2_000, 40).judge(&CAUSE), None);
        assert_eq!((of(0, 0).judge(&CAUSE), changes(&of(0, 0)).len()), (None, 0));
    }

    #[test]
    fn files_of_the_picture_cache() {
        let of = |name: &str, bytes: Lookup<&[u8]>| {
            let bytes = bytes.map_seen(|bytes| Hex(bytes.to_vec()));
            let head = FileHead { path: format!(r"{FOLDER}\{name}"), bytes };
            Scene::new().fact(Stage::Client, Fact::FileHead(head))
        };
        let zeros: &[u8] = &[0; 16];
        let usual: &[u8] = b"RDP8bmp\0\x06\0\0\0abcd";
        assert!(of("Cache0000.bin", Lookup::seen(zeros)).judge(&CAUSE).is_some());
        assert_eq!(changes(&of("Cache0000.bin", Lookup::seen(zeros))).len(), 1);
        assert_eq!(of("Cache0000.bin", Lookup::seen(usual)).judge(&CAUSE), None);
        assert_eq!(of("Cache0000.bin", Lookup::seen(&[])).judge(&CAUSE), None);
        assert_eq!(of("bcache24.bmc", Lookup::seen(zeros)).judge(&CAUSE), None);
        assert_eq!(of("Cache0000.bin", Lookup::unavailable("in use")).judge(&CAUSE), None);
    }

    #[test]
    fn the_licence_store() {
        let found = |names: &[&str]| {
            let subkeys = Lookup::seen(names.iter().map(|name| (*name).to_owned()).collect());
            let key = LICENSING.to_owned();
            let fact = Fact::RegistryKey(Box::new(RegistryKey { key, subkeys, values: None }));
            let scene = Scene::new().fact(Stage::Client, fact);
            assert!(changes(&scene).is_empty());
            scene.judge(&CAUSE).is_some()
        };
        assert!(found(&["Store"]));
        assert!(!found(&["HardwareID", "Store"]) && !found(&[]));
    }
}
