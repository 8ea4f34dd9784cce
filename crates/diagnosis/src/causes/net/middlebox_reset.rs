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

/// Routers on the way of two packets may differ by one without anybody's doing.
const SAME_PLACE: u8 = 1;

/// On this machine's own loopback there is nothing in between.
fn rule(evidence: &Evidence<'_>) -> Option<Match> {
    from_elsewhere(evidence).or_else(|| too_fast(evidence))
}

/// Evidence of its own: the packet that ended the connection came another way than all others in the
/// server's name, by its TTL. A load balancer that answers SYN and RST itself sends both from one
/// place. The identification alone tells nothing: Linux sends a reset with 0 as well.
fn from_elsewhere(evidence: &Evidence<'_>) -> Option<Match> {
    let ended = evidence.main_path(|fact| match fact {
        Fact::StreamEnded { ending: ending @ (Ending::Reset | Ending::Fin), awaited, .. } => {
            (*awaited != Awaited::Nothing).then_some(*ending)
        }
        _ => None,
    });
    let heads = evidence.main_path(|fact| match fact {
        Fact::ServerHeads { ending, end, syn_ack, data_hops, data_id } => {
            Some((*ending, *end, *syn_ack, data_hops, *data_id))
        }
        _ => None,
    });
    heads.iter().find_map(|seen| {
        let (ending, end, syn_ack, data_hops, data_id) = seen.value;
        let ended = ended.iter().find(|ended| {
            ended.observation.connection == seen.observation.connection && ended.value == ending
        })?;
        let mut others: Vec<u8> = syn_ack.map(|head| head.hops).into_iter().collect();
        others.extend(data_hops);
        others.dedup();
        if others.is_empty() || others.iter().any(|hops| hops.abs_diff(end.hops) <= SAME_PLACE) {
            return None;
        }
        let what = if ending == Ending::Reset { "reset" } else { "FIN" };
        let usual: Vec<String> = others.iter().map(ToString::to_string).collect();
        let mut words = format!(
            "The {what} came with TTL {}, everything else in the host's name with {}.",
            end.hops,
            usual.join(" or ")
        );
        if end.id == Some(0) && data_id.is_some_and(|id| id != 0) {
            words.push_str(" Its IP identification is 0, that of the host's data is not.");
        }
        let cited = [ended.id(), seen.id()];
        let found = Match::new(Severity::Blocking, Proof::Likely, cited);
        Some(found.at_stage(ended.observation.stage).detailed(words))
    })
}

/// Evidence of its own: a reset faster than the path allows. Every TCP handshake to the address
/// measured the round trip; nothing from the host can come back in less than half of the shortest.
fn too_fast(evidence: &Evidence<'_>) -> Option<Match> {
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

    use rdpdoctor_model::{Awaited, Ending, Fact, PacketHead, Stage};

    use super::CAUSE;
    use crate::Proof;
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

    /// A reset with this TTL behind a SYN-ACK and data with those.
    fn heads(hops: u8, syn_ack: u8, data_hops: &[u8]) -> Scene {
        let head = |hops| PacketHead { hops, id: Some(0) };
        let fact = Fact::ServerHeads {
            ending: Ending::Reset,
            end: head(hops),
            syn_ack: Some(head(syn_ack)),
            data_hops: data_hops.to_vec(),
            data_id: Some(700),
        };
        Scene::negotiated(2).ended(Ending::Reset, Awaited::ServerHello).fact(Stage::Network, fact)
    }

    #[test]
    fn a_reset_from_another_place() {
        let found = heads(61, 125, &[125]).judge(&CAUSE).expect("fits");
        assert_eq!((found.proof, found.stage), (Proof::Likely, Some(Stage::Tls)));
        // The host itself; a change of one router; a load balancer that answers SYN and RST itself; a
        // firewall that answers the SYN in the host's name, which then resets.
        for (reset, syn_ack, data) in
            [(125, 125, 125), (124, 125, 125), (61, 61, 125), (125, 61, 125)]
        {
            assert_eq!(heads(reset, syn_ack, &[data]).judge(&CAUSE), None, "{reset} {syn_ack}");
        }
        // The server's good-bye behind a connection that was done.
        let done = Fact::ServerHeads {
            ending: Ending::Reset,
            end: PacketHead { hops: 61, id: None },
            syn_ack: Some(PacketHead { hops: 125, id: None }),
            data_hops: vec![125],
            data_id: None,
        };
        let over = Scene::negotiated(2).ended(Ending::ClosedByClient, Awaited::Nothing);
        assert_eq!(over.fact(Stage::Network, done).judge(&CAUSE), None);
    }
}
