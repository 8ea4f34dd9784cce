//! The server hangs up during the sign-in (NLA).

use rdpdoctor_model::{CauseId, Ending, Stage};

use crate::causes::{advice, look};
use crate::{Cause, ClientCode, Evidence, Match, Owner, Proof, Reproduction, Seen, Severity};

/// `nla.closed-without-answer`
pub static CAUSE: Cause = Cause {
    id: CauseId("nla.closed-without-answer"),
    stage: Stage::CredSsp,
    owner: Owner::Host,
    title: "{host} hangs up during the sign-in (NLA)",
    explanation: "Encryption stands, and the server ends the connection in the middle of the sign-in, without a status. A server without credentials of its own (GNOME Remote Desktop, servers built on IronRDP), trouble in the host's security service, or a policy against NTLM does this; servers other than Windows also do it on a wrong password.",
    excludes: &["name, route, firewall, encryption, certificate's key"],
    remedies: &[advice::LOOK_AT_SIGN_IN],
    references: &["MS-CSSP 3.1.5", "MS-RDPBCGR 5.4.5.2"],
    client_shows: &[ClientCode { code: 0x904, extended: Some(7), proof: Proof::Likely }],
    more_specific_than: &[],
    reproduction: Reproduction::Lab(&[
        "nla-closed-fin",
        "nla-closed-rst",
        "nla-alert",
        "nla-closed-at-proof",
    ]),
    next_tests: &[advice::ON_THE_HOST],
    rule,
};

fn rule(evidence: &Evidence<'_>) -> Option<Match> {
    let alert = look::alert(evidence, &look::SIGN_IN_STEPS);
    let ended = look::sign_in_ended(evidence);
    let hung_up = ended.filter(|e| matches!(e.value.ending, Ending::Fin | Ending::Reset));
    let ids: Vec<_> = hung_up.iter().map(Seen::id).chain(alert.iter().map(Seen::id)).collect();
    if ids.is_empty() {
        return None;
    }
    let mut text = hung_up.map_or_else(String::new, |e| {
        format!(
            "{} It {} after {:.0} ms.",
            look::sign_in_step(e.value.awaited),
            look::ending(e.value.ending),
            e.value.after_ms
        )
    });
    if let Some(alert) = alert {
        text.push_str(&format!(
            " It sent the alert {} ({}).",
            look::alert_name(alert.value),
            alert.value
        ));
    }
    Some(Match::new(Severity::Blocking, Proof::Proven, ids).detailed(text.trim_start().to_owned()))
}

#[cfg(test)]
mod tests {

    use rdpdoctor_model::{Awaited, Ending};

    use super::CAUSE;
    use crate::testing::Scene;

    #[test]
    fn its_ending_at_its_place() {
        let ended = |how, awaited| Scene::negotiated(2).ended(how, awaited).judge(&CAUSE);
        assert!(ended(Ending::Fin, Awaited::NtlmChallenge).is_some());
        assert!(ended(Ending::Reset, Awaited::PublicKeyBinding).is_some());
        assert_eq!(ended(Ending::Timeout, Awaited::NtlmChallenge), None);
        assert_eq!(ended(Ending::Fin, Awaited::HandshakeEnd), None);
    }
}
