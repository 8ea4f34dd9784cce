//! The `.rdp` file makes the connection weaker than the client's own defaults.

use rdpdoctor_model::{CauseId, Fact, Lookup, ObservationId, Stage};

use crate::causes::rdp_file;
use crate::{Cause, Evidence, Match, Owner, Proof, Remedy, Reproduction, Risk, Severity, Where};

/// `client.rdp-file-weakens-security`
pub static CAUSE: Cause = Cause {
    id: CauseId("client.rdp-file-weakens-security"),
    stage: Stage::RdpFile,
    owner: Owner::Client,
    title: "The .rdp file makes the connection less safe than the client's defaults",
    explanation: "What stands in such a file goes before the client's own defaults. Whoever wrote it decides whether the computer must prove who it is, and what it gets of this machine; attackers send such files by mail.",
    excludes: &[],
    remedies: &[
        rdp_file::MENDED_COPY,
        Remedy {
            id: "sign-the-file",
            place: Where::Client,
            risk: Risk::Low,
            title: "Sign files that you give to others, and let them take what they need only",
            steps: &[
                "Leave out every redirection that nobody needs (redirectdrives, drivestoredirect, usbdevicestoredirect).",
                "PS> rdpsign.exe /sha256 <thumbprint of a code signing certificate> <file.rdp>",
                "Let clients trust the publisher: policy Computer Configuration, Administrative Templates, Remote Desktop Connection Client, \"Specify SHA1 thumbprints of certificates representing trusted .rdp publishers\".",
            ],
            interrupts: "nothing",
            undo: &["Remove the lines signscope and signature; withdraw the policy."],
            verify: "mstsc names the publisher instead of \"Unknown remote connection\"",
        },
    ],
    references: &[
        "KB5083769",
        "https://learn.microsoft.com/azure/virtual-desktop/rdp-properties",
        "https://learn.microsoft.com/windows-server/administration/windows-commands/rdpsign",
    ],
    client_shows: &[],
    more_specific_than: &[],
    reproduction: Reproduction::Test("files_that_weaken_the_connection"),
    next_tests: &[],
    rule,
};

/// One way in which the file weakens the connection.
struct Weakness {
    severity: Severity,
    proof: Proof,
    evidence: Vec<ObservationId>,
    words: String,
    /// What the title has no room for.
    more: String,
}

fn rule(evidence: &Evidence<'_>) -> Option<Match> {
    let weaknesses: Vec<Weakness> = [
        identity_unchecked(evidence),
        no_nla(evidence),
        clear_password(evidence),
        broken_signature(evidence),
        shared_unsigned(evidence),
        shown_elsewhere(evidence),
    ]
    .into_iter()
    .flatten()
    .collect();
    let severity = weaknesses.iter().map(|weakness| weakness.severity).min()?;
    let leading = || weaknesses.iter().filter(|weakness| weakness.severity == severity);
    let proof = leading().map(|weakness| weakness.proof).min()?;
    let title = leading().map(|weakness| weakness.words.as_str()).next()?;
    let mut ids: Vec<ObservationId> =
        weaknesses.iter().flat_map(|weakness| weakness.evidence.clone()).collect();
    ids.dedup();
    let words: Vec<String> = weaknesses.iter().map(|w| format!("{}{}", w.words, w.more)).collect();
    Some(
        Match::new(severity, proof, ids)
            .titled(format!("The .rdp file weakens the connection: {title}"))
            .detailed(format!("Here: {}.", words.join("; "))),
    )
}

fn identity_unchecked(evidence: &Evidence<'_>) -> Option<Weakness> {
    let (_, id) = rdp_file::number(evidence, "authentication level").filter(|(n, _)| *n == 0)?;
    Some(proven([id], "it connects to whoever answers (authentication level:i:0)"))
}

fn no_nla(evidence: &Evidence<'_>) -> Option<Weakness> {
    let (_, id) = rdp_file::number(evidence, "enablecredsspsupport").filter(|(n, _)| *n == 0)?;
    Some(proven([id], "no sign-in before the session (enablecredsspsupport:i:0)"))
}

fn clear_password(evidence: &Evidence<'_>) -> Option<Weakness> {
    let file = rdp_file::whole(evidence).filter(|file| file.value.clear_password)?;
    Some(proven([file.id()], "it holds a password that anybody can read"))
}

fn broken_signature(evidence: &Evidence<'_>) -> Option<Weakness> {
    let broken = evidence.all(|fact| match fact {
        Fact::RdpFileSignature { fits: Lookup::Seen { value: false }, .. } => Some(()),
        _ => None,
    });
    Some(proven([broken.last()?.id()], "its signature does not fit what it says"))
}

fn proven(evidence: impl Into<Vec<ObservationId>>, words: &str) -> Weakness {
    let (severity, proof) = (Severity::Warning, Proof::Proven);
    let (words, more) = (words.to_owned(), String::new());
    Weakness { severity, proof, evidence: evidence.into(), words, more }
}

