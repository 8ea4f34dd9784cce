//! Nothing listens on the port, and the host (or a firewall in its name) says so.

use rdpdoctor_model::{CauseId, ConnectFailure, Stage};

use crate::causes::look;
use crate::{
    Cause, ClientCode, Evidence, Match, Owner, Proof, Remedy, Reproduction, Risk, Severity,
    TcpResult, Where,
};

/// `net.refused`
pub static CAUSE: Cause = Cause {
    id: CauseId("net.refused"),
    stage: Stage::Tcp,
    owner: Owner::Host,
    title: "{host} answers, but nothing listens on port {port}",
    explanation: "The connection request was answered at once with a refusal. So the name, the \
        route and the host's network work; the Remote Desktop listener is not there: Remote \
        Desktop is switched off, its service is stopped, it listens on another port, or a \
        firewall is set to refuse instead of to stay silent.",
    excludes: &[
        "name resolution",
        "the route to the host",
        "certificate, password, account, licence",
    ],
    remedies: &[Remedy {
        id: "switch-remote-desktop-on",
        place: Where::Host,
        risk: Risk::Low,
        title: "See what listens, and switch Remote Desktop on if it is off",
        steps: &[
            "PS> Get-NetTCPConnection -State Listen -LocalPort {port} -ErrorAction SilentlyContinue",
            "PS> Get-Service TermService, UmRdpService, SessionEnv",
            "PS> Get-ItemProperty 'HKLM:\\SYSTEM\\CurrentControlSet\\Control\\Terminal Server' fDenyTSConnections",
            "If fDenyTSConnections is 1 and no group policy sets it:",
            "PS> Set-ItemProperty 'HKLM:\\SYSTEM\\CurrentControlSet\\Control\\Terminal Server' fDenyTSConnections 0",
            "A group policy would set it here, and has to be changed there: HKLM\\SOFTWARE\\Policies\\Microsoft\\Windows NT\\Terminal Services",
            "If TermService is stopped: PS> Start-Service TermService",
            "If it listens on another port: PS> Get-ItemProperty 'HKLM:\\SYSTEM\\CurrentControlSet\\Control\\Terminal Server\\WinStations\\RDP-Tcp' PortNumber",
            "If all that is well, a firewall refuses in the host's name: look at its rules for TCP {port}.",
        ],
        interrupts: "nothing",
        undo: &[
            "PS> Set-ItemProperty 'HKLM:\\SYSTEM\\CurrentControlSet\\Control\\Terminal Server' fDenyTSConnections 1",
        ],
        verify: "rdpdoctor check {target} gets past 'network'",
    }],
    references: &[
        "https://learn.microsoft.com/en-us/troubleshoot/windows-server/remote/rdp-error-general-troubleshooting",
    ],
    client_shows: &[ClientCode { code: 0x204, extended: Some(0), proof: Proof::Likely }],
    more_specific_than: &[],
    reproduction: Reproduction::Test("network_refused"),
    next_tests: &[],
    rule,
};

fn rule(evidence: &Evidence<'_>) -> Option<Match> {
    match evidence.tcp() {
        TcpResult::Failed(ConnectFailure::Refused, ids) => {
            let found = Match::new(Severity::Blocking, Proof::Proven, ids);
            Some(match (look::by_proxy(evidence), look::icmp(evidence)) {
                (Some(told), _) => found.detailed(told),
                (None, Some(icmp)) => found.detailed(icmp.trim_start().to_owned()),
                (None, None) => found,
            })
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use rdpdoctor_model::ProxyReply;

    use super::CAUSE;
    use crate::testing::Scene;
    use crate::{Proof, Severity};

    #[test]
    fn a_reset_answer_to_the_syn_is_proof() {
        let found = Scene::new().refused("10.0.0.1:3389").judge(&CAUSE).expect("fits");
        assert_eq!((found.severity, found.proof), (Severity::Blocking, Proof::Proven));
    }

    #[test]
    fn a_proxy_that_states_it_is_believed_and_named() {
        let scene = |code| Scene::new().proxy_answer(ProxyReply::SocksReply { code });
        let found = scene(5).judge(&CAUSE).expect("fits");
        assert!(found.detail.is_some_and(|detail| detail.contains("SOCKS reply 5")));
        assert_eq!(scene(1).judge(&CAUSE), None);
        assert_eq!(scene(5).tunnel().judge(&CAUSE), None);
    }

    #[test]
    fn near_miss_another_address_connected() {
        let scene = Scene::new().refused("[fd00::1]:3389").connected("10.0.0.1:3389");
        assert_eq!(scene.judge(&CAUSE), None);
    }
}
