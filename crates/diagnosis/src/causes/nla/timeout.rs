//! The server does not answer during the sign-in (NLA).

use rdpdoctor_model::{CauseId, Ending, Stage};

use crate::causes::{advice, look};
use crate::{Cause, ClientCode, Evidence, Match, Owner, Proof, Reproduction, Severity};

/// `nla.timeout`
pub static CAUSE: Cause = Cause {
    id: CauseId("nla.timeout"),
    stage: Stage::CredSsp,
    owner: Owner::Host,
    title: "{host} does not answer during the sign-in (NLA)",
    explanation: "Encryption stands, and a message of the sign-in gets no answer in time. Usually the host waits for a domain controller that it cannot reach.",
    excludes: &["name, route, firewall, encryption, certificate's key"],
    remedies: &[advice::LOOK_AT_SIGN_IN],
    references: &["MS-CSSP 3.1.5"],
    client_shows: &[ClientCode { code: 0x108, extended: Some(0), proof: Proof::Possible }],
    more_specific_than: &[],
    reproduction: Reproduction::Lab(&["nla-silent", "nla-silent-at-proof"]),
    next_tests: &[advice::ON_THE_HOST],
    rule,
};

fn rule(evidence: &Evidence<'_>) -> Option<Match> {
    let ended = look::sign_in_ended(evidence)?;
    if ended.value.ending != Ending::Timeout {
        return None;
    }
    let text = look::sign_in_step(ended.value.awaited).to_owned()
        + " "
        + &match ended.value.unfinished {
            0 => "Not a byte of an answer came.".to_owned(),
            bytes => format!("{bytes} bytes of an unfinished answer came."),
        };
    Some(Match::new(Severity::Blocking, Proof::Proven, [ended.id()]).detailed(text))
}

#[cfg(test)]
mod tests {

    use rdpdoctor_model::{Awaited, Ending};

    use super::CAUSE;
    use crate::testing::Scene;

    #[test]
    fn its_ending_at_its_place() {
        let ended = |how, awaited| Scene::negotiated(2).ended(how, awaited).judge(&CAUSE);
        assert!(ended(Ending::Timeout, Awaited::NtlmChallenge).is_some());
        assert_eq!(ended(Ending::Fin, Awaited::NtlmChallenge), None);
        assert_eq!(ended(Ending::Timeout, Awaited::HandshakeEnd), None);
    }
}
