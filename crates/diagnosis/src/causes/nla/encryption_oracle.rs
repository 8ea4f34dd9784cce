//! CredSSP below version 5.

use rdpdoctor_model::{CauseId, Fact, Party, Stage};

use crate::causes::said;
use crate::{Cause, Evidence, Match, Owner, Proof, Remedy, Reproduction, Risk, Severity, Where};

/// `nla.encryption-oracle`
pub static CAUSE: Cause = Cause {
    id: CauseId("nla.encryption-oracle"),
    stage: Stage::CredSsp,
    owner: Owner::Host,
    title: "{host} lacks the CredSSP update of 2018; a current client refuses it",
    explanation: "The server speaks a version of CredSSP that is open to a man in the middle (CVE-2018-0886). A current Windows client with default policy refuses to sign in: 'this could be due to CredSSP encryption oracle remediation'.",
    excludes: &["password, account: none was sent"],
    remedies: &[Remedy {
        id: "update-the-host",
        place: Where::Host,
        risk: Risk::Medium,
        title: "Install the updates of May 2018 or later on the host",
        steps: &[
            "At its console or by another way in: PS> Get-HotFix | Sort-Object InstalledOn -Descending | Select-Object -First 5",
            "Install the current cumulative update for its Windows version; a version without support has to be replaced.",
            "Do not set the client's policy for encryption oracle remediation to vulnerable: it opens every sign-in of that client.",
        ],
        interrupts: "the host restarts",
        undo: &["Uninstall the update: wusa /uninstall /kb:<number>"],
        verify: "rdpdoctor check {target} shows CredSSP version 5 or 6",
    }],
    references: &[
        "https://support.microsoft.com/en-us/topic/credssp-updates-for-cve-2018-0886-5cbf9e5f-dc6d-744f-9e97-7ba400d6d3ea",
        "MS-CSSP 2.2.1",
    ],
    client_shows: &[],
    more_specific_than: &[],
    reproduction: Reproduction::Lab(&["nla-old-credssp"]),
    next_tests: &[],
    rule,
};

/// The first CredSSP version with the public key's hash (MS-CSSP 2.2.1, KB4093492).
const SAFE: u32 = 5;

fn rule(evidence: &Evidence<'_>) -> Option<Match> {
    let versions = |party: Party| {
        evidence.main_path(move |fact| match fact {
            Fact::TsRequest { from, version, .. } if *from == party => Some(*version),
            _ => None,
        })
    };
    let servers = versions(Party::Server);
    let Some(old) = servers.iter().find(|seen| seen.value < SAFE) else {
        // A number that can mean an old side as well: not where both were seen to be new.
        let clients = versions(Party::Client);
        let new = |seen: &crate::Seen<'_, u32>| seen.value >= SAFE;
        let both = servers.iter().any(new) && clients.iter().any(new);
        return said::by_number(evidence, CAUSE.id).filter(|_| !both);
    };
    let text = format!("It speaks version {}.", old.value);
    Some(Match::new(Severity::Blocking, Proof::Proven, [old.id()]).detailed(text))
}

#[cfg(test)]
mod tests {
    use rdpdoctor_model::{Fact, Party, Stage};

    use super::CAUSE;
    use crate::testing::Scene;

    #[test]
    fn versions() {
        let speaks = |version| Scene::negotiated(2).ts_request(version, None).judge(&CAUSE);
        assert!(speaks(2).is_some());
        assert!(speaks(4).is_some());
        assert_eq!(speaks(5), None);
        assert_eq!(speaks(6), None);
    }

    /// SEC_E_UNSUPPORTED_FUNCTION: an old side, or a policy against NTLM.
    #[test]
    fn a_number_with_two_meanings() {
        let refused = |server| Scene::negotiated(2).ts_request(server, Some(0x8009_0302));
        assert!(refused(6).judge(&CAUSE).is_some());
        let client = Fact::TsRequest {
            from: Party::Client,
            version: 6,
            error_code: None,
            token_length: Some(40),
            has_public_key_auth: false,
        };
        assert_eq!(refused(6).fact(Stage::CredSsp, client.clone()).judge(&CAUSE), None);
        assert!(refused(4).fact(Stage::CredSsp, client).judge(&CAUSE).is_some());
    }
}
