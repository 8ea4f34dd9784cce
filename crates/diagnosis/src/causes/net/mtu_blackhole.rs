//! Long packets vanish without a word.

use rdpdoctor_model::{Awaited, CauseId, Ending, Fact, Lookup, ObservationId, Stage};

use crate::causes::{advice, look};
use crate::{
    Cause, Evidence, Match, Owner, Proof, Remedy, Reproduction, Risk, Seen, Severity, Where,
};

/// `net.mtu-blackhole`
pub static CAUSE: Cause = Cause {
    id: CauseId("net.mtu-blackhole"),
    stage: Stage::Network,
    owner: Owner::Network,
    title: "Long packets between here and {host} vanish",
    explanation: "Short packets pass, long ones do not, and nobody says so. A tunnel or VPN with a smaller MTU whose router sends no ICMP, or a firewall that drops it, does this. Connections open and then hang, as soon as a certificate or a picture has to pass.",
    excludes: &["password, account, licence"],
    remedies: &[
        Remedy {
            id: "let-the-icmp-through",
            place: Where::Network,
            risk: Risk::Low,
            title: "Let ICMP 'fragmentation needed' through, or clamp TCP's segment size at the tunnel",
            steps: &[
                "IPv4: allow ICMP type 3 code 4; IPv6: ICMPv6 type 2. No path works without them.",
                "At the tunnel's end on Linux: $ nft add rule inet filter forward tcp flags syn tcp option maxseg size set rt mtu",
                "Other routers call it MSS clamping (Cisco: ip tcp adjust-mss 1360).",
            ],
            interrupts: "nothing",
            undo: &["Remove that rule again."],
            verify: "rdpdoctor check {target}",
        },
        Remedy {
            id: "smaller-mtu-here",
            place: Where::Client,
            risk: Risk::Low,
            title: "As a test, make this machine's packets shorter",
            steps: &[
                "PS> Get-NetIPInterface -AddressFamily IPv4 | Select-Object InterfaceAlias, NlMtu",
                "PS> Set-NetIPInterface -InterfaceAlias '<VPN adapter>' -NlMtuBytes 1300",
            ],
            interrupts: "nothing",
            undo: &[
                "PS> Set-NetIPInterface -InterfaceAlias '<VPN adapter>' -NlMtuBytes <value before>",
            ],
            verify: "rdpdoctor check {target}",
        },
    ],
    references: &["RFC 2923 2.1", "RFC 4821", "RFC 1191"],
    client_shows: &[],
    more_specific_than: &[CauseId("tls.handshake-timeout"), CauseId("net.packet-loss")],
    reproduction: Reproduction::Test("network_mtu_blackhole"),
    next_tests: &[advice::FROM_ELSEWHERE],
    rule,
};

fn rule(evidence: &Evidence<'_>) -> Option<Match> {
    fell_silent(evidence)
        .or_else(|| long_hello_lost(evidence))
        .or_else(|| long_answer_lost(evidence))
        .or_else(|| long_echoes_lost(evidence))
}

/// The handshake hung, and succeeded in small segments.
fn fell_silent(evidence: &Evidence<'_>) -> Option<Match> {
    let ended = evidence
        .main_path(|fact| match fact {
            // Behind the handshake long packets have passed already.
            Fact::StreamEnded {
                ending: Ending::Timeout,
                awaited: Awaited::ServerHello | Awaited::HandshakeEnd,
                ..
            } => Some(()),
            _ => None,
        })
        .pop()?;
    let small = evidence
        .all(|fact| match fact {
            Fact::SmallSegments { segment, handshake: Lookup::Seen { .. } } => Some(*segment),
            _ => None,
        })
        .pop()?;
    let words = format!(
        "The connection fell silent; the same in segments of {} bytes got through.",
        small.value
    );
    Some(
        Match::new(Severity::Blocking, Proof::Proven, [ended.id(), small.id()])
            .at_stage(ended.observation.stage)
            .detailed(words),
    )
}

/// A ClientHello that fills a packet stayed unanswered, and was answered in small segments.
fn long_hello_lost(evidence: &Evidence<'_>) -> Option<Match> {
    let hello = |short: bool| {
        evidence
            .all(|fact| match fact {
                Fact::PaddedClientHello { segment, answered, .. }
                    if segment.is_some() == short && *answered == short =>
                {
                    Some(())
                }
                _ => None,
            })
            .pop()
    };
    let (lost, answered) = (hello(false)?, hello(true)?);
    let words =
        "A message that fills a packet on the way up was lost, in small segments it arrived.";
    Some(
        Match::new(Severity::Warning, Proof::Proven, [lost.id(), answered.id()])
            .detailed(words.to_owned()),
    )
}

