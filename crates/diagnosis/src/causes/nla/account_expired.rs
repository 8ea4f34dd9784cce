//! The account has expired.

use rdpdoctor_model::{CauseId, Stage};

use crate::causes::said;
use crate::{Cause, ClientCode, Evidence, Match, Owner, Proof, Remedy, Reproduction, Risk, Where};

/// `nla.account-expired`
pub static CAUSE: Cause = Cause {
    id: CauseId("nla.account-expired"),
    stage: Stage::CredSsp,
    owner: Owner::Directory,
    title: "The account has expired",
    explanation: "The account has an end date, and that day has passed. The password itself was not judged.",
    excludes: &["name, route, firewall, encryption: all passed"],
    remedies: &[Remedy {
        id: "set-a-new-end-date",
        place: Where::Directory,
        risk: Risk::Medium,
        title: "Ask whether it should go on, then set a new end date",
        steps: &[
            "PS> Get-ADUser <user> -Properties LockedOut, Enabled, AccountExpirationDate, PasswordExpired, pwdLastSet, LogonWorkstations, logonHours   (domain account)",
            "PS> Set-ADAccountExpiration <user> -DateTime <date>   (or, account of the host: PS> Set-LocalUser <user> -AccountExpires <date>)",
        ],
        interrupts: "nothing",
        undo: &["set the former date again in the same way"],
        verify: "rdpdoctor check {target} -u <user> gets past 'sign-in'",
    }],
    references: &["MS-CSSP 2.2.1", "MS-ERREF 2.3.1"],
    client_shows: &[ClientCode { code: 0xE07, extended: None, proof: Proof::Likely }],
    more_specific_than: &[CauseId("nla.refused")],
    reproduction: Reproduction::Lab(&["nla-account-expired"]),
    next_tests: &[],
    rule,
};

/// What the server says by number decides, then what the key distribution centre says.
fn rule(evidence: &Evidence<'_>) -> Option<Match> {
    said::by_number(evidence, CAUSE.id)
        .or_else(|| said::centre_said(evidence, &[said::CLIENT_REVOKED], Proof::Possible))
}

#[cfg(test)]
mod tests {

    use super::CAUSE;
    use crate::testing::Scene;
    use crate::{Proof, Severity};

    #[test]
    fn its_status_and_no_other() {
        let said = |code| Scene::negotiated(2).ts_request(6, Some(code)).judge(&CAUSE);
        let found = said(0xC000_0193).expect("its status");
        assert_eq!((found.severity, found.proof), (Severity::Blocking, Proof::Proven));
        assert_eq!(said(0xC000_0071), None);
        assert_eq!(said(0), None);
        let centre = Scene::negotiated(2).kerberos_error(18).judge(&CAUSE);
        assert_eq!(centre.map(|m| m.proof), Some(Proof::Possible));
    }
}
