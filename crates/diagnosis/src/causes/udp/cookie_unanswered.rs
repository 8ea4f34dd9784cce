//! UDP gets through, and nobody answers for the session that asked for it.

use rdpdoctor_model::{CauseId, Stage, UdpReply};

use super::{DO_WITHOUT, probes};
use crate::causes::advice;
use crate::{
    Cause, Evidence, Match, NextTest, Owner, Proof, Remedy, Reproduction, Risk, Severity, Where,
};

/// `udp.cookie-unanswered`
pub static CAUSE: Cause = Cause {
    id: CauseId("udp.cookie-unanswered"),
    stage: Stage::Udp,
    owner: Owner::Network,
    title: "Nobody at {host} answers by UDP for this session",
    explanation: "In the session the server asks for UDP and gives a cookie for it. Datagrams that show it were not answered. Where others are, no filter of the port is the reason: datagrams reach another machine than the connection does, as behind a load balancer or an address translation that sends UDP elsewhere, or something in between drops those that are new to it. The session goes on by TCP.",
    excludes: &["sign-in, session and licence: they need TCP only"],
    remedies: &[
        Remedy {
            id: "send-udp-where-tcp-goes",
            place: Where::Network,
            risk: Risk::Low,
            title: "Let UDP {port} lead to the machine to which TCP {port} leads",
            steps: &[
                "Ask who runs the load balancer or the address translation in front of {host} where each leads.",
                "A balancer has to keep a client's UDP with its TCP: by the client's address, not by the port.",
            ],
            interrupts: "nothing",
            undo: &["Take the rule for UDP away again."],
            verify: "rdpdoctor check {target} --logon --deep shows an answer with version 3 at 'UDP'",
        },
        DO_WITHOUT,
    ],
    references: &["MS-RDPBCGR 2.2.15.1", "MS-RDPEUDP 2.2.2.9", "MS-RDPEUDP 3.1.5.1.1"],
    client_shows: &[],
    more_specific_than: &[],
    reproduction: Reproduction::Test("udp_does_not_know_the_session"),
    next_tests: &[WITHOUT_SESSION, advice::FROM_ELSEWHERE],
    rule,
};

/// Asks both with a session's cookie and without one.
pub(super) const WITHOUT_SESSION: NextTest = NextTest {
    why: "asks without a session: no answer either is a filter's, an answer is another machine's",
    command: "rdpdoctor check {target} --deep",
};

/// Silence alone is rather a filter's. An answer without the cookie beside it is the difference that
/// speaks; what it comes from, nobody sees from here.
pub(super) fn rule(evidence: &Evidence<'_>) -> Option<Match> {
    let probes = probes(evidence);
    let silent = probes.iter().rfind(|p| p.value.with_cookie && p.value.is_silent())?;
    if probes.iter().any(|p| p.value.with_cookie && p.value.is_answered()) {
        return None;
    }
    let others = || probes.iter().filter(|p| !p.value.with_cookie);
    let detail = format!("{}, and nothing came back.", silent.value.datagrams());
    match others().rfind(|p| matches!(p.value.reply, UdpReply::SynAck { .. })) {
        Some(answered) => {
            let found = Match::new(Severity::Info, Proof::Likely, [silent.id(), answered.id()]);
            Some(found.detailed(format!("{detail} Without the cookie there is an answer.")))
        }
        None if others().any(|p| *p.value.reply != UdpReply::NotAwaited) => None,
        None => Some(Match::new(Severity::Info, Proof::Possible, [silent.id()]).detailed(detail)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Scene;

    const COOKIE: u16 = 0x0101;

    fn answer() -> UdpReply {
        UdpReply::SynAck { version: Some(2), upstream_mtu: 1232, downstream_mtu: 1232 }
    }

    fn judged(scene: Scene) -> Option<(Severity, Proof)> {
        scene.judge(&CAUSE).map(|found| (found.severity, found.proof))
    }

    #[test]
    fn an_answer_without_the_cookie_alone() {
        let silent = || Scene::negotiated(1).asked_for_udp();
        let both = silent().udp(1, answer()).udp_offered(COOKIE, 3, UdpReply::Silence);
        assert_eq!(judged(both), Some((Severity::Info, Proof::Likely)));
        let alone = silent().udp_offered(COOKIE, 3, UdpReply::Silence);
        assert_eq!(judged(alone), Some((Severity::Info, Proof::Possible)));
        let cut = silent().udp(1, UdpReply::NotAwaited).udp_offered(COOKIE, 3, UdpReply::Silence);
        assert_eq!(judged(cut), Some((Severity::Info, Proof::Possible)));
    }

    #[test]
    fn near_miss_no_answer_at_all_or_one_to_the_cookie() {
        let scene = || Scene::negotiated(1).asked_for_udp();
        for other in [
            scene().udp(3, UdpReply::Silence).udp_offered(COOKIE, 3, UdpReply::Silence),
            scene().udp(1, answer()).udp_offered(COOKIE, 1, answer()),
            scene().udp(1, answer()).udp_offered(COOKIE, 2, UdpReply::Silence),
            scene().udp(1, answer()).udp_offered(COOKIE, 1, UdpReply::NotAwaited),
            scene().udp(3, UdpReply::Silence),
        ] {
            assert_eq!(judged(other), None);
        }
    }
}
