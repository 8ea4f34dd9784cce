//! The way is long.

use rdpdoctor_model::{CauseId, Fact, Stage};

use crate::causes::{advice, look};
use crate::{Cause, Evidence, Match, Owner, Proof, Remedy, Reproduction, Risk, Severity, Where};

/// Above this a session feels slow whatever the machines are.
const SLOW_MS: f64 = 250.0;

/// A connection that took longer lost its first packet, which is sent again after a second.
const FIRST_PACKET_LOST_MS: f64 = 900.0;

/// `net.high-latency`
pub static CAUSE: Cause = Cause {
    id: CauseId("net.high-latency"),
    stage: Stage::Network,
    owner: Owner::Network,
    title: "The way to {host} is so long that a session feels slow",
    explanation: "Every key and every click waits for the way there and back. A distant site, a satellite or mobile link, a VPN that leads through another country, or a full line does this. It connects.",
    excludes: &[],
    remedies: &[
        Remedy {
            id: "shorten-the-way",
            place: Where::Network,
            risk: Risk::Low,
            title: "Compare the way with and without the VPN, and by cable instead of radio",
            steps: &[
                "$ rdpdoctor check {target} --network-samples 200   (once each way)",
                "A line that is full shows other times at night: compare.",
            ],
            interrupts: "nothing",
            undo: advice::NOTHING_TO_UNDO,
            verify: "rdpdoctor check {target} shows a shorter round trip",
        },
        advice::ASK_NETWORK_TEAM,
    ],
    references: &["https://learn.microsoft.com/en-us/azure/virtual-desktop/connection-latency"],
    client_shows: &[],
    more_specific_than: &[],
    reproduction: Reproduction::None("needs a path with delay: benches/path.py makes one"),
    next_tests: &[],
    rule,
};

/// The series decides, then the kernel's own figure, then the one handshake.
fn rule(evidence: &Evidence<'_>) -> Option<Match> {
    let figures = || {
        evidence
            .main_path(|fact| match fact {
                Fact::TcpFigures { round_trip_ms, .. } => Some(*round_trip_ms),
                _ => None,
            })
            .pop()
    };
    let handshake = || {
        evidence
            .main_path(|fact| match fact {
                Fact::TcpConnected { round_trip_ms, .. }
                    if *round_trip_ms < FIRST_PACKET_LOST_MS =>
                {
                    Some(*round_trip_ms)
                }
                _ => None,
            })
            .pop()
    };
    let series = look::echo_series(evidence).and_then(|seen| {
        let median = seen.value.median_ms?;
        Some((seen.id(), median, Proof::Proven))
    });
    let (id, trip, proof) = series
        .or_else(|| figures().map(|seen| (seen.id(), seen.value, Proof::Proven)))
        .or_else(|| handshake().map(|seen| (seen.id(), seen.value, Proof::Likely)))?;
    (trip > SLOW_MS).then(|| {
        Match::new(Severity::Warning, proof, [id])
            .detailed(format!("There and back takes {trip:.0} ms; {SLOW_MS:.0} ms is much."))
    })
}

#[cfg(test)]
mod tests {
    use rdpdoctor_model::{Fact, Stage};

    use super::CAUSE;
    use crate::Proof;
    use crate::testing::Scene;

    #[test]
    fn the_series_decides() {
        let scene = || Scene::negotiated(1);
        let slow = scene().echoes(12, 0, 300.0).judge(&CAUSE);
        assert_eq!(slow.map(|found| found.proof), Some(Proof::Proven));
        assert_eq!(scene().echoes(12, 0, 240.0).judge(&CAUSE), None);
        let figures = |round_trip_ms| Fact::TcpFigures {
            round_trip_ms,
            variation_ms: Some(1.0),
            sent_again: 0,
            unacknowledged: 0,
            path_mtu: 1500,
        };
        assert!(scene().fact(Stage::Network, figures(251.0)).judge(&CAUSE).is_some());
        let quick = scene().fact(Stage::Network, figures(400.0)).echoes(12, 0, 20.0);
        assert_eq!(quick.judge(&CAUSE), None);
        assert_eq!(scene().judge(&CAUSE), None);
    }
}
