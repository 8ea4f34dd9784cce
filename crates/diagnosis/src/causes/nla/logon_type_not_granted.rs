//! The user may not log on by Remote Desktop here.

use rdpdoctor_model::{CauseId, Stage};

use crate::causes::said;
use crate::{Cause, ClientCode, Evidence, Match, Owner, Proof, Remedy, Reproduction, Risk, Where};

/// `nla.logon-type-not-granted`
pub static CAUSE: Cause = Cause {
    id: CauseId("nla.logon-type-not-granted"),
    stage: Stage::CredSsp,
    owner: Owner::Host,
    title: "The user may not log on by Remote Desktop here",
    explanation: "User name and password are right. The host does not grant this user the right to log on through Remote Desktop Services, or denies it, or the user is no member of Remote Desktop Users.",
    excludes: &["name, route, firewall, encryption: all passed"],
    remedies: &[Remedy {
        id: "grant-the-logon-right",
        place: Where::Host,
        risk: Risk::Medium,
        title: "Make the user a member of Remote Desktop Users, or mend the policy that denies it",
        steps: &[
            "PS> Get-LocalGroupMember -Group 'Remote Desktop Users'",
            "PS> secedit /export /areas USER_RIGHTS /cfg C:\\rights.txt; Select-String RemoteInteractiveLogonRight C:\\rights.txt   (S-1-5-32-555 is Remote Desktop Users; a Deny line wins)",
            "PS> Add-LocalGroupMember -Group 'Remote Desktop Users' -Member <user>",
            "A Deny line or a missing right comes from a group policy as a rule: mend it there (gpresult /h C:\\gp.html names it).",
        ],
        interrupts: "nothing",
        undo: &["PS> Remove-LocalGroupMember -Group 'Remote Desktop Users' -Member <user>"],
        verify: "rdpdoctor check {target} -u <user> gets past 'sign-in'",
    }],
    references: &["MS-CSSP 2.2.1", "MS-ERREF 2.3.1"],
    client_shows: &[ClientCode { code: 0x1307, extended: None, proof: Proof::Likely }],
    more_specific_than: &[CauseId("nla.refused")],
    reproduction: Reproduction::Lab(&["nla-logon-type-not-granted"]),
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
        let found = said(0xC000_015B).expect("its status");
        assert_eq!((found.severity, found.proof), (Severity::Blocking, Proof::Proven));
        assert_eq!(said(0xC000_006E), None);
        assert_eq!(said(0), None);
    }
}
