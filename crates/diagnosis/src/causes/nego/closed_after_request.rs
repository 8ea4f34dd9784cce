//! The request is answered by a hang-up.

use rdpdoctor_model::{Awaited, CauseId, Ending, Stage};

use crate::causes::{advice, look};
use crate::{Cause, ClientCode, Evidence, Match, Owner, Proof, Reproduction, Severity};

/// `nego.closed-after-request`
pub static CAUSE: Cause = Cause {
    id: CauseId("nego.closed-after-request"),
    stage: Stage::X224,
    owner: Owner::Host,
    title: "{host} hangs up when it is asked for Remote Desktop",
    explanation: "The server took the connection request and ended the connection instead of answering. A connection limit, a bastion or proxy whose back end refuses, a guard against password guessing, a service in trouble, or a program that speaks another protocol does this.",
    excludes: &[
        "name, route and firewall: TCP works",
        "password, account, licence: none was reached",
    ],
    remedies: &[advice::LOOK_AT_LISTENER],
    references: &["MS-RDPBCGR 1.3.1.1", "https://github.com/tp4a/teleport/issues/280"],
    client_shows: &[ClientCode { code: 0x904, extended: Some(7), proof: Proof::Possible }],
    more_specific_than: &[],
    reproduction: Reproduction::Lab(&["nego-closed-fin", "nego-closed-rst"]),
    next_tests: &[advice::ON_THE_HOST, advice::FROM_ELSEWHERE],
    rule,
};

/// Proven when a second connection that said nothing stayed open: it was the request.
fn rule(evidence: &Evidence<'_>) -> Option<Match> {
    let ended = evidence.ended_awaiting(Awaited::ConnectionConfirm)?;
    let hung_up = matches!(ended.value.ending, Ending::Fin | Ending::Reset);
    if !hung_up || look::broken_answer(evidence) || look::foreign_service(evidence).is_some() {
        return None;
    }
    let asked = look::hangs_up_unasked(evidence);
    if ended.value.received == 0 && asked.as_ref().is_some_and(|(unasked, _)| *unasked) {
        return None;
    }
    let mut ids = vec![ended.id()];
    let sure = ended.value.received > 0 || asked.is_some();
    ids.extend(asked.map(|(_, id)| id));
    let text = format!(
        "It {} {:.0} ms after the request; {} bytes of an answer had come.",
        look::ending(ended.value.ending),
        ended.value.after_ms,
        ended.value.received
    );
    Some(Match::new(Severity::Blocking, look::proven_if(sure), ids).detailed(text))
}

#[cfg(test)]
mod tests {

    use rdpdoctor_model::{Awaited, Ending, Purpose};

    use super::CAUSE;
    use crate::Proof;
    use crate::testing::Scene;

    #[test]
    fn a_patient_second_connection_makes_it_sure() {
        let main = || {
            Scene::new().connected("10.0.0.1:3389").ended_with(
                Ending::Reset,
                Awaited::ConnectionConfirm,
                0,
                47,
            )
        };
        let second = |how, sent| {
            let scene = main().connection(Purpose::ServiceProbe);
            scene
                .ended_with(how, Awaited::ConnectionConfirm, 0, sent)
                .judge(&CAUSE)
                .map(|m| m.proof)
        };
        assert_eq!(second(Ending::Timeout, 100), Some(Proof::Proven));
        assert_eq!(second(Ending::Fin, 0), None);
        assert_eq!(main().judge(&CAUSE).map(|m| m.proof), Some(Proof::Possible));
    }
}
