//! Something on the way opens the encrypted connection to the server.

use rdpdoctor_model::{CauseId, Stage};

use crate::causes::{advice, look};
use crate::{Cause, Evidence, Match, Owner, Proof, Remedy, Reproduction, Risk, Severity, Where};

/// `tls.intercepted`
pub static CAUSE: Cause = Cause {
    id: CauseId("tls.intercepted"),
    stage: Stage::Tls,
    owner: Owner::Network,
    title: "Something on the way opens the encrypted connection to {host}",
    explanation: "The certificate is signed by a device or program that inspects traffic, not by the host or its CA. Sign-in with NLA is bound to the real server's key and fails behind such a device, and a password sent without NLA can be read there.",
    excludes: &["password, account, licence"],
    remedies: &[Remedy {
        id: "take-rdp-out-of-inspection",
        place: Where::Network,
        risk: Risk::Low,
        title: "Exempt Remote Desktop from TLS inspection",
        steps: &[
            "Ask whoever runs the named product to leave TCP {port} to {host} uninspected.",
            "Until then do not send a password over this path.",
        ],
        interrupts: "nothing",
        undo: &["Take the exemption out again."],
        verify: "rdpdoctor check {target} shows the host's own certificate",
    }],
    references: &["RFC 8446 E.1", "MS-CSSP 3.1.5"],
    client_shows: &[],
    more_specific_than: &[
        CauseId("tls.certificate-untrusted"),
        CauseId("tls.certificate-name-mismatch"),
    ],
    reproduction: Reproduction::Lab(&["cert-intercepted"]),
    next_tests: &[advice::FROM_ELSEWHERE],
    rule,
};

/// Devices and programs that open TLS, by words in the names of the CAs with which they sign.
const INSPECTORS: &[(&str, &str)] = &[
    ("zscaler", "Zscaler"),
    ("fortinet", "Fortinet FortiGate"),
    ("fortigate", "Fortinet FortiGate"),
    ("palo alto", "Palo Alto Networks"),
    ("bluecoat", "Blue Coat ProxySG"),
    ("blue coat", "Blue Coat ProxySG"),
    ("forcepoint", "Forcepoint"),
    ("websense", "Websense"),
    ("sophos", "Sophos"),
    ("check point", "Check Point"),
    ("netskope", "Netskope"),
    ("cisco umbrella", "Cisco Umbrella"),
    ("ironport", "Cisco Web Security"),
    ("firepower", "Cisco Firepower"),
    ("barracuda", "Barracuda"),
    ("watchguard", "WatchGuard"),
    ("sonicwall", "SonicWall"),
    ("untangle", "Untangle"),
    ("smoothwall", "Smoothwall"),
    ("mcafee web gateway", "McAfee Web Gateway"),
    ("skyhigh", "Skyhigh Web Gateway"),
    ("trend micro", "Trend Micro"),
    ("kaspersky", "Kaspersky"),
    ("eset ssl filter", "ESET"),
    ("avast web/mail shield", "Avast"),
    ("avg web/mail shield", "AVG"),
    ("bitdefender", "Bitdefender"),
    ("menlo security", "Menlo Security"),
    ("iboss", "iboss"),
    ("gateway ca - cloudflare", "Cloudflare Gateway"),
    ("cloudflare for teams", "Cloudflare Gateway"),
    ("lightspeed", "Lightspeed Systems"),
    ("securly", "Securly"),
    ("contentkeeper", "ContentKeeper"),
    ("squid", "Squid"),
    ("mitmproxy", "mitmproxy"),
    ("portswigger", "Burp Suite"),
    ("charles proxy", "Charles Proxy"),
    ("do_not_trust_fiddlerroot", "Fiddler"),
];

/// A self-issued certificate is the host's own, whatever it is called.
fn rule(evidence: &Evidence<'_>) -> Option<Match> {
    let seen = evidence.server_certificate()?;
    if seen.value.self_issued {
        return None;
    }
    let issuer = seen.value.issuer.to_lowercase();
    let (_, product) = INSPECTORS.iter().find(|(word, _)| issuer.contains(word))?;
    let severity = look::certificate_severity(evidence.policy, Severity::Warning);
    Some(
        Match::new(severity, Proof::Likely, [seen.id()])
            .titled(format!("{product} opens the encrypted connection on the way"))
            .detailed(format!("The issuer is {}.", seen.value.issuer)),
    )
}

#[cfg(test)]
mod tests {

    use super::CAUSE;
    use crate::Severity;
    use crate::testing::{Scene, certificate};

    #[test]
    fn issuers_and_hosts_of_the_same_name() {
        let judged = |issuer: &str, own| {
            let mut shown = certificate();
            shown.issuer = issuer.to_owned();
            shown.self_issued = own;
            Scene::negotiated(2).certified(shown, &[20]).judge(&CAUSE).map(|m| m.severity)
        };
        assert_eq!(
            judged("CN=Zscaler Intermediate Root CA (zscaler.net)", false),
            Some(Severity::Warning)
        );
        assert_eq!(judged("CN=fortinet-pc", true), None);
        assert_eq!(judged("CN=Example Issuing CA", false), None);
    }
}
