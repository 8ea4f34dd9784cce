//! The listener is set to encryption of its own, without TLS.

use rdpdoctor_model::{CauseId, Change, RegistryData, Stage};

use crate::host_view::leading;
use crate::machine::{LISTENER, Machine, POLICY, Setting};
use crate::mend::Mend;
use crate::{Cause, Evidence, Match, Owner, Proof, Remedy, Reproduction, Risk, Severity, Where};

const LAYER: &str = "SecurityLayer";
const NEGOTIATES: &str = "fAllowSecProtocolNegotiation";

/// `host.security-layer`
pub static CAUSE: Cause = Cause {
    id: CauseId("host.security-layer"),
    stage: Stage::Host,
    owner: Owner::Host,
    title: "Remote Desktop on {host} is set to encrypt without TLS",
    explanation: "The security layer is the old one of Remote Desktop itself, or the listener does not negotiate. Then there is no certificate to judge the host by and no sign-in before the session; clients warn, and those that insist on NLA refuse. It was often set as a test, and left.",
    excludes: &["password, account, licence"],
    remedies: &[
        Remedy {
            id: "encrypt-with-tls",
            place: Where::Host,
            risk: Risk::Medium,
            title: "Set the security layer back to TLS, with negotiation",
            steps: &[
                "PS> Set-ItemProperty 'HKLM:\\SYSTEM\\CurrentControlSet\\Control\\Terminal Server\\WinStations\\RDP-Tcp' SecurityLayer 2",
                "PS> Set-ItemProperty 'HKLM:\\SYSTEM\\CurrentControlSet\\Control\\Terminal Server\\WinStations\\RDP-Tcp' fAllowSecProtocolNegotiation 1",
                "It counts for new connections. If the handshake fails then, the certificate is at fault: rdpdoctor check {target}",
            ],
            interrupts: "nothing; sessions that are open go on",
            undo: &[
                "Set the two values back to what they were before, as Get-ItemProperty showed them.",
            ],
            verify: "rdpdoctor check {target} shows TLS",
        },
        Remedy {
            id: "ask-for-the-policy",
            place: Where::Policy,
            risk: Risk::Medium,
            title: "Where a policy sets it, have it set to SSL",
            steps: &[
                "PS> gpresult /scope computer /h gp.html   (it names the policy)",
                "Computer Configuration, Administrative Templates, Windows Components, Remote Desktop Services, Remote Desktop Session Host, Security: Require use of specific security layer for remote (RDP) connections",
            ],
            interrupts: "nothing",
            undo: &["Set the policy back to what it was"],
            verify: "PS> gpupdate /target:computer, then rdpdoctor host finds it no longer",
        },
    ],
    references: &[
        "https://learn.microsoft.com/en-us/troubleshoot/windows-server/remote/internal-error-has-occurred-connecting-remote-machine",
        "MS-RDPBCGR 5.4.1",
    ],
    client_shows: &[],
    more_specific_than: &[CauseId("nego.legacy-security-only"), CauseId("nego.tls-not-allowed")],
    reproduction: Reproduction::Test("host_facts"),
    next_tests: &[],
    rule,
};

/// What is changed: the listener's own values, towards more protection.
pub static MEND: Mend = Mend {
    cause: CAUSE.id,
    remedy: "encrypt-with-tls",
    changes: |evidence| {
        let host = Machine::host(evidence);
        let off = |name: &str| host.number(LISTENER, name) == Some(0);
        let set = |name: &str, number| Change::RegistryValue {
            key: LISTENER.to_owned(),
            name: name.to_owned(),
            data: Some(RegistryData::Dword(number)),
        };
        let layer = off(LAYER).then(|| set(LAYER, 2));
        layer.into_iter().chain(off(NEGOTIATES).then(|| set(NEGOTIATES, 1))).collect()
    },
};

/// It works, as clients fall back; what it lacks is a warning.
fn rule(evidence: &Evidence<'_>) -> Option<Match> {
    let host = Machine::host(evidence);
    let zero = |setting: &Setting<'_>| setting.data.number() == Some(0);
    let layer = host.effective(POLICY, LISTENER, LAYER).filter(zero);
    let negotiates = host.setting(LISTENER, NEGOTIATES).filter(zero);
    let managed = layer.as_ref().is_some_and(Setting::is_managed);
    let (proof, words) = match (&layer, &negotiates) {
        (Some(_), _) => (Proof::Proven, "SecurityLayer is 0: Remote Desktop's own encryption."),
        (None, Some(_)) => (
            Proof::Likely,
            "fAllowSecProtocolNegotiation is 0: the two ends cannot agree on how to protect the connection.",
        ),
        (None, None) => return None,
    };
    let ids = [layer, negotiates].into_iter().flatten().map(|setting| setting.id);
    let found = Match::new(Severity::Warning, proof, ids).managed(managed).detailed(words);
    Some(leading(evidence, &CAUSE, found))
}

#[cfg(test)]
mod tests {
    use super::{CAUSE, LAYER, LISTENER, MEND, NEGOTIATES, POLICY};
    use crate::testing::Scene;
    use crate::{Proof, Severity};

    #[test]
    fn the_layer_and_who_sets_it() {
        let layer = |key: &str, number| Scene::new().host_number(key, LAYER, number);
        let found = layer(LISTENER, Some(0)).judge(&CAUSE).expect("without TLS");
        assert_eq!((found.severity, found.proof), (Severity::Warning, Proof::Proven));
        assert_eq!(layer(LISTENER, Some(0)).with_evidence(MEND.changes).len(), 1);
        for healthy in [Some(1), Some(2), None] {
            assert_eq!(layer(LISTENER, healthy).judge(&CAUSE), None);
        }
        let policy = layer(LISTENER, Some(2)).host_number(POLICY, LAYER, Some(0));
        assert!(policy.judge(&CAUSE).is_some_and(|found| found.managed));
        assert_eq!(policy.with_evidence(MEND.changes), []);
        assert_eq!(Scene::new().host_unread(LISTENER, LAYER).judge(&CAUSE), None);
    }

    #[test]
    fn a_listener_that_does_not_negotiate() {
        let scene = Scene::new().host_number(LISTENER, NEGOTIATES, Some(0));
        assert_eq!(scene.judge(&CAUSE).map(|found| found.proof), Some(Proof::Likely));
        assert_eq!(scene.with_evidence(MEND.changes).len(), 1);
        let on = Scene::new().host_number(LISTENER, NEGOTIATES, Some(1));
        assert_eq!(on.judge(&CAUSE), None);
    }
}
