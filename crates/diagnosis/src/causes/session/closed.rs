//! The host ends the connection while the session begins.

use rdpdoctor_model::{Awaited, CauseId, Ending, Fact, Stage, StageOutcome};

use crate::causes::{look, said};
use crate::{
    Cause, ClientCode, Evidence, Match, Owner, Proof, Remedy, Reproduction, Risk, Severity, Where,
};

/// `session.closed`
pub static CAUSE: Cause = Cause {
    id: CauseId("session.closed"),
    stage: Stage::Session,
    owner: Owner::Host,
    title: "{host} ends the connection while the session begins",
    explanation: "After the logon data the server ended the connection without an error number. Its log says why; a driver, a policy or a program that filters logons does this.",
    excludes: &["name, route, firewall, encryption, password: all passed"],
    remedies: &[Remedy {
        id: "see-what-the-host-logged",
        place: Where::Host,
        risk: Risk::Low,
        title: "See what the host logged at that moment",
        steps: &[
            "PS> Get-WinEvent -LogName 'Microsoft-Windows-TerminalServices-LocalSessionManager/Operational' -MaxEvents 20",
            "PS> Get-WinEvent -LogName 'Microsoft-Windows-TerminalServices-RemoteConnectionManager/Operational' -MaxEvents 20",
            "PS> Get-WinEvent -FilterHashtable @{LogName='Application'; Id=1000} -MaxEvents 5",
        ],
        interrupts: "nothing",
        undo: &["nothing to undo: nothing was changed"],
        verify: "rdpdoctor check {target} -u <user> --logon gets past 'session'",
    }],
    references: &["MS-RDPBCGR 1.3.1.4"],
    client_shows: &[ClientCode { code: 0x904, extended: Some(7), proof: Proof::Possible }],
    more_specific_than: &[],
    reproduction: Reproduction::Lab(&["session-closed"]),
    next_tests: &[],
    rule,
};

/// rn-user-requested (T.125 7): from within a running session somebody left it (MS-RDPBCGR 1.3.1.4.2).
const USER_REQUESTED: u8 = 3;

/// Whether a session was running, as far as that could be read, or seen by how much passed.
fn was_in_session(evidence: &Evidence<'_>) -> bool {
    evidence.observations().iter().any(|observation| {
        observation.stage == Stage::Session
            && matches!(observation.fact, Fact::StageEnded { outcome: StageOutcome::Passed, .. })
    })
}

/// FIN, RST or an ultimatum behind the client info, before anybody wanted to leave.
fn rule(evidence: &Evidence<'_>) -> Option<Match> {
    if let Some(found) = said::by_number(evidence, CAUSE.id) {
        return Some(found);
    }
    // A server that gave a reason closed for that reason.
    if said::gave_a_reason(evidence) {
        return None;
    }
    let begun = evidence.main_path(|fact| match fact {
        Fact::ClientInfoSent { .. } | Fact::LicenseMessage { .. } | Fact::LicenseError { .. } => {
            Some(())
        }
        _ => None,
    });
    let ultimatum = said::before_leaving(evidence, |fact| match fact {
        Fact::McsDisconnectUltimatum { reason } => Some(*reason),
        _ => None,
    });
    if let Some(seen) = ultimatum.first().filter(|_| !begun.is_empty()) {
        if seen.value == USER_REQUESTED && was_in_session(evidence) {
            return None;
        }
        return Some(
            Match::new(Severity::Blocking, Proof::Proven, [seen.id()])
                .detailed("It sent a disconnect ultimatum without an error."),
        );
    }
    let awaited = [Awaited::License, Awaited::DemandActive, Awaited::FontMap, Awaited::Picture];
    awaited.into_iter().find_map(|awaited| {
        let ended = evidence.ended_awaiting(awaited)?;
        let hung_up = matches!(ended.value.ending, Ending::Fin | Ending::Reset);
        hung_up.then(|| {
            Match::new(Severity::Blocking, Proof::Proven, [ended.id()])
                .at_stage(awaited.stage())
                .detailed(format!("It {}.", look::ending(ended.value.ending)))
        })
    })
}

#[cfg(test)]
mod tests {

    use super::CAUSE;
    use crate::testing::Scene;
    use rdpdoctor_model::{Awaited, Ending, Fact, Stage, StageOutcome};

    #[test]
    fn an_end_behind_the_logon_data() {
        let ended = |how, awaited| Scene::negotiated(2).ended(how, awaited).judge(&CAUSE);
        assert!(ended(Ending::Fin, Awaited::License).is_some());
        assert!(ended(Ending::Reset, Awaited::DemandActive).is_some());
        assert_eq!(ended(Ending::Timeout, Awaited::DemandActive), None);
        assert_eq!(ended(Ending::Fin, Awaited::Disconnect), None);
    }

    #[test]
    fn an_ultimatum_counts_until_the_client_leaves() {
        let begun = || {
            let sent = Fact::ClientInfoSent { autologon: false };
            Scene::negotiated(2).fact(Stage::Session, sent)
        };
        let ultimatum = Fact::McsDisconnectUltimatum { reason: 1 };
        assert!(begun().fact(Stage::Mcs, ultimatum.clone()).judge(&CAUSE).is_some());
        assert_eq!(begun().left().fact(Stage::Mcs, ultimatum.clone()).judge(&CAUSE), None);
        let before = Scene::negotiated(2).fact(Stage::Mcs, ultimatum);
        assert_eq!(before.judge(&CAUSE), None, "that is mcs.refused");
    }

    /// Somebody logs off within the session: the server says goodbye, and nothing is wrong.
    #[test]
    fn a_session_that_somebody_left_from_within() {
        let ended = |outcome, reason| {
            let over = Fact::StageEnded { outcome, reason: None, elapsed_ms: 1.0 };
            Scene::negotiated(2)
                .fact(Stage::Session, Fact::ClientInfoSent { autologon: false })
                .fact(Stage::Session, over)
                .fact(Stage::Mcs, Fact::McsDisconnectUltimatum { reason })
                .judge(&CAUSE)
        };
        assert_eq!(ended(StageOutcome::Passed, 3), None);
        assert!(ended(StageOutcome::Passed, 1).is_some());
        assert!(ended(StageOutcome::Stopped, 3).is_some());
    }
}
