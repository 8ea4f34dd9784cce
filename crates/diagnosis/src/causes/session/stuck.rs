//! The host takes the logon and then falls silent.

use rdpdoctor_model::{Awaited, CauseId, Ending, Stage};

use crate::{Cause, Evidence, Match, Owner, Proof, Remedy, Reproduction, Risk, Severity, Where};

/// `session.stuck`
pub static CAUSE: Cause = Cause {
    id: CauseId("session.stuck"),
    stage: Stage::Session,
    owner: Owner::Host,
    title: "{host} takes the logon and then falls silent",
    explanation: "The server took the logon data and then said nothing more until the time was up. A session that hangs, a profile that does not load, a logon script that waits or a service that is stuck does this.",
    excludes: &["name, route, firewall, encryption, password: all passed"],
    remedies: &[Remedy {
        id: "look-at-the-session",
        place: Where::Host,
        risk: Risk::Medium,
        title: "Look at the session on the host, and end it where it hangs",
        steps: &[
            "PS> query session   (on the host, or with /server:{host})",
            "PS> Get-WinEvent -LogName 'Microsoft-Windows-User Profile Service/Operational' -MaxEvents 20",
            "PS> Get-WinEvent -LogName 'Microsoft-Windows-TerminalServices-LocalSessionManager/Operational' -MaxEvents 20",
            "With the consent of its user: PS> logoff <number>",
        ],
        interrupts: "logoff ends the programs of that session, unsaved work is lost",
        undo: &["a session that was logged off cannot be brought back"],
        verify: "rdpdoctor check {target} -u <user> --logon gets past 'session'",
    }],
    references: &["MS-RDPBCGR 1.3.1.1"],
    client_shows: &[],
    more_specific_than: &[],
    reproduction: Reproduction::Lab(&["session-stuck"]),
    next_tests: &[],
    rule,
};

/// Silence behind the logon data.
fn rule(evidence: &Evidence<'_>) -> Option<Match> {
    [Awaited::DemandActive, Awaited::FontMap].into_iter().find_map(|awaited| {
        let ended = evidence.ended_awaiting(awaited)?;
        let silent = ended.value.ending == Ending::Timeout;
        silent.then(|| {
            let seconds = ended.value.after_ms / 1000.0;
            Match::new(Severity::Blocking, Proof::Likely, [ended.id()])
                .detailed(format!("Nothing came for {seconds:.0} seconds."))
        })
    })
}

#[cfg(test)]
mod tests {

    use super::CAUSE;
    use crate::testing::Scene;
    use rdpdoctor_model::{Awaited, Ending};

    #[test]
    fn silence_and_nothing_else() {
        let ended = |how, awaited| Scene::negotiated(2).ended(how, awaited).judge(&CAUSE);
        assert!(ended(Ending::Timeout, Awaited::DemandActive).is_some());
        assert!(ended(Ending::Timeout, Awaited::FontMap).is_some());
        assert_eq!(ended(Ending::Fin, Awaited::DemandActive), None);
        assert_eq!(ended(Ending::Timeout, Awaited::License), None);
    }
}
