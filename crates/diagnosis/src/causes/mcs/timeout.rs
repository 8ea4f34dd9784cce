//! The server does not answer when the session is being set up.

use rdpdoctor_model::{Awaited, CauseId, Ending, Stage};

use crate::causes::advice;
use crate::{Cause, ClientCode, Evidence, Match, Owner, Proof, Reproduction, Severity};

/// `mcs.timeout`
pub static CAUSE: Cause = Cause {
    id: CauseId("mcs.timeout"),
    stage: Stage::Mcs,
    owner: Owner::Host,
    title: "{host} does not answer when the session is being set up",
    explanation: "Encryption stands, and the first message of the session's set-up gets no answer in time. The service hangs, or the session behind it does.",
    excludes: &["name, route, firewall, encryption"],
    remedies: &[advice::LOOK_AT_LISTENER],
    references: &["MS-RDPBCGR 1.3.1.1"],
    client_shows: &[ClientCode { code: 0x108, extended: Some(0), proof: Proof::Possible }],
    more_specific_than: &[],
    reproduction: Reproduction::Lab(&["mcs-silent"]),
    next_tests: &[advice::ON_THE_HOST],
    rule,
};

fn rule(evidence: &Evidence<'_>) -> Option<Match> {
    let ended = evidence.ended_awaiting(Awaited::McsConnectResponse)?;
    if ended.value.ending != Ending::Timeout {
        return None;
    }
    let text = match ended.value.unfinished {
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
        let ended = |how, awaited| Scene::negotiated(1).ended(how, awaited).judge(&CAUSE);
        assert!(ended(Ending::Timeout, Awaited::McsConnectResponse).is_some());
        assert_eq!(ended(Ending::Fin, Awaited::McsConnectResponse), None);
        assert_eq!(ended(Ending::Timeout, Awaited::HandshakeEnd), None);
    }
}
