//! UDP does not get through.

use rdpdoctor_model::{CauseId, Fact, Icmp, ObservationId, Stage, UdpReply};

use super::{DO_WITHOUT, Probe, cookie_unanswered, probes};
use crate::causes::advice;
use crate::{
    Cause, Evidence, Match, NextTest, Owner, Proof, Remedy, Reproduction, Risk, Severity, Where,
};

/// TRANSPORTTYPE_UDPFECR and TRANSPORTTYPE_UDPFECL (MS-RDPBCGR 2.2.1.4.6).
const UDP: u32 = 0x01 | 0x04;

/// `udp.blocked`
pub static CAUSE: Cause = Cause {
    id: CauseId("udp.blocked"),
    stage: Stage::Udp,
    owner: Owner::Network,
    title: "{host} is not reached by UDP port {port}, only by TCP",
    explanation: "Windows tries UDP beside TCP and falls back to TCP where nothing comes. A session works without it: pictures and sound are worse on lines that are far or lose packets, and the first seconds may hang. A firewall on the way or on the host lets TCP through and UDP not, or the host does not take it.",
    excludes: &["sign-in, session and licence: they need TCP only"],
    remedies: &[
        Remedy {
            id: "open-udp",
            place: Where::Host,
            risk: Risk::Low,
            title: "Let the host's firewall and those on the way pass UDP {port}",
            steps: &[
                "PS> Get-NetFirewallRule -Name RemoteDesktop-UserMode-In-UDP | Select-Object Enabled, Profile",
                "PS> Enable-NetFirewallRule -Name RemoteDesktop-UserMode-In-UDP",
                "PS> Get-NetUDPEndpoint -LocalPort {port}",
                "If the host listens, ask who runs the firewalls and the VPN in between.",
            ],
            interrupts: "nothing",
            undo: &["PS> Disable-NetFirewallRule -Name RemoteDesktop-UserMode-In-UDP"],
            verify: "rdpdoctor check {target} --deep shows an answer at 'UDP'",
        },
        DO_WITHOUT,
    ],
    references: &[
        "MS-RDPEUDP 3.1.5.1",
        "MS-RDPBCGR 2.2.1.4.6",
        "MS-RDPBCGR 2.2.15.1",
        "https://learn.microsoft.com/en-us/windows/client-management/mdm/policy-csp-admx-terminalserver",
    ],
    client_shows: &[],
    more_specific_than: &[],
    reproduction: Reproduction::Lab(&["udp-silent", "udp-cookie-silent"]),
    next_tests: &[advice::FROM_ELSEWHERE],
    rule,
};

/// A warning only where the server offers UDP: most that do not answer do not have it.
fn rule(evidence: &Evidence<'_>) -> Option<Match> {
    let probes = probes(evidence);
    // With a session's cookie or without one, what is answered gets through.
    if probes.iter().any(|probe| probe.value.is_answered()) {
        return None;
    }
    let offered = offer(evidence);
    let (id, proof, detail) = probes.iter().rev().find_map(|probe| {
        let (proof, detail) = held_off(probe.value, offered.is_some())?;
        Some((probe.id(), proof, detail))
    })?;
    let severity = if offered.is_some() { Severity::Warning } else { Severity::Info };
    let (word, ids) = offered.unzip();
    let ids = [id].into_iter().chain(ids);
    let word = word.map(|word| format!(" The server {word} UDP.")).unwrap_or_default();
    Some(Match::new(severity, proof, ids).detailed(format!("{detail}{word}")))
}

/// The test that tells a filter from datagrams that go to another machine, where only those of a session
/// went unanswered.
pub(crate) fn separating(evidence: &Evidence<'_>, cause: CauseId) -> Option<NextTest> {
    let open = cause == CAUSE.id && cookie_unanswered::rule(evidence).is_some();
    open.then_some(cookie_unanswered::WITHOUT_SESSION)
}

/// How sure it is that something keeps UDP off, and what says so.
fn held_off(probe: Probe<'_>, is_offered: bool) -> Option<(Proof, String)> {
    if probe.is_silent() {
        return Some((Proof::Likely, format!("{}, and nothing came back.", probe.datagrams())));
    }
    let UdpReply::Rejected { icmp, .. } = probe.reply else { return None };
    let icmp = icmp.as_seen()?;
    let from = icmp.from.map(|from| format!(" from {from}")).unwrap_or_default();
    let (kind, code) = (icmp.kind, icmp.code);
    let detail = format!("The answer was ICMP type {kind} code {code}{from}.");
    match (is_prohibition(icmp), is_offered) {
        (true, _) => Some((Proof::Proven, detail)),
        // Nothing listens there, as on most that never heard of it.
        (false, true) => Some((Proof::Likely, detail)),
        (false, false) => None,
    }
}

