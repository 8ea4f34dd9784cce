//! The server and this client share no TLS version.

use rdpdoctor_model::{Awaited, CauseId, Fact, Stage};

use crate::causes::{advice, look};
use crate::{Cause, ClientCode, Evidence, Match, Owner, Proof, Reproduction, Severity};

/// `tls.no-common-version`
pub static CAUSE: Cause = Cause {
    id: CauseId("tls.no-common-version"),
    stage: Stage::Tls,
    owner: Owner::Host,
    title: "{host} and this client share no TLS version",
    explanation: "The server refused the versions of TLS that were offered, from 1.0 to 1.3, or chose one that is older than any of them.",
    excludes: &["name, route and firewall", "password, account, licence: none was reached"],
    remedies: &[advice::TLS_SETTINGS],
    references: &["RFC 8446 6.2", "RFC 7568"],
    client_shows: &[ClientCode { code: 0x904, extended: Some(7), proof: Proof::Likely }],
    more_specific_than: &[CauseId("tls.alert"), CauseId("tls.closed")],
    reproduction: Reproduction::Lab(&["tls-no-common-version", "tls-ssl3-only"]),
    next_tests: &[advice::ON_THE_HOST],
    rule,
};

/// protocol_version (RFC 8446 6.2).
const PROTOCOL_VERSION: u8 = 70;

/// TLS 1.0; everything below is SSL.
const OLDEST: u16 = 0x0301;

fn rule(evidence: &Evidence<'_>) -> Option<Match> {
    if let Some(alert) = look::alert(evidence, &[Awaited::ServerHello]) {
        if alert.value == PROTOCOL_VERSION {
            return Some(Match::new(Severity::Blocking, Proof::Proven, [alert.id()]));
        }
        // A library that may do TLS 1.0, and is denied what TLS 1.0 needs, breaks off by itself;
        // to whom offers nothing so old it says why.
        let modern = look::alert_to_modern(evidence).filter(|a| a.value == PROTOCOL_VERSION)?;
        return Some(
            Match::new(Severity::Blocking, Proof::Likely, [alert.id(), modern.id()])
                .detailed("It takes only versions older than TLS 1.2, and its own TLS library fails at these."),
        );
    }
    let hello = evidence
        .main_path(|fact| match fact {
            Fact::ServerHello { version, .. } => Some(*version),
            _ => None,
        })
        .pop()?;
    if hello.value < OLDEST {
        let name = if hello.value == 0x0300 { "SSL 3.0" } else { "SSL 2.0" };
        return Some(
            Match::new(Severity::Blocking, Proof::Proven, [hello.id()])
                .detailed(format!("It chose {name}, which has been broken for years.")),
        );
    }
    // The server chose, and this side's library would not have its choice.
    let refused = evidence
        .main_path(|fact| match fact {
            Fact::TlsRefused { reason } => Some(reason.as_str()),
            _ => None,
        })
        .into_iter()
        .find(|seen| seen.value.contains("unsupported protocol") || seen.value.contains("version"));
    let refused = refused.filter(|_| !evidence.tls_established())?;
    Some(
        Match::new(Severity::Blocking, Proof::Likely, [hello.id(), refused.id()])
            .detailed(format!("Our TLS library says: {}.", refused.value)),
    )
}

#[cfg(test)]
mod tests {

    use rdpdoctor_model::{Awaited, Lookup, Purpose};

    use super::CAUSE;
    use crate::Proof;
    use crate::testing::Scene;

    #[test]
    fn its_alerts_and_no_others() {
        let alert = |code| Scene::negotiated(2).alert(code, Awaited::ServerHello).judge(&CAUSE);
        assert!(alert(70).is_some());
        assert_eq!(alert(40), None);
        assert!(Scene::negotiated(2).server_hello(0x0300, 0x2F).judge(&CAUSE).is_some());
        assert_eq!(Scene::negotiated(2).server_hello(0x0301, 0x2F).judge(&CAUSE), None);
    }

    #[test]
    fn a_library_that_fails_at_the_only_version_it_may_do() {
        let scene = |description| {
            Scene::negotiated(2)
                .alert(80, Awaited::ServerHello)
                .connection(Purpose::TlsVersion)
                .alert(description, Awaited::ServerHello)
                .tls12_and_newer(Lookup::Absent)
        };
        assert_eq!(scene(70).judge(&CAUSE).map(|m| m.proof), Some(Proof::Likely));
        assert_eq!(scene(80).judge(&CAUSE), None);
    }

    #[test]
    fn a_choice_that_this_side_refuses_is_likely() {
        let refused = |reason| Scene::negotiated(2).server_hello(0x0303, 0x2F).tls_refused(reason);
        let proof = |scene: Scene| scene.judge(&CAUSE).map(|m| m.proof);
        assert_eq!(proof(refused("unsupported protocol")), Some(Proof::Likely));
        assert_eq!(proof(refused("bad signature")), None);
        // Without a ServerHello, "wrong version number" is said of anything that is no TLS.
        assert_eq!(proof(Scene::negotiated(2).tls_refused("wrong version number")), None);
    }
}
