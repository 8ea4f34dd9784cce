//! The password has expired.

use rdpdoctor_model::{CauseId, Stage};

use crate::causes::said;
use crate::{Cause, ClientCode, Evidence, Match, Owner, Proof, Remedy, Reproduction, Risk, Where};

/// `nla.password-expired`
pub static CAUSE: Cause = Cause {
    id: CauseId("nla.password-expired"),
    stage: Stage::CredSsp,
    owner: Owner::User,
    title: "The password has expired",
    explanation: "The password was right once and is too old now. Sign-in before the session (NLA) cannot change it: it has to be changed somewhere else.",
    excludes: &["name, route, firewall, encryption: all passed"],
    remedies: &[Remedy {
        id: "change-it-elsewhere",
        place: Where::Client,
        risk: Risk::Low,
        title: "Change the password where that is possible",
        steps: &[
            "On a domain machine, signed in with it: Ctrl+Alt+Del, Change a password; or at the web page your company has for it.",
            "PS> Set-ADAccountPassword <user> -Reset -NewPassword (Read-Host -AsSecureString)   (by an administrator)",
            "Do not switch NLA off for this: the password can be changed without.",
        ],
        interrupts: "nothing",
        undo: &["a password that was changed cannot be changed back; its holder knows the new one"],
        verify: "rdpdoctor check {target} -u <user> gets past 'sign-in'",
    }],
    references: &["MS-CSSP 2.2.1", "MS-ERREF 2.3.1"],
    client_shows: &[ClientCode { code: 0xF07, extended: None, proof: Proof::Likely }],
    more_specific_than: &[CauseId("nla.refused")],
    reproduction: Reproduction::Lab(&["nla-password-expired"]),
    next_tests: &[],
    rule,
};

/// KDC_ERR_KEY_EXPIRED (RFC 4120 7.5.9): the password has expired, or has to be changed.
const KDC_ERR_KEY_EXPIRED: u32 = 23;

/// What the server says by number decides, then what the key distribution centre says.
fn rule(evidence: &Evidence<'_>) -> Option<Match> {
    said::by_number(evidence, CAUSE.id)
        .or_else(|| said::centre_said(evidence, &[KDC_ERR_KEY_EXPIRED], Proof::Likely))
}

#[cfg(test)]
mod tests {

    use super::CAUSE;
    use crate::testing::Scene;
    use crate::{Proof, Severity};

    #[test]
    fn its_status_and_no_other() {
        let said = |code| Scene::negotiated(2).ts_request(6, Some(code)).judge(&CAUSE);
        let found = said(0xC000_0071).expect("its status");
        assert_eq!((found.severity, found.proof), (Severity::Blocking, Proof::Proven));
        assert_eq!(said(0xC000_0224), None);
        assert_eq!(said(0), None);
        let centre = Scene::negotiated(2).kerberos_error(23).judge(&CAUSE);
        assert_eq!(centre.map(|m| m.proof), Some(Proof::Likely));
    }
}
