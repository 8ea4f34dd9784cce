//! Half an answer, then nothing.

use rdpdoctor_model::{Awaited, CauseId, Ending, Stage};

use crate::causes::{advice, look};
use crate::{Cause, ClientCode, Evidence, Match, Owner, Proof, Reproduction, Severity};

/// `nego.timeout`
pub static CAUSE: Cause = Cause {
    id: CauseId("nego.timeout"),
    stage: Stage::X224,
    owner: Owner::Host,
    title: "{host} begins to answer and then says nothing more",
    explanation: "Part of an answer to the connection request came, and then nothing. The service or a device in between stopped in the middle.",
    excludes: &[
        "name, route and firewall: TCP works",
        "password, account, licence: none was reached",
    ],
    remedies: &[advice::LOOK_AT_LISTENER, advice::ASK_NETWORK_TEAM],
    references: &["MS-RDPBCGR 1.3.1.1"],
    client_shows: &[ClientCode { code: 0x108, extended: Some(0), proof: Proof::Possible }],
    more_specific_than: &[],
    reproduction: Reproduction::Lab(&["nego-half-answer"]),
    next_tests: &[advice::FROM_ELSEWHERE],
    rule,
};

fn rule(evidence: &Evidence<'_>) -> Option<Match> {
    let ended = evidence.ended_awaiting(Awaited::ConnectionConfirm)?;
    let stalled = ended.value.ending == Ending::Timeout && ended.value.received > 0;
    if !stalled || look::broken_answer(evidence) {
        return None;
    }
    let text = format!("{} bytes came.", ended.value.received);
    Some(Match::new(Severity::Blocking, Proof::Proven, [ended.id()]).detailed(text))
}

#[cfg(test)]
mod tests {

    use rdpdoctor_model::{Awaited, Ending};

    use super::CAUSE;
    use crate::testing::Scene;

    #[test]
    fn half_an_answer_is_not_silence() {
        let ended = |received| {
            let scene = Scene::new().connected("10.0.0.1:3389");
            scene
                .ended_with(Ending::Timeout, Awaited::ConnectionConfirm, received, 47)
                .judge(&CAUSE)
        };
        assert!(ended(7).is_some());
        assert_eq!(ended(0), None);
    }
}
