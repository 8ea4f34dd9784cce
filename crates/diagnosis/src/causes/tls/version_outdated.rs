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
    references: &["RFC 8996", "KB3080079"],
    client_shows: &[],
    more_specific_than: &[],
    reproduction: Reproduction::Lab(&["tls-version-1-0", "tls-version-1-1"]),
    next_tests: &[],
    rule,
};

fn rule(evidence: &Evidence<'_>) -> Option<Match> {
    let seen = evidence
        .main_path(|fact| match fact {
            Fact::TlsEstablished { version, .. } => Some(*version),
            _ => None,
        })
        .pop()?;
    let name = match seen.value {
        0x0301 => "TLS 1.0",
        0x0302 => "TLS 1.1",
        _ => return None,
    };
    let found = Match::new(Severity::Warning, Proof::Proven, [seen.id()]);
    Some(found.detailed(format!("It agreed on {name}.")))
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
    }
}
