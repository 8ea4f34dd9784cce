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

/// What a segment holds as a rule, in bytes (RFC 9293 3.7.1 over Ethernet).
const FULL_SEGMENT: u64 = 1460;

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
    live(evidence).or_else(|| captured(evidence))
}

/// Segments that a capture saw twice, measured by what passed on their connection: in a session of
/// hours a few are nothing. Only a connection with losses both ways that came to a halt may have ended by them,
/// and a host that fell silent looks much the same.
fn captured(evidence: &Evidence<'_>) -> Option<Match> {
    let again = evidence.main_path(|fact| match fact {
        Fact::Retransmissions { client, server } => Some((*client, *server)),
        _ => None,
    });
    let ends = evidence.main_path(crate::evidence::stream_end);
    let found = again.into_iter().filter_map(|seen| {
        let (client, server) = seen.value;
        let number = seen.observation.connection;
        let end = ends.iter().find(|end| end.observation.connection == number)?;
        let segments = (end.value.sent + end.value.received) / FULL_SEGMENT;
        let total = client.saturating_add(server);
        let felt =
            f64::from(total) >= FELT * f64::from(u32::try_from(segments).unwrap_or(u32::MAX));
        if total < MANY_SENT_AGAIN || !felt {
            return None;
        }
        let words = format!(
            "Segments were sent again: {client} by the client, {server} by the host, of some {}.",
            segments.max(u64::from(total))
        );
        let ended = end.value.ending == Ending::Timeout;
        let both = client >= MANY_SENT_AGAIN && server >= MANY_SENT_AGAIN;
        let found = match ended {
            true if both => Match::new(Severity::Blocking, Proof::Possible, [seen.id(), end.id()])
                .at_stage(end.observation.stage),
            // To a host that says nothing any more everything is sent again.
            true => return None,
            false => Match::new(Severity::Warning, Proof::Likely, [seen.id()]),
        };
        Some(found.detailed(words))
    });
    found.min_by_key(|found| found.severity)
}

fn live(evidence: &Evidence<'_>) -> Option<Match> {
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
            variation_ms: Some(1.0),
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

    fn repeated(client: u32, server: u32, ending: Ending, bytes: u64) -> Scene {
        let end = Fact::StreamEnded {
            ending,
            awaited: Awaited::ServerHello,
            received: bytes,
            sent: 0,
            unfinished: 0,
            after_ms: 9000.0,
            os_error: None,
        };
        let again = Fact::Retransmissions { client, server };
        Scene::negotiated(1).fact(Stage::Network, again).fact(Stage::Tls, end).captured()
    }

    #[test]
    fn segments_that_a_capture_saw_twice() {
        let judged = |scene: Scene| scene.judge(&CAUSE).map(|found| (found.severity, found.proof));
        let warned = Some((Severity::Warning, Proof::Likely));
        assert_eq!(judged(repeated(2, 1, Ending::ClosedByClient, 20_000)), warned);
        assert_eq!(judged(repeated(1, 1, Ending::ClosedByClient, 20_000)), None, "an accident");
        let hours = repeated(5, 0, Ending::ClosedByClient, 100_000_000);
        assert_eq!(judged(hours), None, "5 of 68,000");
        assert_eq!(judged(repeated(6, 0, Ending::Timeout, 20_000)), None, "a host that is silent");
        let halted = judged(repeated(6, 3, Ending::Timeout, 20_000));
        assert_eq!(halted, Some((Severity::Blocking, Proof::Possible)));
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
