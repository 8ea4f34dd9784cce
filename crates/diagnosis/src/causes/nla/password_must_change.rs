//! The password must be changed before the first sign-in.

use rdpdoctor_model::{CauseId, Stage};

use crate::causes::said;
use crate::{Cause, ClientCode, Evidence, Match, Owner, Proof, Remedy, Reproduction, Risk, Where};

/// `nla.password-must-change`
pub static CAUSE: Cause = Cause {
    id: CauseId("nla.password-must-change"),
    stage: Stage::CredSsp,
    owner: Owner::User,
    title: "The password must be changed before the first sign-in",
    explanation: "An administrator has set the password and ticked \"must change at next logon\", or the new one breaks a rule. Sign-in before the session (NLA) cannot change it.",
    excludes: &["name, route, firewall, encryption: all passed"],
    remedies: &[Remedy {
        id: "change-it-elsewhere",
        place: Where::Client,
        risk: Risk::Low,
        title: "Change the password where that is possible",
        steps: &[
            "On a domain machine: Ctrl+Alt+Del, Change a password; or at the web page your company has for it.",
            "PS> Set-ADUser <user> -ChangePasswordAtLogon $false   (by an administrator who gave a good password)",
            "Do not switch NLA off for this: the password can be changed without.",
        ],
        interrupts: "nothing",
        undo: &["PS> Set-ADUser <user> -ChangePasswordAtLogon $true"],
        verify: "rdpdoctor check {target} -u <user> gets past 'sign-in'",
    }],
    references: &["MS-CSSP 2.2.1", "MS-ERREF 2.3.1"],
    client_shows: &[ClientCode { code: 0x1207, extended: None, proof: Proof::Likely }],
    more_specific_than: &[CauseId("nla.refused")],
    reproduction: Reproduction::Lab(&["nla-password-must-change"]),
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
        let found = said(0xC000_0224).expect("its status");
        assert_eq!((found.severity, found.proof), (Severity::Blocking, Proof::Proven));
        assert_eq!(said(0xC000_0071), None);
        assert_eq!(said(0), None);
    }
}
