//! The JSON around an answer, where it is known before anybody was asked: so that a code of four
//! characters can stand for it, and a question whose answer did not arrive can be named.

use std::collections::BTreeMap;

use md5::{Digest as _, Md5};
use rdpdoctor_model::{Fact, SettingOwner};

use crate::question::{Question, Side};
use crate::{checks, collect, firewall, store};

/// The beginning and the end of a fact's JSON; between them stands what was looked up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Frame {
    pub(super) head: String,
    pub(super) tail: String,
}

/// What the facts of a service are about, besides its state.
const SERVICE_SETTINGS: [&str; 4] = ["Start", "Type", "ObjectName", "DependOnService"];

/// The list of the users' profiles.
pub(super) const PROFILES: &str = r"HKLM\SOFTWARE\Microsoft\Windows NT\CurrentVersion\ProfileList";

/// Values by which the file of a key is found.
pub(super) const KEY_FILES: [(&str, &str); 3] = [
    (r"HKLM\SOFTWARE\Microsoft\Cryptography", "MachineGuid"),
    (r"HKLM\SOFTWARE\Microsoft\Windows NT\CurrentVersion", "SystemRoot"),
    (r"HKLM\SOFTWARE\Microsoft\Windows NT\CurrentVersion\ProfileList", "ProgramData"),
];

impl Frame {
    fn new(head: impl Into<String>) -> Self {
        Self { head: head.into(), tail: "}".to_owned() }
    }

