//! The server answers the sign-in with something broken.

use rdpdoctor_model::{CauseId, Fact, Party, Stage};

use crate::causes::{advice, said};
use crate::{Cause, ClientCode, Evidence, Match, Owner, Proof, Reproduction, Severity};

/// `nla.malformed`
pub static CAUSE: Cause = Cause {
    id: CauseId("nla.malformed"),
    stage: Stage::CredSsp,
    owner: Owner::Host,
    title: "{host} answers the sign-in with something broken",
    explanation: "What came instead of the sign-in's challenge breaks the protocol's rules. A faulty server, or a proxy that speaks for it, does this.",
    excludes: &["name, route, firewall, encryption"],
    remedies: &[advice::LOOK_AT_LISTENER],
    references: &["MS-CSSP 2.2.1"],
    client_shows: &[ClientCode { code: 0x1104, extended: Some(0), proof: Proof::Possible }],
    more_specific_than: &[],
    reproduction: Reproduction::Lab(&["nla-garbage", "nla-empty-tsrequest"]),
    next_tests: &[advice::ON_THE_HOST],
    rule,
};

fn rule(evidence: &Evidence<'_>) -> Option<Match> {
    let broken = evidence.main_path(|fact| match fact {
        Fact::CredSspMalformed { problem, .. } => Some(format!("What came: {problem}.")),
        Fact::TsRequest {
            from: Party::Server,
            token_length: None,
            error_code: None | Some(0),
            has_public_key_auth: false,
            ..
        } => Some("What came: a message with neither a challenge nor an error.".to_owned()),
        _ => None,
    });
    // The other side may say that ours cannot be read.
    let Some(seen) = broken.into_iter().next() else {
        return said::by_number(evidence, CAUSE.id);
    };
    Some(Match::new(Severity::Blocking, Proof::Proven, [seen.id()]).detailed(seen.value))
}

#[cfg(test)]
mod tests {

    use rdpdoctor_model::{Fact, Hex, Party, Stage};

    use super::CAUSE;
    use crate::testing::Scene;

    #[test]
    fn what_breaks_the_rules_and_what_does_not() {
        let problem = "a length of 9 bytes".to_owned();
        let broken = Fact::CredSspMalformed { problem, bytes: Hex(vec![1]) };
        assert!(Scene::negotiated(2).fact(Stage::CredSsp, broken).judge(&CAUSE).is_some());
        assert_eq!(Scene::negotiated(2).judge(&CAUSE), None);
    }

    #[test]
    fn a_message_must_carry_something() {
        let answered = |error_code, token_length, has_public_key_auth| {
            let (from, version) = (Party::Server, 6);
            let fact =
                Fact::TsRequest { from, version, error_code, token_length, has_public_key_auth };
            Scene::negotiated(2).fact(Stage::CredSsp, fact).judge(&CAUSE).is_some()
        };
        assert!(answered(None, None, false));
        assert!(answered(Some(0), None, false));
        assert!(!answered(None, Some(100), false));
        assert!(!answered(Some(0xC000_0022), None, false));
        // The server's answer to the bound public key, once credentials were sent.
        assert!(!answered(None, None, true));
    }
}
