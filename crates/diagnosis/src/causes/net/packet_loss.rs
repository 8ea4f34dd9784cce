//! Packets get lost on the way.

use rdpdoctor_model::{CauseId, Ending, Fact, Stage};

use crate::causes::{advice, look};
use crate::{Cause, Evidence, Match, Owner, Proof, Reproduction, Severity, loss_interval};

/// One lost packet of a dozen happens on every path.
const FEWEST_LOST: u32 = 2;

/// A share below this is no loss that anybody feels.
const FELT: f64 = 0.005;

/// So many segments sent again on one short connection are no accident.
const MANY_SENT_AGAIN: u32 = 3;

/// `net.packet-loss`
pub static CAUSE: Cause = Cause {
    id: CauseId("net.packet-loss"),
    stage: Stage::Network,
    owner: Owner::Network,
    title: "Packets between here and {host} get lost",
    explanation: "Part of what is sent never arrives. Radio, a full line, a bad cable or a duplex mismatch does this. TCP sends it again, which makes a session stutter, and breaks it when it becomes too much.",
    excludes: &[],
    remedies: &[advice::ASK_NETWORK_TEAM],
    references: &["RFC 9293 3.8", "RFC 2680"],
    client_shows: &[],
    more_specific_than: &[],
    reproduction: Reproduction::Test("network_packet_loss"),
    next_tests: &[crate::NextTest {
        why: "how much is lost, and how sure that is",
        command: "rdpdoctor check {target} --network-samples 200",
    }],
    rule,
};

fn rule(evidence: &Evidence<'_>) -> Option<Match> {
    let sent_again = evidence
        .main_path(|fact| match fact {
            Fact::TcpFigures { sent_again, .. } if *sent_again > 0 => Some(*sent_again),
            _ => None,
        })
        .pop();
    let lossy = look::echo_series(evidence).filter(|seen| {
        let (lost, sent) = (seen.value.lost, seen.value.sent);
        // Nobody who answers no echo request loses anything by that.
        lost >= FEWEST_LOST
            && lost < sent
            && loss_interval(lost, sent).is_some_and(|(from, _)| from > FELT)
    });
    let broke = evidence
        .main_path(|fact| {
            matches!(fact, Fact::StreamEnded { ending: Ending::Timeout, .. }).then_some(())
        })
        .pop();
    let Some(lossy) = lossy else {
        let many = sent_again.filter(|seen| seen.value >= MANY_SENT_AGAIN && broke.is_none())?;
        let words = format!("TCP had to send {} segments again.", many.value);
        let found = Match::new(Severity::Warning, Proof::Likely, [many.id()]);
        return Some(found.detailed(words));
    };
    let mut words = lossy.value.words();
    let mut cited = vec![lossy.id()];
    // Some hosts answer only so many echo requests a second: TCP's own loss is the proof.
    let mut proof = Proof::Likely;
    if let Some(again) = &sent_again {
        words.push_str(&format!(" TCP had to send {} segments again.", again.value));
        cited.push(again.id());
        proof = Proof::Proven;
    }
    Some(match broke {
        Some(ended) if lossy.value.lost * 4 >= lossy.value.sent => {
            cited.push(ended.id());
            Match::new(Severity::Blocking, Proof::Possible, cited)
                .at_stage(ended.observation.stage)
                .detailed(words)
        }
        _ => Match::new(Severity::Warning, proof, cited).detailed(words),
    })
}

#[cfg(test)]
mod tests {
    use rdpdoctor_model::{Awaited, Ending, Fact, Stage};

    use super::CAUSE;
    use crate::testing::Scene;
    use crate::{Proof, Severity};

    fn sent_again(count: u32) -> Fact {
        Fact::TcpFigures {
            round_trip_ms: 20.0,
            variation_ms: 1.0,
            sent_again: count,
            unacknowledged: 0,
            path_mtu: 1500,
        }
    }

    #[test]
    fn two_of_a_dozen_and_what_tcp_says() {
        let scene = || Scene::negotiated(1);
        let judged = |scene: Scene| scene.judge(&CAUSE).map(|found| (found.severity, found.proof));
        assert_eq!(judged(scene().echoes(12, 1, 20.0)), None);
        assert_eq!(judged(scene().echoes(12, 12, 0.0)), None, "echo is not answered at all");
        assert_eq!(judged(scene().echoes(200, 2, 20.0)), None, "1 in 100 may be an accident");
        let warned = Some((Severity::Warning, Proof::Likely));
        assert_eq!(judged(scene().echoes(12, 2, 20.0)), warned);
        assert_eq!(judged(scene().echoes(200, 10, 20.0)), warned);
        let both = scene().echoes(12, 3, 20.0).fact(Stage::Network, sent_again(1));
        assert_eq!(judged(both), Some((Severity::Warning, Proof::Proven)));
        assert_eq!(judged(scene().fact(Stage::Network, sent_again(3))), warned);
        assert_eq!(judged(scene().fact(Stage::Network, sent_again(2))), None);
    }

    #[test]
    fn what_breaks_a_stage_blocks() {
        let scene = Scene::negotiated(1)
            .ended_with(Ending::Timeout, Awaited::ServerHello, 19, 300)
            .echoes(12, 6, 20.0);
        let found = scene.judge(&CAUSE).expect("it fits");
        assert_eq!((found.severity, found.proof), (Severity::Blocking, Proof::Possible));
    }
}
