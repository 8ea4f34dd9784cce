//! The server answers the session's set-up with something broken.

use rdpdoctor_model::{CauseId, Fact, Stage};

use crate::causes::advice;
use crate::{Cause, ClientCode, Evidence, Match, Owner, Proof, Reproduction, Severity};

/// `mcs.malformed`
pub static CAUSE: Cause = Cause {
    id: CauseId("mcs.malformed"),
    stage: Stage::Mcs,
    owner: Owner::Host,
    title: "{host} answers the session's set-up with something broken",
    explanation: "What came instead of the answer to the first message of the session's set-up breaks the protocol's rules. A faulty server or a proxy that rewrites traffic does this.",
    excludes: &["name, route, firewall, encryption"],
    remedies: &[advice::LOOK_AT_LISTENER],
    references: &["ITU-T T.125 7", "MS-RDPBCGR 2.2.1.4"],
    client_shows: &[ClientCode { code: 0x1104, extended: Some(0), proof: Proof::Possible }],
    more_specific_than: &[],
    reproduction: Reproduction::Lab(&["mcs-garbage"]),
    next_tests: &[advice::ON_THE_HOST],
    rule,
};

fn rule(evidence: &Evidence<'_>) -> Option<Match> {
    let broken = evidence.main_path(|fact| match fact {
        Fact::McsMalformed { problem, .. } => Some(format!("What came: {problem}.")),
        _ => None,
    });
    let seen = broken.into_iter().next()?;
    Some(Match::new(Severity::Blocking, Proof::Proven, [seen.id()]).detailed(seen.value))
}

#[cfg(test)]
mod tests {

    use rdpdoctor_model::{Fact, Hex, Stage};

    use super::CAUSE;
    use crate::testing::Scene;

    #[test]
    fn what_breaks_the_rules_and_what_does_not() {
        let problem = "a length of 9 bytes".to_owned();
        let broken = Fact::McsMalformed { problem, bytes: Hex(vec![1]) };
        assert!(Scene::negotiated(1).fact(Stage::Mcs, broken).judge(&CAUSE).is_some());
        assert_eq!(Scene::negotiated(1).judge(&CAUSE), None);
    }
}
