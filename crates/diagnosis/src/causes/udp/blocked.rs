//! UDP does not get through.

use rdpdoctor_model::{CauseId, Fact, Icmp, ObservationId, Stage, UdpReply};

use super::{DO_WITHOUT, probe};
use crate::causes::advice;
use crate::{Cause, Evidence, Match, Owner, Proof, Remedy, Reproduction, Risk, Severity, Where};

/// TRANSPORTTYPE_UDPFECR and TRANSPORTTYPE_UDPFECL (MS-RDPBCGR 2.2.1.4.6).
const UDP: u32 = 0x01 | 0x04;

/// Fewer datagrams, or less time, than this decide nothing.
const FEWEST_TRIES: u32 = 3;
const LEAST_MS: f64 = 1000.0;

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
        "https://learn.microsoft.com/en-us/windows/client-management/mdm/policy-csp-admx-terminalserver",
    ],
    client_shows: &[],
    more_specific_than: &[],
    reproduction: Reproduction::Lab(&["udp-silent"]),
    next_tests: &[advice::FROM_ELSEWHERE],
    rule,
};

/// A warning only where the server offers UDP: most that do not answer do not have it.
fn rule(evidence: &Evidence<'_>) -> Option<Match> {
    let probe = probe(evidence)?;
    let offered = offer(evidence);
    let (tries, elapsed_ms, reply) = probe.value;
    let (proof, detail) = match reply {
        UdpReply::Silence if tries >= FEWEST_TRIES && elapsed_ms >= LEAST_MS => {
            let seconds = elapsed_ms / 1000.0;
            let detail = format!("{tries} datagrams in {seconds:.1} s, and nothing came back.");
            (Proof::Likely, detail)
        }
        UdpReply::Rejected { icmp, .. } => {
            let icmp = icmp.as_seen()?;
            let from = icmp.from.map(|from| format!(" from {from}")).unwrap_or_default();
            let (kind, code) = (icmp.kind, icmp.code);
            let detail = format!("The answer was ICMP type {kind} code {code}{from}.");
            match (is_prohibition(icmp), offered.is_some()) {
                (true, _) => (Proof::Proven, detail),
                // Nothing listens there, as on most that never heard of it.
                (false, true) => (Proof::Likely, detail),
                (false, false) => return None,
            }
        }
        _ => return None,
    };
    let severity = if offered.is_some() { Severity::Warning } else { Severity::Info };
    let ids = [probe.id()].into_iter().chain(offered.clone());
    let offers = if offered.is_some() { " The server offers UDP." } else { "" };
    Some(Match::new(severity, proof, ids).detailed(format!("{detail}{offers}")))
}

/// The server's word that it takes UDP.
fn offer(evidence: &Evidence<'_>) -> Option<ObservationId> {
    let offers = evidence.main_path(|fact| match fact {
        Fact::McsConnectResponse { multitransport_flags: Some(flags), .. } => {
            (flags & UDP != 0).then_some(())
        }
        _ => None,
    });
    offers.last().map(crate::Seen::id)
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
