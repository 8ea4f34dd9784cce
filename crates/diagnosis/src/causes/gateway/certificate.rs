//! A client refuses the certificate of the gateway, without asking anybody.

use rdpdoctor_model::{CauseId, Stage};

use crate::causes::{at_gateway, tls};
use crate::{
    Cause, ClientCode, Evidence, GatewayView, Match, Owner, Proof, Remedy, Reproduction, Risk,
    Severity, Trust, Where,
};

/// `gateway.certificate`
pub static CAUSE: Cause = Cause {
    id: CauseId("gateway.certificate"),
    stage: Stage::Gateway,
    owner: Owner::Gateway,
    title: "A client refuses the certificate of the RD Gateway {gateway}",
    explanation: "A gateway is given the password before the host is reached, so a Remote Desktop client does not ask about its certificate as it does about a host's: it has to be valid, made out to the gateway's name, not revoked, and issued by somebody this machine trusts. Otherwise the client stops.",
    excludes: &["the host itself and its certificate, password, account, licence"],
    remedies: &[
        Remedy {
            id: "renew-the-gateways-certificate",
            place: Where::Gateway,
            risk: Risk::Medium,
            title: "Bind a valid certificate for the gateway's name",
            steps: &[
                "PS> Import-Module RemoteDesktopServices; Get-Item RDS:\\GatewayServer\\SSLCertificate\\Thumbprint",
                "PS> Get-ChildItem Cert:\\LocalMachine\\My | Format-List Subject, DnsNameList, NotAfter, Thumbprint",
                "Enrol one for {gateway} with the usage Server Authentication, then bind it:",
                "PS> Set-Item RDS:\\GatewayServer\\SSLCertificate\\Thumbprint -Value <new thumbprint>; Restart-Service TSGateway",
            ],
            interrupts: "Restart-Service TSGateway cuts every connection through the gateway",
            undo: &[
                "PS> Set-Item RDS:\\GatewayServer\\SSLCertificate\\Thumbprint -Value <old thumbprint>; Restart-Service TSGateway",
            ],
            verify: "rdpdoctor check {target} --gateway {gateway} gets past 'gateway'",
        },
        Remedy {
            id: "trust-the-gateways-issuer",
            place: Where::Client,
            risk: Risk::Medium,
            title: "If your own CA issued it: import its root, after checking its fingerprint",
            steps: &[
                "Get the root's file and its fingerprint from whoever runs the CA, not from the gateway.",
                "PS> Import-Certificate -FilePath C:\\root.cer -CertStoreLocation Cert:\\LocalMachine\\Root",
            ],
            interrupts: "nothing",
            undo: &["PS> Remove-Item Cert:\\LocalMachine\\Root\\<thumbprint of the root>"],
            verify: "rdpdoctor check {target} --gateway {gateway} gets past 'gateway'",
        },
    ],
    references: &["MS-TSGU 3.3.5.1", "RFC 5280 6", "RFC 6125 6.4"],
    client_shows: &[ClientCode { code: 0x300_0028, extended: None, proof: Proof::Possible }],
    more_specific_than: &[],
    reproduction: Reproduction::Lab(&[
        "gateway-certificate-self-signed",
        "gateway-certificate-expired",
        "gateway-certificate-name",
        "gateway-certificate-revoked",
        "gateway-certificate-changes",
    ]),
    next_tests: &[],
    rule,
};

/// The rules for a host's certificate, which is asked about where a gateway's is refused. The surest
/// reasons come first.
fn rule(evidence: &Evidence<'_>) -> Option<Match> {
    if let Some(found) = at_gateway::by_code(evidence, CAUSE.id) {
        return Some(found);
    }
    let view = GatewayView::of(evidence.observations())?;
    let judged = view.evidence(evidence);
    let reasons = [
        (&tls::certificate_revoked::CAUSE, "it was revoked"),
        (&tls::certificate_expired::CAUSE, "it has expired"),
        (&tls::certificate_not_yet_valid::CAUSE, "it is not valid yet"),
        (&tls::certificate_name_mismatch::CAUSE, "it is made out to another name"),
        (&tls::certificate_untrusted::CAUSE, "nobody this machine trusts has issued it"),
        (&tls::certificate_wrong_usage::CAUSE, "it is not meant for servers"),
    ];
    let mut found: Option<Match> = None;
    let mut words = Vec::new();
    for (cause, why) in reasons {
        let Some(reason) = (cause.rule)(&judged) else { continue };
        // Where no root could be read, nothing follows.
        if reason.proof == Proof::Possible {
            continue;
        }
        words.push(why);
        match &mut found {
            Some(found) => found.evidence.extend(reason.evidence),
            None => found = Some(reason),
        }
    }
    let Match { mut evidence, detail, proof, .. } = found?;
    evidence.sort();
    evidence.dedup();
    // Whoever trusts any gateway is told all the same.
    let severity = match judged.policy.trust {
        Trust::Any => Severity::Warning,
        Trust::Warn | Trust::Strict => Severity::Blocking,
    };
    let detail = detail.map_or(String::new(), |detail| format!(" {detail}"));
    let words = format!("Of this one: {}.{detail}", words.join("; "));
    Some(Match::new(severity, proof, evidence).detailed(words))
}

#[cfg(test)]
mod tests {
    use rdpdoctor_model::{Certificate, ChainError, Fact};

    use super::CAUSE;
    use crate::causes::at_gateway::tests::{ByGateway as _, gateway};
    use crate::testing::{Scene, certificate, now};
    use crate::{Proof, Severity};

    fn issued(name: &str) -> Certificate {
        let (issuer, dns_names) = ("CN=Some CA".to_owned(), vec![name.to_owned()]);
        let usage = Some(vec!["serverAuth".to_owned()]);
        Certificate {
            self_issued: false,
            issuer,
            dns_names,
            extended_key_usage: usage,
            ..certificate()
        }
    }

    fn showing(certificate: Certificate, errors: &[i32]) -> Scene {
        let errors = errors.iter().map(|&code| ChainError { depth: 0, code, text: "x".into() });
        let chain = Fact::CertificateChain {
            errors: errors.collect(),
            store: "the system's".to_owned(),
            roots: 140,
        };
        let sent = Fact::ServerCertificates { certificates: vec![certificate] };
        gateway().fact_of_gateway(sent).fact_of_gateway(chain)
    }

    #[test]
    fn each_reason_blocks() {
        let expired =
            Certificate { not_after: now().plus_millis(-1000), ..issued("gw.corp.example") };
        for (scene, word) in [
            (showing(expired, &[10]), "expired"),
            (showing(issued("other.example"), &[]), "another name"),
            (showing(issued("gw.corp.example"), &[20]), "nobody"),
            (showing(certificate(), &[18]), "nobody"),
        ] {
            let found = scene.judge(&CAUSE).expect(word);
            assert_eq!((found.severity, found.proof), (Severity::Blocking, Proof::Proven));
            assert!(found.detail.as_ref().is_some_and(|d| d.contains(word)), "{found:?}");
        }
    }

    #[test]
    fn near_misses() {
        assert_eq!(showing(issued("gw.corp.example"), &[]).judge(&CAUSE), None);
        assert_eq!(showing(issued("*.corp.example"), &[]).judge(&CAUSE), None);
        // The host's own is another matter.
        let host = Scene::negotiated(2).certified(certificate(), &[18]);
        assert_eq!(host.judge(&CAUSE), None);
    }
}
