//! What several rules ask of a Windows machine's facts.

use rdpdoctor_model::{Fact, Lookup, ObservationId, RegistryData, WindowsFile};

use crate::machine::{Machine, Setting};
use crate::{Match, Proof, Seen, Severity};

/// What Windows says of itself.
pub(crate) const VERSION: &str = r"HKLM\SOFTWARE\Microsoft\Windows NT\CurrentVersion";
/// How CredSSP treats the other end's age.
pub(crate) const CREDSSP: &str =
    r"HKLM\SOFTWARE\Microsoft\Windows\CurrentVersion\Policies\System\CredSSP\Parameters";
/// AllowEncryptionOracle: 0 the other end must be up to date, 1 usual, 2 open to CVE-2018-0886.
pub(crate) const ORACLE: &str = "AllowEncryptionOracle";
/// The keys of the local security authority.
pub(crate) const LSA: &str = r"HKLM\SYSTEM\CurrentControlSet\Control\Lsa";
/// Those of NTLM.
pub(crate) const NTLM: &str = r"HKLM\SYSTEM\CurrentControlSet\Control\Lsa\MSV1_0";
/// The client's own settings.
pub(crate) const CLIENT: &str = r"HKLM\SOFTWARE\Microsoft\Terminal Server Client";
/// The same of one user.
pub(crate) const OWN_CLIENT: &str = r"HKCU\SOFTWARE\Microsoft\Terminal Server Client";

/// One thing of several that a rule found.
#[derive(Debug, Clone)]
pub(crate) struct Point {
    pub(crate) severity: Severity,
    pub(crate) proof: Proof,
    pub(crate) evidence: Vec<ObservationId>,
    /// What it comes to, when it is the worst.
    pub(crate) title: String,
    /// A sentence about it.
    pub(crate) words: String,
}

impl Point {
    pub(crate) fn new(
        severity: Severity,
        proof: Proof,
        evidence: impl IntoIterator<Item = ObservationId>,
        title: impl Into<String>,
        words: impl Into<String>,
    ) -> Self {
        let (title, words) = (title.into(), words.into());
        Self { severity, proof, evidence: evidence.into_iter().collect(), title, words }
    }

    /// About one setting, whoever set it.
    pub(crate) fn of_setting(
        severity: Severity,
        proof: Proof,
        setting: &Setting<'_>,
        title: impl Into<String>,
        words: &str,
    ) -> Self {
        let words = format!("{words}{}", whose(setting));
        Self::new(severity, proof, [setting.id.clone()], title, words)
    }
}

/// Points that are told one by one.
const TOLD: usize = 6;

/// The match that several points come to: the worst one leads.
pub(crate) fn matched(points: Vec<Point>) -> Option<Match> {
    let worst = points.iter().min_by_key(|point| (point.severity, point.proof))?;
    let mut ids: Vec<ObservationId> = Vec::new();
    for id in points.iter().flat_map(|point| &point.evidence) {
        if !ids.contains(id) {
            ids.push(id.clone());
        }
    }
    let mut words: Vec<&str> = points.iter().map(|point| point.words.as_str()).collect();
    words.dedup();
    words.truncate(TOLD);
    let found = Match::new(worst.severity, worst.proof, ids);
    Some(found.titled(worst.title.clone()).detailed(words.join(" ")))
}

/// A sentence about who has to change a setting; none when it is the machine's own.
pub(crate) fn whose(setting: &Setting<'_>) -> &'static str {
    if setting.is_managed() {
        " A policy set it: changed by hand it comes back, so the policy has to be changed."
    } else {
        ""
    }
}

/// A number, with its setting.
pub(crate) fn number<'a>(
    machine: &Machine<'_, 'a>,
    key: &str,
    name: &str,
) -> Option<(Setting<'a>, u64)> {
    let setting = machine.setting(key, name)?;
    let number = setting.data.number()?;
    Some((setting, number))
}

/// A text, with its setting.
pub(crate) fn text<'a>(
    machine: &Machine<'_, 'a>,
    key: &str,
    name: &str,
) -> Option<(Setting<'a>, &'a str)> {
    let setting = machine.setting(key, name)?;
    let text = setting.data.text()?.trim();
    (!text.is_empty()).then_some((setting, text))
}

/// The values of a key that are there, whatever their names.
pub(crate) fn values<'a>(machine: &Machine<'_, 'a>, key: &str) -> Vec<Seen<'a, &'a RegistryData>> {
    machine.all(|fact| match fact {
        Fact::RegistryValue(value) if value.key.eq_ignore_ascii_case(key) => value.data.as_seen(),
        _ => None,
    })
}

/// The names of the keys in a key, whatever became of the question.
pub(crate) fn subkeys<'a>(
    machine: &Machine<'_, 'a>,
    key: &str,
) -> Option<Seen<'a, &'a Lookup<Vec<String>>>> {
    machine.last(|fact| match fact {
        Fact::RegistryKey(found) if found.key.eq_ignore_ascii_case(key) => Some(&found.subkeys),
        _ => None,
    })
}

/// Which Windows it is.
pub(crate) struct Build {
    pub(crate) id: ObservationId,
    pub(crate) number: u32,
    /// The updates' number behind it (UBR).
    pub(crate) revision: Option<u32>,
}

