//! The server and this client share no cipher suite.

use rdpdoctor_model::{Awaited, CauseId, Stage};

use crate::causes::{advice, look};
use crate::{Cause, ClientCode, Evidence, Match, Owner, Proof, Reproduction, Severity};

/// `tls.no-common-cipher`
pub static CAUSE: Cause = Cause {
    id: CauseId("tls.no-common-cipher"),
    stage: Stage::Tls,
    owner: Owner::Host,
    title: "{host} and this client share no cipher suite",
    explanation: "The server found nothing acceptable among the cipher suites that were offered, though all that a Windows client can speak were there. Its own list was cut too short, or holds no suite that fits its certificate's key.",
    excludes: &["name, route and firewall", "password, account, licence: none was reached"],
    remedies: &[advice::TLS_SETTINGS],
    references: &[
        "RFC 8446 6.2",
        "https://learn.microsoft.com/en-us/windows/win32/secauthn/cipher-suites-in-schannel",
    ],
    client_shows: &[ClientCode { code: 0x904, extended: Some(7), proof: Proof::Likely }],
    more_specific_than: &[CauseId("tls.alert"), CauseId("tls.private-key-unavailable")],
    reproduction: Reproduction::Lab(&["tls-no-common-cipher", "tls-no-common-cipher-71"]),
    next_tests: &[advice::ON_THE_HOST],
    rule,
};

/// handshake_failure and insufficient_security (RFC 8446 6.2).
const HANDSHAKE_FAILURE: u8 = 40;
const INSUFFICIENT_SECURITY: u8 = 71;

fn rule(evidence: &Evidence<'_>) -> Option<Match> {
    let alert = look::alert(evidence, &[Awaited::ServerHello])?;
    let proof = match alert.value {
        INSUFFICIENT_SECURITY => Proof::Proven,
        // A key that does not fit ends like this too.
        HANDSHAKE_FAILURE => Proof::Likely,
        _ => return None,
    };
    Some(Match::new(Severity::Blocking, proof, [alert.id()]))
}

#[cfg(test)]
mod tests {

    use rdpdoctor_model::Awaited;

    use super::CAUSE;
    use crate::Proof;
    use crate::testing::Scene;

    #[test]
    fn its_alerts_and_no_others() {
        let alert = |code, awaited| {
            Scene::negotiated(2).alert(code, awaited).judge(&CAUSE).map(|m| m.proof)
        };
        assert_eq!(alert(71, Awaited::ServerHello), Some(Proof::Proven));
        assert_eq!(alert(40, Awaited::ServerHello), Some(Proof::Likely));
        assert_eq!(alert(80, Awaited::ServerHello), None);
        // A suite was agreed on by then.
        assert_eq!(alert(40, Awaited::HandshakeEnd), None);
    }
}
