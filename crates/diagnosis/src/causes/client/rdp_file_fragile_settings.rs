//! Settings of the `.rdp` file with which connections are known to fail.

use rdpdoctor_model::{CauseId, ObservationId, Stage};

use crate::causes::rdp_file;
use crate::{Cause, Evidence, Match, Owner, Proof, Remedy, Reproduction, Risk, Severity, Where};

/// `client.rdp-file-fragile-settings`
pub static CAUSE: Cause = Cause {
    id: CauseId("client.rdp-file-fragile-settings"),
    stage: Stage::RdpFile,
    owner: Owner::Client,
    title: "The .rdp file has settings with which connections fail more easily",
    explanation: "These settings are allowed, and somebody may have meant them. Each of them makes a connection fail that would work with the client's own default.",
    excludes: &[],
    remedies: &[Remedy {
        id: "try-without-the-setting",
        place: Where::Client,
        risk: Risk::Low,
        title: "Try a copy of the file without these lines",
        steps: &[
            "Copy the file, delete the lines that are named here in the copy, and open the copy with mstsc.",
        ],
        interrupts: "nothing",
        undo: &["Delete the copy; the file itself stays as it is."],
        verify: "the copy connects where the file did not",
    }],
    references: &[
        "https://learn.microsoft.com/azure/virtual-desktop/rdp-properties",
        "https://learn.microsoft.com/windows/win32/termserv/imsrdpclientnonscriptable3-negotiatesecuritylayer",
    ],
    client_shows: &[],
    more_specific_than: &[],
    reproduction: Reproduction::Test("settings_that_are_worth_knowing"),
    next_tests: &[],
    rule,
};

/// A setting, the value with which connections fail, and how.
const FRAGILE: &[(&str, i64, &str)] = &[
    ("autoreconnection enabled", 0, "a short break of the network ends the session for good"),
    ("authentication level", 1, "a host with the certificate that Windows makes itself is refused"),
    ("negotiate security layer", 0, "a host without sign-in before the session cannot be reached"),
    ("administrative session", 1, "only administrators get in"),
    ("connect to console", 1, "only administrators get in"),
    ("enablerdsaadauth", 1, "the sign-in goes by way of Microsoft Entra, which must know the host"),
    ("gatewaycredentialssource", 1, "the gateway takes a smart card only"),
];

fn rule(evidence: &Evidence<'_>) -> Option<Match> {
    let found: Vec<(ObservationId, String)> = FRAGILE
        .iter()
        .filter_map(|(name, value, words)| {
            let (_, id) = rdp_file::number(evidence, name).filter(|(n, _)| n == value)?;
            Some((id, format!("{name}:i:{value}: {words}")))
        })
        .collect();
    let (ids, words): (Vec<_>, Vec<_>) = found.into_iter().unzip();
    (!ids.is_empty()).then(|| {
        Match::new(Severity::Info, Proof::Possible, ids)
            .detailed(format!("Here: {}.", words.join("; ")))
    })
}

#[cfg(test)]
mod tests {
    use super::{CAUSE, FRAGILE};
    use crate::causes::rdp_file::scenes::{file, number};
    use crate::{Proof, Severity};

    #[test]
    fn each_of_them_and_its_near_miss() {
        for (name, value, _) in FRAGILE {
            let found = number(file(false), name, *value).judge(&CAUSE).expect("a match");
            assert_eq!((found.severity, found.proof), (Severity::Info, Proof::Possible));
            assert_eq!(number(file(false), name, 1 - value).judge(&CAUSE), None, "{name}");
        }
    }
}
