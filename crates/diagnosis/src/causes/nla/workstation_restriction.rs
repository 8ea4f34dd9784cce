//! The account may not log on from or to this computer.

use rdpdoctor_model::{CauseId, Stage};

use crate::causes::said;
use crate::{Cause, ClientCode, Evidence, Match, Owner, Proof, Remedy, Reproduction, Risk, Where};

/// `nla.workstation-restriction`
pub static CAUSE: Cause = Cause {
    id: CauseId("nla.workstation-restriction"),
    stage: Stage::CredSsp,
    owner: Owner::Directory,
    title: "The account may not log on from or to this computer",
    explanation: "User name and password are right. The account is bound to some computers (\"Log on to...\"), and with NTLM the name of the connecting computer has to be one of them.",
    excludes: &["name, route, firewall, encryption: all passed"],
    remedies: &[Remedy {
        id: "look-at-the-workstations",
        place: Where::Directory,
        risk: Risk::Low,
        title: "Look at the list of computers, or use Kerberos",
        steps: &[
            "PS> Get-ADUser <user> -Properties LogonWorkstations",
            "Add this client's name, or connect by the host's full name, so that Kerberos is used and the host's name counts.",
            "PS> Set-ADUser <user> -LogonWorkstations <the list with the name added>",
        ],
        interrupts: "nothing",
        undo: &["PS> Set-ADUser <user> -LogonWorkstations <the former list>"],
        verify: "rdpdoctor check {target} -u <user> gets past 'sign-in'",
    }],
    references: &["MS-CSSP 2.2.1", "MS-ERREF 2.3.1"],
    client_shows: &[ClientCode { code: 0x1107, extended: None, proof: Proof::Likely }],
    more_specific_than: &[CauseId("nla.refused")],
    reproduction: Reproduction::Lab(&["nla-workstation-restriction"]),
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
        let found = said(0xC000_0070).expect("its status");
        assert_eq!((found.severity, found.proof), (Severity::Blocking, Proof::Proven));
        assert_eq!(said(0xC000_006F), None);
        assert_eq!(said(0), None);
    }
}