/// The server's word that it takes UDP; that it asks for it says more.
fn offer(evidence: &Evidence<'_>) -> Option<(&'static str, ObservationId)> {
    let offers = evidence.main_path(|fact| match fact {
        Fact::McsConnectResponse { multitransport_flags: Some(flags), .. } => {
            (flags & UDP != 0).then_some("offers")
        }
        Fact::MultitransportRequest { .. } => Some("asks for"),
        _ => None,
    });
    offers.last().map(|seen| (seen.value, seen.id()))
}

/// RFC 1812 5.2.7.1, RFC 4443 3.1.
fn is_prohibition(icmp: &Icmp) -> bool {
    matches!((icmp.ip_version, icmp.kind, icmp.code), (4, 3, 9 | 10 | 13) | (6, 1, 1 | 5 | 6))
}

#[cfg(test)]
mod tests {
    use rdpdoctor_model::Lookup;

    use super::*;
    use crate::testing::Scene;

    fn icmp(code: u8) -> UdpReply {
        let icmp = Lookup::seen(Icmp { ip_version: 4, kind: 3, code, from: None });
        UdpReply::Rejected { icmp, os_error: None }
    }

    fn judged(scene: Scene) -> Option<(Severity, Proof)> {
        scene.judge(&CAUSE).map(|found| (found.severity, found.proof))
    }

    #[test]
    fn silence_warns_only_where_udp_is_offered() {
        let silent = || Scene::negotiated(1).udp(3, UdpReply::Silence);
        assert_eq!(judged(silent()), Some((Severity::Info, Proof::Likely)));
        let offered = Some((Severity::Warning, Proof::Likely));
        assert_eq!(judged(silent().multitransport(Some(1))), offered);
        assert_eq!(judged(silent().multitransport(Some(0x100))).map(|j| j.0), Some(Severity::Info));
        assert_eq!(judged(silent().multitransport(None)).map(|j| j.0), Some(Severity::Info));
    }

    #[test]
    fn a_filter_that_says_so_is_proof_and_a_closed_port_is_not_blocked() {
        let rejected = |code| Scene::negotiated(1).udp(1, icmp(code));
        assert_eq!(judged(rejected(13)), Some((Severity::Info, Proof::Proven)));
        assert_eq!(judged(rejected(3)), None);
        let offered = judged(rejected(3).multitransport(Some(1)));
        assert_eq!(offered, Some((Severity::Warning, Proof::Likely)));
    }

    #[test]
    fn what_a_session_asks_for_is_offered() {
        let silent = |scene: Scene| scene.udp_offered(0x101, 3, UdpReply::Silence);
        assert_eq!(judged(silent(Scene::negotiated(1))), Some((Severity::Info, Proof::Likely)));
        let asked = silent(Scene::negotiated(1).asked_for_udp()).judge(&CAUSE).expect("fits");
        assert_eq!((asked.severity, asked.proof), (Severity::Warning, Proof::Likely));
        let detail = asked.detail.expect("words");
        assert!(detail.contains("3 datagrams with the session's cookie"), "{detail}");
        assert!(detail.ends_with("The server asks for UDP."), "{detail}");
    }

    /// Two handshakes, of which one is answered: UDP gets through, whatever became of the other.
    #[test]
    fn near_miss_one_of_two_handshakes_is_answered() {
        let reply = UdpReply::SynAck { version: Some(2), upstream_mtu: 1232, downstream_mtu: 1232 };
        let scene = || Scene::negotiated(1).asked_for_udp();
        for held_off in [UdpReply::Silence, icmp(13)] {
            let first = scene().udp(1, reply.clone()).udp_offered(0x101, 3, held_off.clone());
            assert_eq!(judged(first), None);
            let last = scene().udp(3, held_off).udp_offered(0x101, 1, reply.clone());
            assert_eq!(judged(last), None);
        }
        let none = scene().udp(3, UdpReply::Silence).udp_offered(0x101, 1, UdpReply::NotAwaited);
        assert_eq!(judged(none), Some((Severity::Warning, Proof::Likely)));
    }

    #[test]
    fn near_miss_an_answer_and_a_moment_of_silence() {
        let reply = UdpReply::SynAck { version: Some(2), upstream_mtu: 1232, downstream_mtu: 1232 };
        for scene in [
            Scene::negotiated(1).udp(1, reply),
            Scene::negotiated(1).udp(1, UdpReply::NotAwaited),
            Scene::negotiated(1).udp(2, UdpReply::Silence),
            Scene::negotiated(1),
        ] {
            assert_eq!(judged(scene.multitransport(Some(1))), None);
        }
    }
}
