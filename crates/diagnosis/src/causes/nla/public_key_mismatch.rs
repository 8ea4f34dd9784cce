//! The host cannot prove that the certificate is its own.

use rdpdoctor_model::{CauseId, Fact, Stage};

use crate::causes::said;
use crate::{Cause, Evidence, Match, Owner, Proof, Remedy, Reproduction, Risk, Severity, Where};

/// `nla.public-key-mismatch`
pub static CAUSE: Cause = Cause {
    id: CauseId("nla.public-key-mismatch"),
    stage: Stage::CredSsp,
    owner: Owner::Network,
    title: "{host} cannot prove that the certificate is its own",
    explanation: "At the end of the sign-in both sides prove to each other which certificate they see. The two differ: something between opens the encryption with a certificate of its own and passes the sign-in on, or the server's own program is at fault. No password was handed over.",
    excludes: &["name, route, firewall", "user name and password: they were right"],
    remedies: &[Remedy {
        id: "find-what-is-between",
        place: Where::Network,
        risk: Risk::Medium,
        title: "Find what stands between, and let it pass Remote Desktop unopened",
        steps: &[
            "$ rdpdoctor check {target} --details   (fingerprint and issuer, as seen from here)",
            "PS> Get-ChildItem 'Cert:\\\\LocalMachine\\\\Remote Desktop' | Format-List Thumbprint, Issuer   (on the host: the certificate that it has)",
            "Two different ones: ask the network team which device opens TLS on this way, and to leave this port alone.",
        ],
        interrupts: "nothing",
        undo: &["nothing to undo: nothing was changed"],
        verify: "rdpdoctor check {target} -u <user> gets past 'sign-in'",
    }],
    references: &["MS-CSSP 3.1.5", "MS-CSSP 5.1"],
    client_shows: &[],
    more_specific_than: &[CauseId("nla.refused")],
    reproduction: Reproduction::Lab(&["nla-public-key-mismatch"]),
    next_tests: &[],
    rule,
};

/// The binding that was checked here, or the server's status about it.
fn rule(evidence: &Evidence<'_>) -> Option<Match> {
    let broken = evidence.main_path(|fact| match fact {
        Fact::PublicKeyBinding { matches: false, .. } => Some(()),
        _ => None,
    });
    match broken.first() {
        Some(seen) => Some(Match::new(Severity::Blocking, Proof::Proven, [seen.id()])),
        None => said::by_number(evidence, CAUSE.id),
    }
}

#[cfg(test)]
mod tests {

    use super::CAUSE;
    use crate::testing::Scene;
    use rdpdoctor_model::{Fact, Mechanism, Stage};

    #[test]
    fn only_a_proof_that_fails() {
        let bound = |matches| {
            let fact = Fact::PublicKeyBinding { mechanism: Mechanism::Ntlm, matches };
            Scene::negotiated(2).fact(Stage::CredSsp, fact).judge(&CAUSE)
        };
        assert!(bound(false).is_some());
        assert_eq!(bound(true), None);
        assert!(Scene::negotiated(2).ts_request(6, Some(0x8009_0346)).judge(&CAUSE).is_some());
    }
}
