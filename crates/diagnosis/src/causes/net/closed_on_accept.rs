//! The listener hangs up on everybody.

use rdpdoctor_model::{Awaited, CauseId, Ending, Stage};

use crate::causes::{advice, look};
use crate::{
    Cause, ClientCode, Evidence, Match, Owner, Proof, Remedy, Reproduction, Risk, Severity, Where,
};

/// `net.closed-on-accept`
pub static CAUSE: Cause = Cause {
    id: CauseId("net.closed-on-accept"),
    stage: Stage::X224,
    owner: Owner::Host,
    title: "{host} hangs up on every connection to port {port} at once",
    explanation: "The connection is accepted and closed before a word is said, even when the client says nothing. A port forward or load balancer without a living back end does this, so does a guard that has blocked this address, and GNOME Remote Desktop as long as nobody has set its user name and password.",
    excludes: &[
        "name and route: TCP works",
        "certificate, password, account, licence: none was reached",
    ],
    remedies: &[
        advice::LOOK_AT_LISTENER,
        advice::ASK_NETWORK_TEAM,
        Remedy {
            id: "set-gnome-credentials",
            place: Where::Host,
            risk: Risk::Low,
            title: "On a GNOME desktop, set the user name and password of its Remote Desktop",
            steps: &[
                "$ grdctl status",
                "$ journalctl --user -u gnome-remote-desktop | grep 'Credentials are not set'",
                "Settings, Sharing (or System), Remote Desktop: type a user name and a password there.",
            ],
            interrupts: "nothing",
            undo: &["$ grdctl rdp clear-credentials"],
            verify: "rdpdoctor check {target}",
        },
    ],
    references: &["RFC 9293 3.6", "https://github.com/dockur/windows/issues/345"],
    client_shows: &[ClientCode { code: 0x904, extended: Some(7), proof: Proof::Possible }],
    more_specific_than: &[CauseId("nego.closed-after-request")],
    reproduction: Reproduction::Lab(&["net-closed-on-accept-fin", "net-closed-on-accept-rst"]),
    next_tests: &[advice::FROM_ELSEWHERE],
    rule,
};

/// A second connection on which the client says nothing decides: was it the request that made the
/// server hang up, or does it hang up on everybody?
fn rule(evidence: &Evidence<'_>) -> Option<Match> {
    let ended = evidence.ended_awaiting(Awaited::ConnectionConfirm)?;
    let hung_up = matches!(ended.value.ending, Ending::Fin | Ending::Reset);
    if !hung_up || ended.value.received > 0 {
        return None;
    }
    match look::hangs_up_unasked(evidence) {
        Some((true, second)) => {
            let found = Match::new(Severity::Blocking, Proof::Proven, [ended.id(), second]);
            Some(look::weaker_through_a_tunnel(evidence, found))
        }
        Some((false, _)) => None,
        None => Some(Match::new(Severity::Blocking, Proof::Possible, [ended.id()])),
    }
}

#[cfg(test)]
mod tests {

    use rdpdoctor_model::{Awaited, Ending, Purpose};

    use super::CAUSE;
    use crate::Proof;
    use crate::testing::Scene;

    #[test]
    fn the_silent_second_connection_decides() {
        let main = || {
            Scene::new().connected("10.0.0.1:3389").ended_with(
                Ending::Fin,
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
        assert_eq!(second(Ending::Reset, 0), Some(Proof::Proven));
        assert_eq!(second(Ending::Timeout, 100), None);
        assert_eq!(main().judge(&CAUSE).map(|m| m.proof), Some(Proof::Possible));
    }
}
