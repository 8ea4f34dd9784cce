//! The server speaks no newer TLS than 1.0 or 1.1.

use rdpdoctor_model::{CauseId, Fact, Stage};

use crate::causes::advice;
use crate::{Cause, Evidence, Match, Owner, Proof, Reproduction, Severity};

/// `tls.version-outdated`
pub static CAUSE: Cause = Cause {
    id: CauseId("tls.version-outdated"),
    stage: Stage::Tls,
    owner: Owner::Host,
    title: "{host} speaks no newer TLS than 1.0 or 1.1",
    explanation: "The newest version that the server takes was given up years ago. Clients with current settings warn of it or refuse it, and one update may end it.",
    excludes: &[],
    remedies: &[advice::TLS_SETTINGS],
    references: &[
        "RFC 8996",
        "KB3080079",
        "https://learn.microsoft.com/en-us/windows-server/security/tls/tls-registry-settings",
    ],
    client_shows: &[],
    more_specific_than: &[],
    reproduction: Reproduction::Lab(&["tls-version-1-0", "tls-version-1-1"]),
    next_tests: &[],
    rule,
};

/// What was agreed on; where the handshake failed later, what the server had chosen.
fn rule(evidence: &Evidence<'_>) -> Option<Match> {
    let established = evidence.main_path(|fact| match fact {
        Fact::TlsEstablished { version, .. } => Some(*version),
        _ => None,
    });
    let chosen = evidence.main_path(|fact| match fact {
        Fact::ServerHello { version, .. } => Some(*version),
        _ => None,
    });
    let seen = established.into_iter().next_back().or_else(|| chosen.into_iter().next_back())?;
    let name = match seen.value {
        0x0301 => "TLS 1.0",
        0x0302 => "TLS 1.1",
        _ => return None,
    };
    let found = Match::new(Severity::Warning, Proof::Proven, [seen.id()]);
    Some(found.detailed(format!(
        "It agreed on {name}. Windows 7 and Windows Server 2008 R2 need the update KB3080079 \
         before Remote Desktop speaks TLS 1.2; later ones speak it unless a setting forbids it."
    )))
}

#[cfg(test)]
mod tests {

    use super::CAUSE;
    use crate::testing::Scene;

    #[test]
    fn old_and_current() {
        let agreed = |version| Scene::negotiated(2).established(version).judge(&CAUSE);
        assert!(agreed(0x0301).is_some());
        assert!(agreed(0x0302).is_some());
        assert_eq!(agreed(0x0303), None);
        // The handshake failed after the choice.
        assert!(Scene::negotiated(2).server_hello(0x0301, 0x2F).judge(&CAUSE).is_some());
        // What was agreed on at last counts.
        let both = Scene::negotiated(2).server_hello(0x0301, 0x2F).established(0x0303);
        assert_eq!(both.judge(&CAUSE), None);
        assert_eq!(Scene::negotiated(2).server_hello(0x0300, 0x2F).judge(&CAUSE), None);
    }
}
