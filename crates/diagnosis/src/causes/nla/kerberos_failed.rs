//! Kerberos does not work for The host.

use rdpdoctor_model::{CauseId, Fact, Mechanism, Stage};

use crate::causes::{look, said};
use crate::{Cause, Evidence, Match, Owner, Proof, Remedy, Reproduction, Risk, Severity, Where};

/// `nla.kerberos-failed`
pub static CAUSE: Cause = Cause {
    id: CauseId("nla.kerberos-failed"),
    stage: Stage::CredSsp,
    owner: Owner::Directory,
    title: "Kerberos does not work for {host}",
    explanation: "The key distribution centre gave no ticket for this host or user, or could not be asked. Windows then goes on with NTLM, where that is allowed; where it is not, the sign-in ends here. The usual reasons: the name used is not the one that the directory has for the host (an alias, an address, a missing TERMSRV name), another realm, or no way to a domain controller.",
    excludes: &["the network to {host}"],
    remedies: &[Remedy {
        id: "mend-name-or-way",
        place: Where::Directory,
        risk: Risk::Low,
        title: "Use the host's own name, and see whether the directory has it",
        steps: &[
            "PS> setspn -Q TERMSRV/{host}",
            "PS> nslookup -type=SRV _kerberos._tcp.<domain>",
            "PS> Test-NetConnection <domain controller> -Port 88",
            "PS> klist get TERMSRV/{host}",
            "Where {host} cannot use the ticket, on it: PS> Test-ComputerSecureChannel -Verbose   (is its own password in step?)",
            "An alias that is meant: PS> setspn -S TERMSRV/<alias> <computer>   (by an administrator of the domain)",
        ],
        interrupts: "nothing",
        undo: &["PS> setspn -D TERMSRV/<alias> <computer>"],
        verify: "rdpdoctor check {target} -u <user> gets past 'sign-in'",
    }],
    references: &["RFC 4120 7.5.9", "MS-KILE 3.2.5.2"],
    client_shows: &[],
    more_specific_than: &[],
    reproduction: Reproduction::None(
        "a fault of the lab would need a key distribution centre of its own; real centres are asked in the tests of sign-in",
    ),
    next_tests: &[],
    rule,
};

/// Errors of the centre that causes of their own take (RFC 4120 7.5.9).
const SPOKEN_FOR: [u32; 6] = [6, 12, 18, 23, 24, 37];

/// It blocks where nothing else signed in; where NTLM did, `mstsc` goes on without a word.
fn rule(evidence: &Evidence<'_>) -> Option<Match> {
    let found = said::by_number(evidence, CAUSE.id).or_else(|| by_host(evidence));
    if found.is_some() {
        return found;
    }
    let ntlm = evidence.main_path(|fact| match fact {
        Fact::CredentialSent { mechanism: Mechanism::Ntlm } => Some(()),
        _ => None,
    });
    let severity = if ntlm.is_empty() { Severity::Blocking } else { Severity::Info };
    let seen = evidence
        .all(|fact| match fact {
            Fact::KerberosError { code, .. } if !SPOKEN_FOR.contains(code) => Some(format!(
                "The key distribution centre says {code}, {}.",
                said::kerberos_name(*code)
            )),
            Fact::KerberosUnavailable { realm, why, .. } => {
                Some(format!("No key distribution centre of {realm} could be asked: {why}."))
            }
            _ => None,
        })
        .pop()?;
    Some(Match::new(severity, Proof::Proven, [seen.id()]).detailed(seen.value))
}

/// What the host says of the ticket for it is not about the user, nor about the centre.
fn by_host(evidence: &Evidence<'_>) -> Option<Match> {
    let said = said::host_on_ticket(evidence)?;
    if said::host_on_clocks(evidence).is_some() {
        return None;
    }
    let signed_in = look::signed_in(evidence);
    let severity = if signed_in { Severity::Info } else { Severity::Blocking };
    let found = Match::new(severity, Proof::Proven, [said.id()]);
    Some(found.titled("{host} cannot use the Kerberos ticket for its name").detailed(said.value.1))
}

#[cfg(test)]
mod tests {

    use super::CAUSE;
    use crate::testing::Scene;
    use crate::{Proof, Severity};
    use rdpdoctor_model::{Fact, Mechanism, Stage};

    #[test]
    fn sspi_asks_the_centre_itself() {
        let failed = |code| {
            let (library, package) = ("SSPI".to_owned(), "Kerberos".to_owned());
            let fact = Fact::SystemSignInFailed { library, package, code };
            Scene::negotiated(2).fact(Stage::CredSsp, fact)
        };
        let found = failed(0x8009_0303).judge(&CAUSE).expect("no such name");
        assert_eq!(found.severity, Severity::Blocking);
        assert!(found.detail.expect("words").contains("SEC_E_TARGET_UNKNOWN"));
        let went_on = failed(0x8009_0311).signed_in().judge(&CAUSE).expect("NTLM signed in");
        assert_eq!(went_on.severity, Severity::Info);
        // That there are no credentials is nobody's fault out there.
        assert_eq!(failed(0x8009_030E).judge(&CAUSE), None);
        assert_eq!(failed(0x8009_0324).judge(&CAUSE), None);
    }

    #[test]
    fn it_blocks_only_where_ntlm_was_not_tried() {
        let failed = || Scene::negotiated(2).kerberos_error(7);
        assert_eq!(failed().judge(&CAUSE).map(|m| m.severity), Some(Severity::Blocking));
        let sent = Fact::CredentialSent { mechanism: Mechanism::Ntlm };
        let went_on = failed().fact(Stage::CredSsp, sent);
        assert_eq!(went_on.judge(&CAUSE).map(|m| m.severity), Some(Severity::Info));
        assert_eq!(Scene::negotiated(2).kerberos_error(24).judge(&CAUSE), None);
    }

    #[test]
    fn what_the_host_says_of_a_ticket() {
        let answered = |stage, code| {
            let answer = Fact::TicketAnswer { code, server_time: None, text: None };
            Scene::negotiated(2).fact(stage, answer).judge(&CAUSE)
        };
        let found = answered(Stage::CredSsp, Some(41)).expect("it fits");
        assert_eq!((found.severity, found.proof), (Severity::Blocking, Proof::Proven));
        assert!(found.detail.is_some_and(|words| words.contains("KRB_AP_ERR_MODIFIED")));
        assert!(answered(Stage::CredSsp, Some(60)).is_some());
        assert_eq!(answered(Stage::CredSsp, Some(37)), None, "the clocks");
        assert_eq!(answered(Stage::CredSsp, None), None, "it takes it");
        assert_eq!(answered(Stage::Gateway, Some(41)), None, "another service's word");
    }
}
