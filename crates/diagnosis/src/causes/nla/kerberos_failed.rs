//! Kerberos does not work for The host.

use rdpdoctor_model::{CauseId, Fact, Mechanism, Stage};

use crate::causes::said;
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
    if let Some(found) = said::by_number(evidence, CAUSE.id) {
        return Some(found);
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

#[cfg(test)]
mod tests {

    use super::CAUSE;
    use crate::Severity;
    use crate::testing::Scene;
    use rdpdoctor_model::{Fact, Mechanism, Stage};

    #[test]
    fn it_blocks_only_where_ntlm_was_not_tried() {
        let failed = || Scene::negotiated(2).kerberos_error(7);
        assert_eq!(failed().judge(&CAUSE).map(|m| m.severity), Some(Severity::Blocking));
        let sent = Fact::CredentialSent { mechanism: Mechanism::Ntlm };
        let went_on = failed().fact(Stage::CredSsp, sent);
        assert_eq!(went_on.judge(&CAUSE).map(|m| m.severity), Some(Severity::Info));
        assert_eq!(Scene::negotiated(2).kerberos_error(24).judge(&CAUSE), None);
    }
}
