//! The host breaks off the session over a message that it, or this side, does not understand.

use rdpdoctor_model::{CauseId, Fact, Stage};

use crate::causes::said;
use crate::{Cause, Evidence, Match, Owner, Proof, Remedy, Reproduction, Risk, Severity, Where};

/// `session.protocol-error`
pub static CAUSE: Cause = Cause {
    id: CauseId("session.protocol-error"),
    stage: Stage::Session,
    owner: Owner::Host,
    title: "{host} breaks off the session over a message that it, or this side, does not understand",
    explanation: "A message of the session broke the rules. The server said so by its error, or what it sent could not be read. Something between that changes the stream, or a server program with an error, does this.",
    excludes: &["name, route, firewall, password: all passed"],
    remedies: &[Remedy {
        id: "bring-it-up-to-date",
        place: Where::Host,
        risk: Risk::Low,
        title: "Bring the server's program up to date, and try another way in",
        steps: &[
            "PS> Get-HotFix | Sort-Object InstalledOn -Descending | Select-Object -First 5",
            "$ rdpdoctor check {target} --logon -u <user> --details   (from another network: the same?)",
        ],
        interrupts: "nothing",
        undo: &["nothing to undo: nothing was changed"],
        verify: "rdpdoctor check {target} -u <user> --logon gets past 'session'",
    }],
    references: &["MS-RDPBCGR 2.2.5.1.1"],
    client_shows: &[],
    more_specific_than: &[CauseId("session.closed")],
    reproduction: Reproduction::Lab(&["session-protocol-error"]),
    next_tests: &[],
    rule,
};

/// What the server says by number decides, or a PDU that cannot be read.
fn rule(evidence: &Evidence<'_>) -> Option<Match> {
    said::by_number(evidence, CAUSE.id).or_else(|| {
        let broken = evidence.main_path(|fact| match fact {
            Fact::SessionMalformed { problem, .. } => Some(format!("What came: {problem}.")),
            _ => None,
        });
        let seen = broken.into_iter().next()?;
        Some(Match::new(Severity::Blocking, Proof::Proven, [seen.id()]).detailed(seen.value))
    })
}

#[cfg(test)]
mod tests {

    use super::CAUSE;
    use crate::testing::Scene;
    use rdpdoctor_model::{Fact, Hex, Stage};

    #[test]
    fn its_errors_and_broken_messages() {
        assert!(Scene::negotiated(2).error_info(0x10C9).judge(&CAUSE).is_some());
        assert_eq!(Scene::negotiated(2).error_info(0x7).judge(&CAUSE), None);
        let broken = Fact::SessionMalformed { problem: "short".to_owned(), bytes: Hex(vec![1]) };
        assert!(Scene::negotiated(2).fact(Stage::Session, broken).judge(&CAUSE).is_some());
    }
}
