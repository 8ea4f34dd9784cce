//! The host's trust with its domain is broken.

use rdpdoctor_model::{CauseId, Stage};

use crate::causes::{look, said};
use crate::{
    Cause, ClientCode, Evidence, Match, NextTest, Owner, Proof, Remedy, Reproduction, Risk,
    Severity, Where,
};

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
    next_tests: &[NextTest {
        why: "on the host: tells a password of its account that is out of step from another account that has its name",
        command: "PS> Test-ComputerSecureChannel -Verbose",
    }],
    rule,
};

/// What the server says by number decides. A host that cannot open the ticket for it may have a password
/// of its own that the directory no longer knows.
fn rule(evidence: &Evidence<'_>) -> Option<Match> {
    said::by_number(evidence, CAUSE.id).or_else(|| {
        let said = said::host_on_ticket(evidence)?;
        let fits = said::has_other_key(said.value.0) && !look::signed_in(evidence);
        fits.then(|| {
            Match::new(Severity::Blocking, Proof::Possible, [said.id()]).detailed(said.value.1)
        })
    })
}

#[cfg(test)]
mod tests {

    use rdpdoctor_model::{Fact, Stage};

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
        let ticket = |code| {
            let answer = Fact::TicketAnswer { code: Some(code), server_time: None, text: None };
            Scene::negotiated(2).fact(Stage::CredSsp, answer).judge(&CAUSE).map(|m| m.proof)
        };
        assert_eq!(ticket(41), Some(Proof::Possible));
        assert_eq!(ticket(37), None);
    }
}