/// Which Windows it is, where that was read.
pub(crate) fn build(machine: &Machine<'_, '_>) -> Option<Build> {
    let (setting, text) = text(machine, VERSION, "CurrentBuildNumber")?;
    let revision = machine.number(VERSION, "UBR").and_then(|n| u32::try_from(n).ok());
    Some(Build { id: setting.id, number: text.parse().ok()?, revision })
}

/// Whether it is a server; `None` where nobody looked.
pub(crate) fn is_server(machine: &Machine<'_, '_>) -> Option<bool> {
    let (_, kind) = text(machine, VERSION, "InstallationType")?;
    Some(kind.to_ascii_lowercase().starts_with("server"))
}

/// A file by the end of its path.
pub(crate) fn file<'a>(machine: &Machine<'_, 'a>, name: &str) -> Option<Seen<'a, &'a WindowsFile>> {
    let end = format!(r"\{}", name.to_ascii_lowercase());
    machine.last(|fact| match fact {
        Fact::WindowsFile(file) if file.path.to_ascii_lowercase().ends_with(&end) => Some(&**file),
        _ => None,
    })
}

/// tspkg.dll as of the CredSSP update of May 2018 (CVE-2018-0886), and the update that brings it.
/// Later releases had it from the start.
const CREDSSP_UPDATES: &[([u32; 4], &str)] = &[
    ([6, 1, 7601, 24117], "KB4103718"),
    ([6, 2, 9200, 22432], "KB4103730"),
    ([6, 3, 9600, 18999], "KB4103725"),
    ([10, 0, 14393, 2248], "KB4103723"),
    ([10, 0, 15063, 1088], "KB4103731"),
    ([10, 0, 16299, 431], "KB4103727"),
];

/// The observation that CredSSP is older than the update, and a sentence about it.
pub(crate) fn without_credssp_update(machine: &Machine<'_, '_>) -> Option<(ObservationId, String)> {
    let seen = file(machine, "tspkg.dll")?;
    let version = seen.value.state.as_seen()?.version.as_deref()?;
    let read = four(version)?;
    let (fixed, update) = CREDSSP_UPDATES.iter().find(|(fixed, _)| fixed[..3] == read[..3])?;
    (read[3] < fixed[3]).then(|| {
        let words = format!(
            "tspkg.dll has version {}.{}.{}.{}; {update} and every later cumulative update bring \
             {} at least.",
            read[0], read[1], read[2], read[3], fixed[3]
        );
        (seen.id(), words)
    })
}

/// `10.0.14393.2248 (rs1_release...)`
fn four(version: &str) -> Option<[u32; 4]> {
    let numbers = version.split_whitespace().next()?;
    let mut parts = numbers.split('.').map(|part| part.parse().ok());
    let four = [parts.next()??, parts.next()??, parts.next()??, parts.next()??];
    parts.next().is_none().then_some(four)
}

/// The members of a group, where they could be read.
pub(crate) fn members<'a>(machine: &Machine<'_, 'a>, sid: &str) -> Option<Seen<'a, &'a [String]>> {
    machine.last(|fact| match fact {
        Fact::GroupMembers { group, members } if group == sid => match members {
            Lookup::Seen { value } => Some(value.as_slice()),
            Lookup::Absent => Some(&[]),
            Lookup::Unavailable { .. } => None,
        },
        _ => None,
    })
}

/// Who holds a right, where that could be read.
pub(crate) fn holders<'a>(machine: &Machine<'_, 'a>, name: &str) -> Option<Seen<'a, &'a [String]>> {
    machine.last(|fact| match fact {
        Fact::AccountRight { right, holders } if right == name => match holders {
            Lookup::Seen { value } => Some(value.as_slice()),
            Lookup::Absent => Some(&[]),
            Lookup::Unavailable { .. } => None,
        },
        _ => None,
    })
}

/// The group Remote Desktop Users.
pub(crate) const REMOTE_USERS: &str = "S-1-5-32-555";
/// The group Administrators.
pub(crate) const ADMINISTRATORS: &str = "S-1-5-32-544";

#[cfg(test)]
mod tests {
    use rdpdoctor_model::{Fact, FileState, Lookup, Stage, WindowsFile};

    use super::{four, without_credssp_update};
    use crate::machine::Machine;
    use crate::testing::Scene;

    #[test]
    fn versions_of_files() {
        assert_eq!(four("10.0.14393.2248 (rs1_release.1)"), Some([10, 0, 14393, 2248]));
        assert_eq!(four("10.0.14393"), None);
        assert_eq!(four("10.0.14393.1.2"), None);
        assert_eq!(four(""), None);
    }

    #[test]
    fn credssp_before_and_after_its_update() {
        let missing = |version: Option<&str>| {
            let version = version.map(str::to_owned);
            let state = FileState { length: 1, modified: None, version, access: Lookup::Absent };
            let path = r"C:\Windows\System32\tspkg.dll".to_owned();
            let file = WindowsFile { path, state: Lookup::seen(state) };
            Scene::new()
                .fact(Stage::Host, Fact::WindowsFile(Box::new(file)))
                .with_evidence(|evidence| without_credssp_update(&Machine::host(evidence)))
        };
        assert!(missing(Some("10.0.14393.2247")).is_some());
        assert!(missing(Some("6.1.7601.23915")).is_some());
        assert_eq!(missing(Some("10.0.14393.2248")), None);
        assert_eq!(missing(Some("10.0.20348.1")), None, "had it from the start");
        assert_eq!(missing(None), None);
    }
}
