//! The broker could not send the connection on.

use rdpdoctor_model::{CauseId, Fact, Purpose, Stage};

use crate::causes::said;
use crate::{Cause, Evidence, Match, Owner, Proof, Remedy, Reproduction, Risk, Severity, Where};

/// `session.broker-redirect-failed`
pub static CAUSE: Cause = Cause {
    id: CauseId("session.broker-redirect-failed"),
    stage: Stage::Session,
    owner: Owner::Host,
    title: "The broker could not send the connection on",
    explanation: "The connection broker or the virtual desktop service found no host, could not wake it, or the host did not answer. The number says which.",
    excludes: &["name, route, firewall, encryption: all passed"],
    remedies: &[Remedy {
        id: "look-at-the-broker",
        place: Where::Host,
        risk: Risk::Low,
        title: "Look at the broker and its hosts",
        steps: &[
            "PS> Get-WinEvent -LogName 'Microsoft-Windows-TerminalServices-SessionBroker/Operational' -MaxEvents 20   (on the broker)",
            "PS> Get-RDSessionHost -CollectionName <collection> -ConnectionBroker <broker>   (NewConnectionAllowed)",
            "PS> Get-RDUserSession -ConnectionBroker <broker>",
        ],
        interrupts: "nothing",
        undo: &["nothing to undo: nothing was changed"],
        verify: "rdpdoctor check {target} -u <user> --logon gets past 'session'",
    }],
    references: &["MS-RDPBCGR 2.2.5.1.1"],
    client_shows: &[],
    more_specific_than: &[CauseId("session.closed")],
    reproduction: Reproduction::Lab(&["session-broker-redirect-failed", "session-broker-redirect"]),
    next_tests: &[],
    rule,
};

/// What the server says by number decides, or that the host which it named does not answer.
fn rule(evidence: &Evidence<'_>) -> Option<Match> {
    said::by_number(evidence, CAUSE.id).or_else(|| {
        let sent_on = evidence.main_path(|fact| match fact {
            Fact::Redirection { targets, .. } => Some(targets.join(", ")),
            _ => None,
        });
        let failed = evidence.on(Purpose::Redirected, |fact| match fact {
            Fact::TcpFailed { remote, .. } => Some(*remote),
            _ => None,
        });
        let (named, failed) = (sent_on.last()?, failed.last()?);
        Some(Match::new(Severity::Blocking, Proof::Proven, [named.id(), failed.id()]).detailed(
            format!("The broker named {}; {} did not answer.", named.value, failed.value),
        ))
    })
}

#[cfg(test)]
mod tests {

    use rdpdoctor_model::{ConnectFailure, Fact, Lookup, Purpose, Stage};

    use super::CAUSE;
    use crate::testing::Scene;
    use crate::{Proof, Severity};

    #[test]
    fn its_error_and_no_other() {
        let said = |code| Scene::negotiated(2).error_info(code).judge(&CAUSE);
        let found = said(0x400).expect("its error");
        assert_eq!((found.severity, found.proof), (Severity::Blocking, Proof::Proven));
        assert_eq!(said(0x7), None);
        assert_eq!(said(0), None);
        let sent_on = |failure| {
            let redirection = Fact::Redirection {
                flags: 1,
                session_id: 3,
                targets: vec!["10.0.0.7".to_owned()],
                has_routing_token: false,
            };
            let scene = Scene::negotiated(2).fact(Stage::Session, redirection);
            let scene = scene.connection(Purpose::Redirected);
            let remote = ([10, 0, 0, 7], 3389).into();
            let (icmp, os_error, elapsed_ms) = (Lookup::Absent, None, 1.0);
            let failed = |failure| Fact::TcpFailed { remote, failure, icmp, os_error, elapsed_ms };
            let ended = match failure {
                Some(failure) => scene.fact(Stage::Tcp, failed(failure)),
                None => scene,
            };
            ended.judge(&CAUSE)
        };
        assert!(sent_on(Some(ConnectFailure::Refused)).is_some());
        assert_eq!(sent_on(None), None);
        // What comes once the client has left is no fault.
        assert_eq!(Scene::negotiated(2).left().error_info(0x400).judge(&CAUSE), None);
    }
}