/// Settings that give the remote computer a part of this one, where they are numbers.
const SHARED: &[&str] = &[
    "redirectdrives",
    "redirectclipboard",
    "redirectprinters",
    "redirectcomports",
    "redirectsmartcards",
    "redirectposdevices",
    "redirectlocation",
    "redirectwebauthn",
    "audiocapturemode",
];

/// The same where they are lists.
const SHARED_LISTS: &[&str] =
    &["drivestoredirect", "devicestoredirect", "usbdevicestoredirect", "camerastoredirect"];

/// Since April 2026 (KB5083769) `mstsc` asks before each connection with an unsigned file, and
/// leaves every redirection off unless the user switches it on there.
fn shared_unsigned(evidence: &Evidence<'_>) -> Option<Weakness> {
    let file = rdp_file::whole(evidence).filter(|file| !file.value.signed)?;
    let numbers = SHARED.iter().filter_map(|name| {
        let (number, id) = rdp_file::number(evidence, name)?;
        (number != 0).then_some((*name, id))
    });
    let lists = SHARED_LISTS
        .iter()
        .filter_map(|name| rdp_file::text(evidence, name).map(|(_, id)| (*name, id)));
    let shared: Vec<_> = numbers.chain(lists).collect();
    if shared.is_empty() {
        return None;
    }
    let names: Vec<&str> = shared.iter().map(|(name, _)| *name).collect();
    let ids = std::iter::once(file.id()).chain(shared.iter().map(|(_, id)| id.clone()));
    Some(Weakness {
        severity: Severity::Warning,
        proof: Proof::Likely,
        evidence: ids.collect(),
        words: "unsigned, it wants parts of this machine".to_owned(),
        more: format!(": a current client asks first and leaves them off ({})", names.join(", ")),
    })
}

/// A broker's file has both addresses; a trap may show one name and connect with another.
fn shown_elsewhere(evidence: &Evidence<'_>) -> Option<Weakness> {
    let file = rdp_file::whole(evidence).filter(|file| !file.value.signed)?;
    let other = evidence.all(|fact| match fact {
        Fact::RdpFileAddress { other_host, .. } => other_host.as_deref(),
        _ => None,
    });
    let other = other.last()?;
    Some(Weakness {
        severity: Severity::Info,
        proof: Proof::Possible,
        evidence: vec![file.id(), other.id()],
        words: format!("it shows {} and connects with another computer", other.value),
        more: String::new(),
    })
}

#[cfg(test)]
mod tests {
    use rdpdoctor_model::{Fact, Lookup, Stage};

    use super::CAUSE;
    use crate::causes::rdp_file::scenes::{self, file, number, text};
    use crate::testing::Scene;
    use crate::{Proof, Severity};

    fn judged(scene: Scene) -> Option<(Severity, Proof, usize)> {
        scene.judge(&CAUSE).map(|found| (found.severity, found.proof, found.evidence.len()))
    }

    #[test]
    fn weak_settings_and_their_near_misses() {
        let proven = Some((Severity::Warning, Proof::Proven, 1));
        assert_eq!(judged(number(file(false), "authentication level", 0)), proven);
        for level in [1, 2, 3] {
            assert_eq!(judged(number(file(false), "authentication level", level)), None);
        }
        assert_eq!(judged(number(file(false), "enablecredsspsupport", 0)), proven);
        assert_eq!(judged(number(file(false), "enablecredsspsupport", 1)), None);
        assert_eq!(judged(scenes::whole(true, true)), proven);
        assert_eq!(judged(file(false)), None);
    }

    #[test]
    fn redirections_of_an_unsigned_file() {
        let likely = Some((Severity::Warning, Proof::Likely, 2));
        assert_eq!(judged(number(file(false), "redirectdrives", 1)), likely);
        assert_eq!(judged(text(file(false), "drivestoredirect", "*")), likely);
        assert_eq!(judged(number(file(false), "redirectdrives", 0)), None);
        assert_eq!(judged(number(file(true), "redirectdrives", 1)), None, "it is signed");
    }

    #[test]
    fn a_signature_that_fits_and_one_that_does_not() {
        let signed = |fits| {
            let (scope, subject) = (vec!["full address".to_owned()], None);
            judged(file(true).fact(Stage::RdpFile, Fact::RdpFileSignature { scope, subject, fits }))
        };
        assert_eq!(signed(Lookup::seen(false)), Some((Severity::Warning, Proof::Proven, 1)));
        assert_eq!(signed(Lookup::seen(true)), None);
        assert_eq!(signed(Lookup::unavailable("an algorithm of another world")), None);
    }

    #[test]
    fn an_address_that_is_not_the_one_shown() {
        let address = |other: Option<&str>, signed| {
            let fact = Fact::RdpFileAddress {
                line: 2,
                setting: "alternate full address".to_owned(),
                host: "real.example".to_owned(),
                port: 3389,
                other_host: other.map(str::to_owned),
            };
            judged(file(signed).fact(Stage::RdpFile, fact))
        };
        assert_eq!(address(Some("shown"), false), Some((Severity::Info, Proof::Possible, 2)));
        assert_eq!(address(Some("shown"), true), None);
        assert_eq!(address(None, false), None);
    }
}
