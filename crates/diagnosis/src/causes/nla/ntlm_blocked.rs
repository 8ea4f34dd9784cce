//! The server refuses NTLM by policy.

use rdpdoctor_model::{CauseId, Stage};

use crate::causes::{advice, said};
use crate::{Cause, Evidence, Match, Owner, Remedy, Reproduction, Risk, Where};

/// `nla.ntlm-blocked`
pub static CAUSE: Cause = Cause {
    id: CauseId("nla.ntlm-blocked"),
    stage: Stage::CredSsp,
    owner: Owner::Directory,
    title: "{host} refuses NTLM by policy",
    explanation: "The server's policy does not take sign-in with NTLM. Kerberos is needed: the host's name instead of its address, and a domain controller within reach.",
    excludes: &["name, route, firewall, encryption"],
    remedies: &[Remedy {
        id: "use-kerberos",
        place: Where::Client,
        risk: Risk::Low,
        title: "Connect by the full name, with a domain controller within reach",
        steps: &[
            "Write pc42.corp.example instead of an address or a short name.",
            "PS> klist get TERMSRV/{host}",
            "PS> Get-ItemProperty 'HKLM:\\SYSTEM\\CurrentControlSet\\Control\\Lsa\\MSV1_0' RestrictReceivingNTLMTraffic   (on the host)",
        ],
        interrupts: "nothing",
        undo: advice::NOTHING_TO_UNDO,
        verify: "klist shows a ticket for TERMSRV/{host}",
    }],
    references: &["MS-CSSP 2.2.1", "MS-ERREF 2.3.1"],
    client_shows: &[],
    more_specific_than: &[],
    reproduction: Reproduction::Lab(&["nla-ntlm-blocked"]),
    next_tests: &[],
    rule,
};

fn rule(evidence: &Evidence<'_>) -> Option<Match> {
    said::by_number(evidence, CAUSE.id)
}

#[cfg(test)]
mod tests {

    use super::CAUSE;
    use crate::testing::Scene;

    #[test]
    fn its_status_and_no_other() {
        let said = |code| Scene::negotiated(2).ts_request(6, Some(code)).judge(&CAUSE);
        assert!(said(0xC000_0418).is_some());
        assert_eq!(said(0xC000_0022), None);
    }
}
