//! The server refuses TLS (failure 2).

use rdpdoctor_model::{CauseId, Negotiation, Stage};

use crate::{
    Cause, Evidence, Match, Owner, Proof, Remedy, Reproduction, RequiredSecurity, Risk, Severity,
    Where,
};

/// `nego.tls-not-allowed`
pub static CAUSE: Cause = Cause {
    id: CauseId("nego.tls-not-allowed"),
    stage: Stage::X224,
    owner: Owner::Host,
    title: "{host} refuses TLS: it is set to old Standard RDP Security",
    explanation: "The server refuses encryption by TLS and takes only the old security of Remote Desktop, which does not prove the server's identity. A Windows client comes back with less and connects.",
    excludes: &[],
    remedies: &[Remedy {
        id: "let-it-speak-tls",
        place: Where::Host,
        risk: Risk::Medium,
        title: "Let the host offer TLS and NLA, or replace it",
        steps: &[
            "Windows XP and Server 2003 speak nothing better: reach them by VPN and gateway only, and replace them.",
            "Newer Windows: PS> Get-ItemProperty 'HKLM:\\SYSTEM\\CurrentControlSet\\Control\\Terminal Server\\WinStations\\RDP-Tcp' SecurityLayer, UserAuthentication",
            "PS> Set-ItemProperty 'HKLM:\\SYSTEM\\CurrentControlSet\\Control\\Terminal Server\\WinStations\\RDP-Tcp' SecurityLayer 2",
            "xrdp: in xrdp.ini set security_layer=negotiate with certificate and key, then restart it.",
        ],
        interrupts: "new connections only",
        undo: &["Set SecurityLayer back to the value it had."],
        verify: "rdpdoctor check {target} shows TLS or NLA",
    }],
    references: &["MS-RDPBCGR 2.2.1.2.2", "MS-RDPBCGR 5.3"],
    client_shows: &[],
    more_specific_than: &[],
    reproduction: Reproduction::Lab(&["nego-tls-not-allowed", "nego-tls-not-allowed-strict"]),
    next_tests: &[],
    rule,
};

fn rule(evidence: &Evidence<'_>) -> Option<Match> {
    if evidence.policy.security == RequiredSecurity::Rdp {
        return None;
    }
    let all = evidence.negotiations();
    let position = all.iter().position(|seen| seen.value == Negotiation::Failure { code: 2 })?;
    let insists = matches!(evidence.policy.security, RequiredSecurity::Tls | RequiredSecurity::Nla);
    let fell_back = all[position + 1..].iter().find(|seen| {
        matches!(seen.value, Negotiation::None | Negotiation::Response { selected_protocol: 0, .. })
    });
    Some(match fell_back {
        Some(seen) if !insists => {
            Match::new(Severity::Warning, Proof::Proven, [all[position].id(), seen.id()])
        }
        _ => Match::new(Severity::Blocking, Proof::Proven, [all[position].id()]),
    })
}

#[cfg(test)]
mod tests {

    use rdpdoctor_model::{Negotiation, Purpose};

    use super::CAUSE;
    use crate::Severity;
    use crate::testing::Scene;

    #[test]
    fn it_blocks_only_without_a_fall_back() {
        let refused =
            || Scene::new().connected("10.0.0.1:3389").confirm(Negotiation::Failure { code: 2 });
        assert_eq!(refused().judge(&CAUSE).map(|m| m.severity), Some(Severity::Blocking));
        let fell_back = refused().connection(Purpose::Fallback).confirm(Negotiation::None);
        assert_eq!(fell_back.judge(&CAUSE).map(|m| m.severity), Some(Severity::Warning));
    }
}
