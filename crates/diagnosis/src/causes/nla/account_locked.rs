//! The account is locked.

use rdpdoctor_model::{CauseId, Stage};

use crate::causes::said;
use crate::{Cause, ClientCode, Evidence, Match, Owner, Proof, Remedy, Reproduction, Risk, Where};

/// `nla.account-locked`
pub static CAUSE: Cause = Cause {
    id: CauseId("nla.account-locked"),
    stage: Stage::CredSsp,
    owner: Owner::Directory,
    title: "The account is locked",
    explanation: "After too many wrong passwords the account is locked, for a time or until an administrator unlocks it. Often a phone, a service or a mapped drive with an old password locks it again and again. The password itself was not judged.",
    excludes: &["name, route, firewall, encryption: all passed"],
    remedies: &[Remedy {
        id: "find-who-locks-and-unlock",
        place: Where::Directory,
        risk: Risk::Medium,
        title: "Find what tries the old password, then unlock the account",
        steps: &[
            "PS> Get-ADUser <user> -Properties LockedOut, Enabled, AccountExpirationDate, PasswordExpired, pwdLastSet, LogonWorkstations, logonHours   (domain account)",
            "PS> Get-WinEvent -ComputerName <PDC> -FilterHashtable @{LogName='Security'; Id=4740} -MaxEvents 5 | Format-List TimeCreated, Message   (names the machine that locked it)",
            "First end what keeps trying there, then: PS> Unlock-ADAccount <user>",
            "Account of the host: PS> net user <user> /active:yes",
        ],
        interrupts: "nothing",
        undo: &["an account that should stay locked: PS> Disable-ADAccount <user>"],
        verify: "rdpdoctor check {target} -u <user> gets past 'sign-in'",
    }],
    references: &["MS-CSSP 2.2.1", "MS-ERREF 2.3.1"],
    client_shows: &[ClientCode { code: 0xD07, extended: None, proof: Proof::Likely }],
    more_specific_than: &[CauseId("nla.refused")],
    reproduction: Reproduction::Lab(&["nla-account-locked"]),
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
        let found = said(0xC000_0234).expect("its status");
        assert_eq!((found.severity, found.proof), (Severity::Blocking, Proof::Proven));
        assert_eq!(said(0xC000_0072), None);
        assert_eq!(said(0), None);
        let centre = Scene::negotiated(2).kerberos_error(18).judge(&CAUSE);
        assert_eq!(centre.map(|m| m.proof), Some(Proof::Possible));
    }
}
