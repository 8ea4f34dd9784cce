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
    let alert = look::alert(evidence, &[Awaited::ServerHello]);
    if let Some(alert) = alert.filter(|alert| alert.value == PROTOCOL_VERSION) {
        return Some(Match::new(Severity::Blocking, Proof::Proven, [alert.id()]));
    }
    let hello = evidence.main_path(|fact| match fact {
        Fact::ServerHello { version, .. } => (*version < OLDEST).then_some(()),
        _ => None,
    });
    let hello = hello.into_iter().next()?;
    let found = Match::new(Severity::Blocking, Proof::Proven, [hello.id()]);
    Some(found.detailed("It chose SSL 3.0, which has been broken since 2014."))
}

#[cfg(test)]
mod tests {

    use rdpdoctor_model::Awaited;

    use super::CAUSE;
    use crate::testing::Scene;

    #[test]
    fn its_alerts_and_no_others() {
        let alert = |code| Scene::negotiated(2).alert(code, Awaited::ServerHello).judge(&CAUSE);
        assert!(alert(70).is_some());
        assert_eq!(alert(40), None);
        assert!(Scene::negotiated(2).server_hello(0x0300, 0x2F).judge(&CAUSE).is_some());
        assert_eq!(Scene::negotiated(2).server_hello(0x0301, 0x2F).judge(&CAUSE), None);
    }
}