    fn of_value(key: &str, name: &str) -> Self {
        let owner = match collect::owner(key) {
            SettingOwner::Local => r#"{"by":"local"}"#,
            SettingOwner::GroupPolicy { .. } => r#"{"by":"group-policy","name":null}"#,
            SettingOwner::Mdm => r#"{"by":"mdm"}"#,
            SettingOwner::Unknown => r#"{"by":"unknown"}"#,
        };
        let (key, name) = (quoted(key), quoted(name));
        Self {
            head: format!(r#"{{"kind":"registry-value","key":{key},"name":{name},"data":"#),
            tail: format!(r#","owner":{owner}}}"#),
        }
    }

    fn of_key(key: &str) -> Self {
        Self::new(format!(r#"{{"kind":"registry-key","key":{},"subkeys":"#, quoted(key)))
    }

    fn of_file(path: &str) -> Self {
        let path = quoted(&usual(path));
        Self::new(format!(r#"{{"kind":"windows-file","path":{path},"state":"#))
    }

    /// The frames of a question's answers, as far as they are known, in the order of the answers.
    pub(super) fn of(question: Question) -> Vec<Self> {
        match question {
            Question::Value(key, name) => vec![Self::of_value(key, name)],
            Question::Values(key) | Question::Subkeys(key) | Question::ValueOfEach(key, _) => {
                vec![Self::of_key(key)]
            }
            Question::Service(name) => {
                let quoted = quoted(name);
                let own =
                    Self::new(format!(r#"{{"kind":"windows-service","name":{quoted},"state":"#));
                let key = format!(r"{}\{name}", collect::SERVICES);
                let settings = SERVICE_SETTINGS.iter().map(|name| Self::of_value(&key, name));
                std::iter::once(own).chain(settings).collect()
            }
            Question::File(path) | Question::Folder(path) => vec![Self::of_file(path)],
            Question::Listeners => {
                vec![Self::new(r#"{"kind":"port-listeners","port":3389,"listeners":"#)]
            }
            Question::Sessions => vec![Self::new(r#"{"kind":"windows-sessions","sessions":"#)],
            Question::Volumes => vec![Self::new(r#"{"kind":"volumes","volumes":"#)],
            Question::Adapters => vec![Self::new(r#"{"kind":"network-adapters","adapters":"#)],
            Question::Certificates(name) => {
                let key = Self::of_key(&store::key_of(name));
                let values = KEY_FILES.iter().map(|(key, name)| Self::of_value(key, name));
                std::iter::once(key).chain(values).collect()
            }
            Question::FirewallRules => {
                firewall::RULES.iter().map(|key| Self::of_key(key)).collect()
            }
            Question::Members(group) => {
                let group = quoted(group);
                vec![Self::new(format!(r#"{{"kind":"group-members","group":{group},"members":"#))]
            }
            Question::Right(right) => {
                let right = quoted(right);
                vec![Self::new(format!(r#"{{"kind":"account-right","right":{right},"holders":"#))]
            }
            Question::Accounts => vec![Self::new(r#"{"kind":"local-accounts","accounts":"#)],
            Question::Updates => vec![Self::new(r#"{"kind":"installed-updates","updates":"#)],
            Question::Power => vec![Self {
                head: r#"{"kind":"power-plan","sleep_after":"#.to_owned(),
                tail: r#","hibernate_after":{"lookup":"unavailable","why":"not read"}}"#.to_owned(),
            }],
            Question::SavedCredentials => {
                vec![Self::new(r#"{"kind":"saved-credentials","entries":"#)]
            }
            Question::Profiles => vec![Self::of_key(PROFILES)],
            Question::LicenseGrace => vec![Self::new(r#"{"kind":"license-grace","days":"#)],
            Question::ClientDefaults(path) => {
                let path = quoted(path);
                vec![Self::new(format!(r#"{{"kind":"client-defaults","path":{path},"settings":"#))]
            }
            // Where the file lies and what a folder holds is not known before.
            Question::Hosts | Question::Heads(_) => Vec::new(),
            // Whose clock it was held against is not known before, nor which entries there are.
            Question::Clock | Question::Events(..) => Vec::new(),
        }
    }

    /// The code that stands for the head.
    pub(super) fn code(&self) -> String {
        let digest: [u8; 16] = Md5::digest(self.head.as_bytes()).into();
        let [a, b, c, d, ..] = digest;
        let mut number = u32::from_le_bytes([a, b, c, d]);
        (0..CODE)
            .map(|_| {
                let digit = DIGITS[usize::try_from(number % 62).unwrap_or(0)];
                number /= 62;
                char::from(digit)
            })
            .collect()
    }

    /// The fact that says why nobody could look.
    pub(super) fn unavailable(&self, why: &str) -> Option<Fact> {
        let Self { head, tail } = self;
        let why = quoted(why);
        let json = format!(r#"{head}{{"lookup":"unavailable","why":{why}}}{tail}"#);
        serde_json::from_str(&json).ok()
    }
}

/// Characters of a code.
pub(super) const CODE: usize = 4;

const DIGITS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// Every frame of one side by its code.
pub(super) fn by_code(side: Side) -> BTreeMap<String, Frame> {
    checks::questions(side).flat_map(Frame::of).map(|frame| (frame.code(), frame)).collect()
}

/// A JSON string.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// The path on a Windows that lies where nearly every one does.
fn usual(path: &str) -> String {
    const PLACES: [(&str, &str); 5] = [
        ("%systemroot%", r"C:\Windows"),
        ("%windir%", r"C:\Windows"),
        ("%systemdrive%", "C:"),
        ("%programdata%", r"C:\ProgramData"),
        ("%allusersprofile%", r"C:\ProgramData"),
    ];
    let lower = path.to_ascii_lowercase();
    let place = PLACES.iter().find(|(variable, _)| lower.starts_with(variable));
    place.map_or_else(
        || path.to_owned(),
        |(variable, place)| format!("{place}{}", &path[variable.len()..]),
    )
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn no_two_heads_have_one_code() {
        for side in [Side::Host, Side::Client] {
            let mut heads: BTreeMap<String, String> = BTreeMap::new();
            for frame in checks::questions(side).flat_map(Frame::of) {
                let before = heads.insert(frame.code(), frame.head.clone());
                assert!(before.is_none_or(|before| before == frame.head), "{frame:?}");
            }
        }
    }

    #[test]
    fn every_frame_makes_a_fact_of_its_question() {
        let every = [
            Question::Value(r"HKLM\SOFTWARE\Policies\x", "a\"b"),
            Question::Values(r"HKLM\SOFTWARE\x"),
            Question::Service("TermService"),
            Question::File(r"%SystemRoot%\System32\termsrv.dll"),
            Question::Listeners,
            Question::Sessions,
            Question::Volumes,
            Question::Adapters,
            Question::Certificates("My"),
            Question::FirewallRules,
            Question::Members("S-1-5-32-555"),
            Question::Right("SeNetworkLogonRight"),
            Question::Accounts,
            Question::Updates,
            Question::Power,
            Question::SavedCredentials,
        ];
        for question in every {
            for frame in Frame::of(question) {
                let fact = frame.unavailable("it did not arrive").expect("a fact");
                assert!(!matches!(fact, Fact::Unknown { .. }), "{frame:?}");
                let json = serde_json::to_string(&fact).expect("JSON");
                assert!(json.starts_with(&frame.head), "{json}\n{frame:?}");
                assert!(json.ends_with(&frame.tail), "{json}\n{frame:?}");
            }
        }
    }

    #[test]
    fn places_of_windows() {
        assert_eq!(usual(r"%SystemRoot%\x"), r"C:\Windows\x");
        assert_eq!(usual(r"%ProgramData%\x"), r"C:\ProgramData\x");
        assert_eq!(usual(r"D:\x"), r"D:\x");
    }
}
