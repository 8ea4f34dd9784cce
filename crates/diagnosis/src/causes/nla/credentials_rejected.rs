//! User name or password is wrong.

use rdpdoctor_model::{Awaited, CauseId, Ending, Stage};

use crate::causes::said;
use crate::{
    Cause, ClientCode, Evidence, Match, Owner, Proof, Remedy, Reproduction, Risk, Severity, Where,
};

/// `nla.credentials-rejected`
pub static CAUSE: Cause = Cause {
    id: CauseId("nla.credentials-rejected"),
    stage: Stage::CredSsp,
    owner: Owner::User,
    title: "User name or password is wrong",
    explanation: "The server, or its domain controller, does not take this user name with this password. It usually does not say which of the two is wrong. Every try counts towards a lockout.",
    excludes: &["name, route, firewall, encryption: all passed"],
    remedies: &[Remedy {
        id: "type-both-anew",
        place: Where::Client,
        risk: Risk::Low,
        title: "Type user name and password anew, the name with its domain",
        steps: &[
            "$ rdpdoctor check {target} -u DOMAIN\\\\user --again   (one try; mind the lockout)",
            "PS> cmdkey /list   (on the client: a saved password that is old is used without a word)",
            "An account of the host itself: write HOSTNAME\\\\user or .\\\\user; of a domain: DOMAIN\\\\user or user@domain; of Entra: AzureAD\\\\user@domain.",
            "PS> Get-WinEvent -FilterHashtable @{LogName='Security'; Id=4625} -MaxEvents 5 | Format-List TimeCreated, Message   (on the host: Status and Sub Status)",
        ],
        interrupts: "nothing",
        undo: &["nothing to undo: nothing was changed"],
        verify: "rdpdoctor check {target} -u <user> gets past 'sign-in'",
    }],
    references: &["MS-CSSP 2.2.1", "MS-ERREF 2.3.1", "RFC 4120 7.5.9"],
    client_shows: &[
        ClientCode { code: 0x807, extended: None, proof: Proof::Likely },
        ClientCode { code: 0xA07, extended: None, proof: Proof::Likely },
    ],
    more_specific_than: &[CauseId("nla.refused")],
    reproduction: Reproduction::Lab(&["nla-credentials-rejected"]),
    next_tests: &[],
    rule,
};

/// KDC_ERR_PREAUTH_FAILED and KDC_ERR_C_PRINCIPAL_UNKNOWN (RFC 4120 7.5.9).
const PREAUTH_FAILED: u32 = 24;
const CLIENT_UNKNOWN: u32 = 6;

/// What the server says by number decides, then what the key distribution centre says. Servers other
/// than Windows hang up on a wrong password without a word.
fn rule(evidence: &Evidence<'_>) -> Option<Match> {
    said::by_number(evidence, CAUSE.id)
        .or_else(|| said::centre_said(evidence, &[PREAUTH_FAILED], Proof::Proven))
        .or_else(|| said::centre_said(evidence, &[CLIENT_UNKNOWN], Proof::Likely))
        .or_else(|| {
            let ended = evidence.ended_awaiting(Awaited::PublicKeyBinding)?;
            let hung_up = matches!(ended.value.ending, Ending::Fin | Ending::Reset);
            hung_up.then(|| {
                Match::new(Severity::Blocking, Proof::Possible, [ended.id()])
                    .detailed("It hung up on the proof of the password, without a status.")
            })
        })
}

#[cfg(test)]
mod tests {

    use super::CAUSE;
    use crate::testing::Scene;
    use crate::{Proof, Severity};
    use rdpdoctor_model::{Awaited, Ending};

    #[test]
    fn its_status_and_no_other() {
        let said = |code| Scene::negotiated(2).ts_request(6, Some(code)).judge(&CAUSE);
        for code in [0xC000_006D, 0xC000_006A, 0xC000_0064, 0x8009_030C] {
            let found = said(code).expect("its status");
            assert_eq!((found.severity, found.proof), (Severity::Blocking, Proof::Proven));
        }
        assert_eq!(said(0xC000_0234), None);
    }

    #[test]
    fn the_centre_and_the_hang_up() {
        let centre = |code| Scene::negotiated(2).kerberos_error(code).judge(&CAUSE);
        assert_eq!(centre(24).map(|m| m.proof), Some(Proof::Proven));
        assert_eq!(centre(6).map(|m| m.proof), Some(Proof::Likely));
        assert_eq!(centre(7), None);
        let ended = |awaited| Scene::negotiated(2).ended(Ending::Fin, awaited).judge(&CAUSE);
        assert_eq!(ended(Awaited::PublicKeyBinding).map(|m| m.proof), Some(Proof::Possible));
        assert_eq!(ended(Awaited::NtlmChallenge), None);
        let both = Scene::negotiated(2).kerberos_error(24).signed_in();
        assert_eq!(both.judge(&CAUSE), None, "NTLM worked all the same");
    }
}
