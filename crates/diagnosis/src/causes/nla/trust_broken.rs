//! The host's trust with its domain is broken.

use rdpdoctor_model::{CauseId, Stage};

use crate::causes::said;
use crate::{Cause, ClientCode, Evidence, Match, Owner, Proof, Remedy, Reproduction, Risk, Where};

/// `nla.trust-broken`
pub static CAUSE: Cause = Cause {
    id: CauseId("nla.trust-broken"),
    stage: Stage::CredSsp,
    owner: Owner::Directory,
    title: "The host's trust with its domain is broken",
    explanation: "The host could not ask its domain about the password: the password of its own computer account no longer fits, or the trust between domains is damaged. Accounts of the host itself still work.",
    excludes: &["name, route, firewall, encryption: all passed"],
    remedies: &[Remedy {
        id: "repair-the-trust",
        place: Where::Host,
        risk: Risk::Medium,
        title: "Repair the secure channel, signed in with an account of the host",
        steps: &[
            "PS> Test-ComputerSecureChannel -Verbose",
            "PS> Test-ComputerSecureChannel -Repair -Credential <domain administrator>",
            "PS> nltest /sc_verify:<domain>",
            "Between domains: PS> netdom trust <trusting> /domain:<trusted> /verify",
        ],
        interrupts: "nothing; the host need not leave the domain",
        undo: &["nothing to undo: the computer account keeps its identity"],
        verify: "rdpdoctor check {target} -u <user> gets past 'sign-in'",
    }],
    references: &["MS-CSSP 2.2.1", "MS-ERREF 2.3.1"],
    client_shows: &[ClientCode { code: 0x1807, extended: None, proof: Proof::Likely }],
    more_specific_than: &[CauseId("nla.refused")],
    reproduction: Reproduction::Lab(&["nla-trust-broken"]),
    next_tests: &[],
    rule,
};

/// What the server says by number decides.
fn rule(evidence: &Evidence<'_>) -> Option<Match> {
    said::by_number(evidence, CAUSE.id)
}

#[cfg(test)]
mod tests {

    use super::CAUSE;
    use crate::testing::Scene;
    use crate::{Proof, Severity};

    #[test]
    fn its_status_and_no_other() {
        let said = |code| Scene::negotiated(2).ts_request(6, Some(code)).judge(&CAUSE);
        let found = said(0xC000_018D).expect("its status");
        assert_eq!((found.severity, found.proof), (Severity::Blocking, Proof::Proven));
        assert_eq!(said(0xC000_005E), None);
        assert_eq!(said(0), None);
    }
}
