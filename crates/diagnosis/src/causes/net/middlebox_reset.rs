//! A reset that did not come from the host.

use rdpdoctor_model::{Awaited, CauseId, Ending, Fact, Stage};

use crate::causes::advice;
use crate::{Cause, ClientCode, Evidence, Match, Owner, Proof, Reproduction, Seen, Severity};

/// `net.middlebox-reset`
pub static CAUSE: Cause = Cause {
    id: CauseId("net.middlebox-reset"),
    stage: Stage::Tcp,
    owner: Owner::Network,
    title: "Something between here and {host} cuts the connection",
    explanation: "The connection was cut by an answer that the host itself cannot have given. An intrusion prevention system, a firewall that inspects traffic, or a proxy sits in between.",
    excludes: &["the host's certificate and key: the cut did not come from the host"],
    remedies: &[advice::ASK_NETWORK_TEAM],
    references: &["RFC 9293 3.10.7", "RFC 3360"],
    client_shows: &[ClientCode { code: 0x904, extended: Some(7), proof: Proof::Likely }],
    more_specific_than: &[
        CauseId("tls.private-key-unavailable"),
        CauseId("tls.closed"),
        CauseId("nego.closed-after-request"),
        CauseId("net.closed-on-accept"),
    ],
    reproduction: Reproduction::Test("network_middlebox_reset"),
    next_tests: &[advice::FROM_ELSEWHERE],
    rule,
};

/// Round trips below this are too short to tell a fast answer from an ordinary one.
const MEASURABLE_MS: f64 = 8.0;

/// A busy machine measures too long a round trip once; several times it hardly does.
const FEWEST_SAMPLES: usize = 2;

/// Evidence of its own: a reset faster than the path allows. Every TCP handshake to the address
/// measured the round trip; nothing from the host can come back in less than half of the shortest.
/// On this machine's own loopback there is nothing in between.
fn rule(evidence: &Evidence<'_>) -> Option<Match> {
    let resets = evidence.main_path(|fact| match fact {
        Fact::StreamEnded { ending: Ending::Reset, awaited, after_ms, .. } => {
            (*awaited != Awaited::Nothing).then_some(*after_ms)
        }
        _ => None,
    });
    let trips = evidence.all(|fact| match fact {
        Fact::TcpConnected { remote, round_trip_ms, .. } => Some((remote.ip(), *round_trip_ms)),
        _ => None,
    });
    resets.into_iter().find_map(|reset| {
        let own = |trip: &&Seen<'_, _>| trip.observation.connection == reset.observation.connection;
        let (address, _) = trips.iter().find(own)?.value;
        let same: Vec<_> = trips.iter().filter(|trip| trip.value.0 == address).collect();
        let shortest = same.iter().min_by(|a, b| a.value.1.total_cmp(&b.value.1))?;
        let trip = shortest.value.1;
        let measured = same.len() >= FEWEST_SAMPLES && trip >= MEASURABLE_MS;
        if address.is_loopback() || !measured || reset.value >= trip / 2.0 {
            return None;
        }
        Some(
            Match::new(Severity::Blocking, Proof::Likely, [reset.id(), shortest.id()])
                .at_stage(reset.observation.stage)
                .detailed(format!(
                    "The reset came {:.1} ms after our last packet, but the way there and back takes {trip:.1} ms.",
                    reset.value
                )),
        )
    })
}

#[cfg(test)]
mod tests {

    use rdpdoctor_model::{Awaited, Ending};

    use super::CAUSE;
    use crate::testing::Scene;

    #[test]
    fn a_reset_faster_than_the_path() {
        // The scene's round trip is 10 ms, its ends come after 11 ms.
        let usual = Scene::negotiated(2).ended(Ending::Reset, Awaited::ServerHello);
        assert_eq!(usual.judge(&CAUSE), None);
        let fast = || Scene::negotiated(2).ended_after(Ending::Reset, Awaited::ServerHello, 2.0);
        // One measurement may be a busy machine's; a second one says the same.
        assert_eq!(fast().judge(&CAUSE), None);
        assert!(fast().connected("10.0.0.1:3389").judge(&CAUSE).is_some());
        let fin = Scene::negotiated(2).ended_after(Ending::Fin, Awaited::ServerHello, 2.0);
        assert_eq!(fin.judge(&CAUSE), None);
    }
}
