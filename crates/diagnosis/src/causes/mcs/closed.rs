//! The server hangs up when the session is being set up.

use rdpdoctor_model::{Awaited, CauseId, Ending, Stage};

use crate::causes::{advice, look};
use crate::{Cause, ClientCode, Evidence, Match, Owner, Proof, Reproduction, Seen, Severity};

/// `mcs.closed`
pub static CAUSE: Cause = Cause {
    id: CauseId("mcs.closed"),
    stage: Stage::Mcs,
    owner: Owner::Host,
    title: "{host} hangs up when the session is being set up",
    explanation: "Encryption stands, and the server ends the connection on the first message of the session's set-up. A session limit, a server without credentials of its own, or a service in trouble does this.",
    excludes: &["name, route, firewall, encryption"],
    remedies: &[advice::LOOK_AT_LISTENER],
    references: &["MS-RDPBCGR 1.3.1.1"],
    client_shows: &[ClientCode { code: 0x904, extended: Some(7), proof: Proof::Possible }],
    more_specific_than: &[],
    reproduction: Reproduction::Lab(&["mcs-closed"]),
    next_tests: &[advice::ON_THE_HOST],
    rule,
};

fn rule(evidence: &Evidence<'_>) -> Option<Match> {
    let alert = look::alert(evidence, &[Awaited::McsConnectResponse]);
    let ended = evidence.ended_awaiting(Awaited::McsConnectResponse);
    let hung_up = ended.filter(|e| matches!(e.value.ending, Ending::Fin | Ending::Reset));
    let ids: Vec<_> = hung_up.iter().map(Seen::id).chain(alert.iter().map(Seen::id)).collect();
    if ids.is_empty() {
        return None;
    }
    let mut text = hung_up.map_or_else(String::new, |e| {
        format!("It {} after {:.0} ms.", look::ending(e.value.ending), e.value.after_ms)
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
        let ended = |how, awaited| Scene::negotiated(1).ended(how, awaited).judge(&CAUSE);
        assert!(ended(Ending::Fin, Awaited::McsConnectResponse).is_some());
        assert_eq!(ended(Ending::Timeout, Awaited::McsConnectResponse), None);
        assert_eq!(ended(Ending::Fin, Awaited::HandshakeEnd), None);
    }
}
