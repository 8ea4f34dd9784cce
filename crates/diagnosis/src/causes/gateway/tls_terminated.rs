//! Something between the client and the gateway ends the encryption, so that the gateway sees another TLS than the client bound its proof to.

use rdpdoctor_model::{CauseId, Fact, Mechanism, Stage};

use crate::causes::{advice, at_gateway};
use crate::{
    Cause, Evidence, Match, NextTest, Owner, Proof, Remedy, Reproduction, Risk, Severity, Where,
};

/// `gateway.tls-terminated`
pub static CAUSE: Cause = Cause {
    id: CauseId("gateway.tls-terminated"),
    stage: Stage::Gateway,
    owner: Owner::Network,
    title: "Something on the way to {gateway} ends the encryption, and the gateway notices",
    explanation: "A client ties its proof of the password to the TLS that it sees (channel binding), and a gateway refuses a proof that was made for another one. That happens where a web proxy, an inspecting firewall or a load balancer ends the TLS and makes its own: the password is right, and the answer is the same as for a wrong one.",
    excludes: &["the host itself, licence"],
    remedies: &[
        Remedy {
            id: "let-the-gateway-pass",
            place: Where::Network,
            risk: Risk::Low,
            title: "Except the gateway from TLS inspection",
            steps: &[
                "Give the network team the name and the address of {gateway}, and the issuer of the certificate that is shown here (--details).",
                "The gateway's TLS has to reach it whole: an exception by name in the proxy or firewall that opens TLS.",
            ],
            interrupts: "nothing",
            undo: advice::NOTHING_TO_UNDO,
            verify: "rdpdoctor check {target} --gateway {gateway} gets past 'gateway'",
        },
        Remedy {
            id: "end-it-with-the-same-certificate",
            place: Where::Gateway,
            risk: Risk::Medium,
            title: "If a load balancer of your own ends it: bridge with the gateway's own certificate",
            steps: &[
                "Load the gateway's certificate with its key on the load balancer and re-encrypt to the gateway with the same one: the binding is a hash of that certificate.",
                "See what the gateway expects: PS> Get-ItemProperty 'HKLM:\\SOFTWARE\\Microsoft\\Terminal Server Gateway\\Config\\Core' -Name EnforceChannelBinding",
            ],
            interrupts: "connections through the load balancer while it is changed",
            undo: &["Restore the load balancer's former settings."],
            verify: "rdpdoctor check {target} --gateway {gateway} gets past 'gateway'",
        },
    ],
    references: &["RFC 5929 4", "MS-NLMP 2.2.2.1"],
    client_shows: &[],
    more_specific_than: &[],
    reproduction: Reproduction::Lab(&["gateway-tls-terminated"]),
    next_tests: &[NextTest {
        why: "from a network without a web proxy: tells an inspected path from a wrong password",
        command: "rdpdoctor check {target} --gateway {gateway} -u <user> --again",
    }],
    rule,
};

/// A refusal of a proof that was bound to the TLS. That something opens it is what makes this the
/// reason; otherwise a wrong password is.
fn rule(evidence: &Evidence<'_>) -> Option<Match> {
    let refused = at_gateway::refused_credentials(evidence)?;
    // It names another reason.
    if at_gateway::restricted(&refused.value).is_some() {
        return None;
    }
    let bound = evidence.gateway(|fact| match fact {
        Fact::CredentialSent { mechanism } => Some(*mechanism != Mechanism::Basic),
        _ => None,
    });
    if !bound.last().is_some_and(|seen| seen.value) {
        return None;
    }
    let ids = [refused.id()];
    Some(match at_gateway::intercepted(evidence) {
        Some(opened) => {
            let ids = ids.into_iter().chain(opened.evidence);
            let found = Match::new(Severity::Blocking, Proof::Likely, ids);
            found.detailed(opened.title.map_or(String::new(), |title| format!("{title}.")))
        }
        None => Match::new(Severity::Blocking, Proof::Possible, ids),
    })
}

#[cfg(test)]
mod tests {
    use rdpdoctor_model::{Certificate, Fact, Mechanism};

    use super::CAUSE;
    use crate::causes::at_gateway::tests::{ByGateway as _, gateway};
    use crate::causes::gateway::auth_rejected;
    use crate::testing::{Scene, certificate};
    use crate::{Cause, Proof};

    fn rejected(issuer: &str, mechanism: Mechanism) -> Scene {
        let issuer = issuer.to_owned();
        let shown = Certificate { self_issued: false, issuer, ..certificate() };
        gateway()
            .fact_of_gateway(Fact::ServerCertificates { certificates: vec![shown] })
            .fact_of_gateway(Fact::CredentialSent { mechanism })
            .answered(401, true)
            .stopped_at_gateway()
    }

    fn proof(scene: &Scene, cause: &Cause) -> Option<Proof> {
        scene.judge(cause).map(|found| found.proof)
    }

    #[test]
    fn an_inspector_makes_it_likely_and_nobody_possible() {
        let inspected =
            rejected("O=Zscaler Inc., CN=Zscaler Intermediate Root CA", Mechanism::Ntlm);
        assert_eq!(proof(&inspected, &CAUSE), Some(Proof::Likely));
        assert_eq!(proof(&inspected, &auth_rejected::CAUSE), Some(Proof::Possible));
        let plain = rejected("CN=Some CA", Mechanism::Ntlm);
        assert_eq!(proof(&plain, &CAUSE), Some(Proof::Possible));
        assert_eq!(proof(&plain, &auth_rejected::CAUSE), Some(Proof::Likely));
    }

    #[test]
    fn near_miss_a_password_is_bound_to_nothing() {
        let basic = rejected("CN=Some CA", Mechanism::Basic);
        assert_eq!(proof(&basic, &CAUSE), None);
        assert_eq!(proof(&basic, &auth_rejected::CAUSE), Some(Proof::Proven));
    }
}
