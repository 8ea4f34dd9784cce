//! UDP gets through, and loses datagrams.

use rdpdoctor_model::{CauseId, Stage, UdpReply};

use super::{DO_WITHOUT, probes};
use crate::causes::advice;
use crate::{Cause, Evidence, Match, NextTest, Owner, Proof, Reproduction, Severity};

/// `udp.unstable`
pub static CAUSE: Cause = Cause {
    id: CauseId("udp.unstable"),
    stage: Stage::Udp,
    owner: Owner::Network,
    title: "{host} answers by UDP, but not every datagram gets there and back",
    explanation: "The first datagram was not answered, a later one was. UDP that works only sometimes is worse than none: Windows takes it, and the session hangs or ends when it fails. One datagram may be lost by chance; asked again it should not be.",
    excludes: &["sign-in, session and licence: they need TCP only"],
    remedies: &[DO_WITHOUT, advice::ASK_NETWORK_TEAM],
    references: &["MS-RDPEUDP 3.1.5.1", "MS-RDPEUDP 3.1.6.1"],
    client_shows: &[],
    more_specific_than: &[],
    reproduction: Reproduction::Test("udp_answers_the_second_datagram"),
    next_tests: &[NextTest {
        why: "asked again: tells chance from a path that loses datagrams",
        command: "rdpdoctor check {target} --deep",
    }],
    rule,
};

/// It is seen that a datagram was lost or late; whether it stays so, nobody knows from one.
fn rule(evidence: &Evidence<'_>) -> Option<Match> {
    let late = probes(evidence).into_iter().rfind(|probe| {
        probe.value.tries > 1 && matches!(probe.value.reply, UdpReply::SynAck { .. })
    })?;
    let found = Match::new(Severity::Info, Proof::Likely, [late.id()]);
    Some(found.detailed(format!("The answer came for datagram {}.", late.value.tries)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Scene;

    #[test]
    fn an_answer_to_the_second_datagram_only() {
        let judged = |tries, reply| Scene::negotiated(1).udp(tries, reply).judge(&CAUSE);
        let reply = UdpReply::SynAck { version: Some(2), upstream_mtu: 1232, downstream_mtu: 1232 };
        let found = judged(2, reply.clone()).expect("fits");
        assert_eq!((found.severity, found.proof), (Severity::Info, Proof::Likely));
        assert_eq!(judged(1, reply.clone()), None);
        assert_eq!(judged(3, UdpReply::Silence), None);
        // Whichever of two handshakes it was.
        let both = Scene::negotiated(1).udp(2, reply.clone()).udp_offered(0x101, 1, reply);
        assert!(both.judge(&CAUSE).is_some());
    }
}
