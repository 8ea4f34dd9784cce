//! Connected, and not a byte.

use rdpdoctor_model::{Awaited, CauseId, Ending, Stage};

use crate::causes::{advice, look};
use crate::{Cause, ClientCode, Evidence, Match, Owner, Proof, Reproduction, Severity};

/// `net.silent-listener`
pub static CAUSE: Cause = Cause {
    id: CauseId("net.silent-listener"),
    stage: Stage::X224,
    owner: Owner::Host,
    title: "{host} accepts the connection on port {port} and then says nothing",
    explanation: "The TCP connection was made, the connection request was sent, and not one byte came back. A Remote Desktop service that hangs does this; so does a load balancer, tunnel or port forward whose far end is dead.",
    excludes: &[
        "name, route and firewall: TCP works",
        "certificate, password, account, licence: none was reached",
    ],
    remedies: &[advice::LOOK_AT_LISTENER],
    references: &[
        "MS-RDPBCGR 1.3.1.1",
        "https://learn.microsoft.com/en-us/troubleshoot/windows-server/remote/rdp-error-general-troubleshooting",
    ],
    client_shows: &[ClientCode { code: 0x108, extended: Some(0), proof: Proof::Likely }],
    more_specific_than: &[],
    reproduction: Reproduction::Lab(&["net-silent-listener"]),
    next_tests: &[advice::ON_THE_HOST, advice::FROM_ELSEWHERE],
    rule,
};

fn rule(evidence: &Evidence<'_>) -> Option<Match> {
    let ended = evidence.ended_awaiting(Awaited::ConnectionConfirm)?;
    let silent = ended.value.ending == Ending::Timeout && ended.value.received == 0;
    if !silent || look::foreign_service(evidence).is_some() {
        return None;
    }
    let found = Match::new(Severity::Blocking, Proof::Proven, [ended.id()]);
    Some(look::weaker_through_a_tunnel(evidence, found))
}

#[cfg(test)]
mod tests {

    use rdpdoctor_model::{Awaited, Ending};

    use super::CAUSE;
    use crate::Proof;
    use crate::testing::Scene;

    #[test]
    fn through_a_proxy_it_may_be_the_proxy() {
        let silent = |scene: Scene| {
            let scene = scene.ended_with(Ending::Timeout, Awaited::ConnectionConfirm, 0, 47);
            scene.judge(&CAUSE).map(|found| found.proof)
        };
        assert_eq!(silent(Scene::new().proxy().tunnel()), Some(Proof::Possible));
        assert_eq!(silent(Scene::new().connected("10.0.0.1:3389")), Some(Proof::Proven));
    }

    #[test]
    fn silence_is_not_a_hang_up() {
        let ended = |how| {
            let scene = Scene::new().connected("10.0.0.1:3389").ended_with(
                how,
                Awaited::ConnectionConfirm,
                0,
                47,
            );
            scene.judge(&CAUSE)
        };
        assert!(ended(Ending::Timeout).is_some());
        assert_eq!(ended(Ending::Fin), None);
    }
}