/// A handshake whose answer fills packets, in small segments or in usual ones, that was made or not.
fn long_answer(evidence: &Evidence<'_>, small: bool, made: bool) -> Option<ObservationId> {
    let seen = evidence.all(|fact| match fact {
        Fact::LongServerAnswer { segment, answered, .. } => {
            (segment.is_some() == small && *answered == made).then_some(())
        }
        _ => None,
    });
    seen.last().map(Seen::id)
}

/// An answer that fills a packet stayed away, and came in small segments.
fn long_answer_lost(evidence: &Evidence<'_>) -> Option<Match> {
    let cited = [long_answer(evidence, false, false)?, long_answer(evidence, true, true)?];
    let words =
        "An answer that fills a packet on the way down was lost, in small segments it came.";
    Some(Match::new(Severity::Warning, Proof::Proven, cited).detailed(words.to_owned()))
}

/// Only the long echo requests are lost. Some firewalls drop them for their length, so this alone
/// means little.
fn long_echoes_lost(evidence: &Evidence<'_>) -> Option<Match> {
    if long_answer(evidence, false, true).is_some() {
        // Asked only where long messages went up: long packets pass in both directions.
        return None;
    }
    let short = look::echo_series(evidence).filter(|seen| seen.value.lost * 2 < seen.value.sent)?;
    let long = look::long_echo_series(evidence)
        .filter(|seen| seen.value.lost == seen.value.sent && seen.value.sent >= 2)?;
    let words = format!("{} {}", short.value.words(), long.value.words());
    Some(Match::new(Severity::Info, Proof::Possible, [short.id(), long.id()]).detailed(words))
}

#[cfg(test)]
mod tests {
    use rdpdoctor_model::{Awaited, Ending, Fact, LongOffer, Lookup, Stage};

    use super::CAUSE;
    use crate::testing::Scene;
    use crate::{Proof, Severity};

    fn small(handshake: Lookup<String>) -> Fact {
        Fact::SmallSegments { segment: 536, handshake }
    }

    fn padded(segment: Option<u32>, answered: bool) -> Fact {
        Fact::PaddedClientHello { length: 1400, segment, answered }
    }

    fn judged(scene: Scene) -> Option<(Severity, Proof)> {
        scene.judge(&CAUSE).map(|found| (found.severity, found.proof))
    }

    #[test]
    fn silence_that_small_segments_break() {
        let silent =
            || Scene::negotiated(1).ended_with(Ending::Timeout, Awaited::ServerHello, 19, 300);
        let through = small(Lookup::seen("TLS_AES_256_GCM_SHA384".to_owned()));
        let found = judged(silent().fact(Stage::Network, through.clone()));
        assert_eq!(found, Some((Severity::Blocking, Proof::Proven)));
        assert_eq!(judged(silent().fact(Stage::Network, small(Lookup::Absent))), None);
        assert_eq!(judged(Scene::negotiated(1).fact(Stage::Network, through.clone())), None);
        let later =
            Scene::negotiated(2).ended_with(Ending::Timeout, Awaited::NtlmChallenge, 900, 700);
        assert_eq!(judged(later.fact(Stage::Network, through)), None);
    }

    #[test]
    fn a_long_hello_and_long_echoes() {
        let scene = |facts: &[Fact]| {
            let start = Scene::negotiated(1);
            facts.iter().fold(start, |scene, fact| scene.fact(Stage::Network, fact.clone()))
        };
        let both = [padded(None, false), padded(Some(536), true)];
        assert_eq!(judged(scene(&both)), Some((Severity::Warning, Proof::Proven)));
        assert_eq!(judged(scene(&[padded(None, false), padded(Some(536), false)])), None);
        assert_eq!(judged(scene(&[padded(None, true)])), None);
        let echoes = scene(&[padded(None, true)]).echoes(12, 0, 20.0).long_echoes(3, 3);
        assert_eq!(judged(echoes), Some((Severity::Info, Proof::Possible)));
        // The path carries long packets both ways, and somebody drops long echoes.
        let answer = |segment: Option<u32>, answered| Fact::LongServerAnswer {
            offer: LongOffer::Dhe,
            segment,
            answered,
            received: 1800,
        };
        let filtered = |facts: &[Fact]| scene(facts).echoes(12, 0, 20.0).long_echoes(3, 3);
        assert_eq!(judged(filtered(&[padded(None, true), answer(None, true)])), None);
        let down = [padded(None, true), answer(None, false), answer(Some(536), true)];
        assert_eq!(judged(filtered(&down)), Some((Severity::Warning, Proof::Proven)));
        let neither = [padded(None, true), answer(None, false), answer(Some(536), false)];
        assert_eq!(judged(filtered(&neither)), Some((Severity::Info, Proof::Possible)));
        assert_eq!(judged(scene(&[]).echoes(12, 0, 20.0).long_echoes(3, 1)), None);
        assert_eq!(judged(scene(&[]).echoes(12, 10, 20.0).long_echoes(3, 3)), None);
    }
}
