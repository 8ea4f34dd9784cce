//! A restriction of the account forbids this sign-in.

use rdpdoctor_model::{CauseId, Stage};

use crate::causes::said;
use crate::{Cause, ClientCode, Evidence, Match, Owner, Proof, Remedy, Reproduction, Risk, Where};

/// `nla.account-restriction`
pub static CAUSE: Cause = Cause {
    id: CauseId("nla.account-restriction"),
    stage: Stage::CredSsp,
    owner: Owner::Directory,
    title: "A restriction of the account forbids this sign-in",
    explanation: "User name and password are right, and a rule forbids the sign-in: a blank password (allowed at the console only), membership in Protected Users or an authentication policy, or Restricted Admin that the host does not take.",
    excludes: &["name, route, firewall, encryption: all passed"],
    remedies: &[Remedy {
        id: "find-the-restriction",
        place: Where::Directory,
        risk: Risk::Medium,
        title: "Find which rule it is: blank password, Protected Users, authentication policy",
        steps: &[
            "PS> Get-WinEvent -FilterHashtable @{LogName='Security'; Id=4625} -MaxEvents 5 | Format-List TimeCreated, Message   (on the host: Status and Sub Status)",
            "Blank password: give the account one.",
            "PS> Get-ADPrincipalGroupMembership <user> | Select-Object Name   (Protected Users take no NTLM: connect by the host's full name, so that Kerberos is used)",
            "PS> Get-ADUser <user> -Properties msDS-AssignedAuthNPolicy",
        ],
        interrupts: "nothing",
        undo: &["nothing to undo: nothing was changed"],
        verify: "rdpdoctor check {target} -u <user> gets past 'sign-in'",
    }],
    references: &["MS-CSSP 2.2.1", "MS-ERREF 2.3.1"],
    client_shows: &[ClientCode { code: 0xC07, extended: None, proof: Proof::Likely }],
    more_specific_than: &[CauseId("nla.refused")],
    reproduction: Reproduction::Lab(&["nla-account-restriction"]),
    next_tests: &[],
    rule,
};

/// KDC_ERR_POLICY (RFC 4120 7.5.9): hours, computers or another policy.
const KDC_ERR_POLICY: u32 = 12;

/// What the server says by number decides, then what the key distribution centre says.
fn rule(evidence: &Evidence<'_>) -> Option<Match> {
    said::by_number(evidence, CAUSE.id)
        .or_else(|| said::centre_said(evidence, &[KDC_ERR_POLICY], Proof::Likely))
}

#[cfg(test)]
mod tests {

    use super::CAUSE;
    use crate::testing::Scene;
    use crate::{Proof, Severity};

    #[test]
    fn its_status_and_no_other() {
        let said = |code| Scene::negotiated(2).ts_request(6, Some(code)).judge(&CAUSE);
        let found = said(0xC000_006E).expect("its status");
        assert_eq!((found.severity, found.proof), (Severity::Blocking, Proof::Proven));
        assert_eq!(said(0xC000_006F), None);
        assert_eq!(said(0), None);
        let centre = Scene::negotiated(2).kerberos_error(12).judge(&CAUSE);
        assert_eq!(centre.map(|m| m.proof), Some(Proof::Likely));
    }
}
