//! No TLS at all.

use rdpdoctor_model::{CauseId, Negotiation, Stage};

use crate::{
    Cause, Evidence, Match, Owner, Proof, Remedy, Reproduction, RequiredSecurity, Risk, Severity,
    Where,
};

/// `nego.legacy-security-only`
pub static CAUSE: Cause = Cause {
    id: CauseId("nego.legacy-security-only"),
    stage: Stage::X224,
    owner: Owner::Host,
    title: "{host} knows only the old Standard RDP Security",
    explanation: "The server answers without TLS: what Windows XP, Server 2003 and some other servers do. The old security does not prove the server's identity, and its encryption is weak.",
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
    references: &["MS-RDPBCGR 5.3", "MS-RDPBCGR 2.2.1.2"],
    client_shows: &[],
    more_specific_than: &[],
    reproduction: Reproduction::Lab(&["nego-legacy-only"]),
    next_tests: &[],
    rule,
};

fn rule(evidence: &Evidence<'_>) -> Option<Match> {
    let all = evidence.negotiations();
    if all.iter().any(|seen| seen.value == Negotiation::Failure { code: 2 }) {
        return None;
    }
    let last = all.last()?;
    let legacy = matches!(
        last.value,
        Negotiation::None | Negotiation::Response { selected_protocol: 0, .. }
    );
    let severity = match evidence.policy.security {
        RequiredSecurity::Auto => Severity::Warning,
        RequiredSecurity::Rdp => Severity::Info,
        RequiredSecurity::Tls | RequiredSecurity::Nla => Severity::Blocking,
    };
    legacy.then(|| Match::new(severity, Proof::Proven, [last.id()]))
}

#[cfg(test)]
mod tests {

    use rdpdoctor_model::Negotiation;

    use super::CAUSE;
    use crate::testing::Scene;

    #[test]
    fn an_answer_without_negotiation_data() {
        let scene = Scene::new().connected("10.0.0.1:3389").confirm(Negotiation::None);
        assert!(scene.judge(&CAUSE).is_some());
        assert_eq!(Scene::negotiated(1).judge(&CAUSE), None);
    }
}
