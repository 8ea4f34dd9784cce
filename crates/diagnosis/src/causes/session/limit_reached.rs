//! The host has no session left to give.

use rdpdoctor_model::{CauseId, Stage};

use crate::causes::said;
use crate::{Cause, Evidence, Match, Owner, Remedy, Reproduction, Risk, Where};

/// `session.limit-reached`
pub static CAUSE: Cause = Cause {
    id: CauseId("session.limit-reached"),
    stage: Stage::Session,
    owner: Owner::Host,
    title: "{host} has no session left to give",
    explanation: "Somebody else uses the one session that a Windows client edition has, or the limit of a session host is reached. The server asks who shall give way, which a check does not answer.",
    excludes: &["name, route, firewall, encryption, password: all passed"],
    remedies: &[Remedy {
        id: "see-who-is-on",
        place: Where::Host,
        risk: Risk::Low,
        title: "See who is on, and agree who goes",
        steps: &[
            "PS> query session   (on the host, or with /server:{host})",
            "With the consent of its user: PS> tsdiscon <number>   (the programs go on running)",
            "PS> Get-ItemProperty 'HKLM:\\\\SYSTEM\\\\CurrentControlSet\\\\Control\\\\Terminal Server' -Name fSingleSessionPerUser",
        ],
        interrupts: "tsdiscon cuts that user's connection",
        undo: &["that user connects again and finds the session as it was"],
        verify: "rdpdoctor check {target} -u <user> --logon gets past 'session'",
    }],
    references: &["MS-RDPBCGR 2.2.10.1.1.4.1.1"],
    client_shows: &[],
    more_specific_than: &[CauseId("session.closed")],
    reproduction: Reproduction::Lab(&["session-limit-reached"]),
    next_tests: &[],
    rule,
};

/// What the server says by number decides.
fn rule(evidence: &Evidence<'_>) -> Option<Match> {
    said::by_number(evidence, CAUSE.id)
}

#[cfg(test)]
mod tests {

    use super::CAUSE;
    use crate::testing::Scene;

    #[test]
    fn its_notifications_and_no_others() {
        let told = |kind, data| Scene::negotiated(2).notified(kind, data).judge(&CAUSE);
        assert!(told(0xFFFF_FFFB, 0).is_some());
        assert!(told(0xFFFF_FFF8, 2).is_some());
        // The logon goes on: said at every healthy logon.
        assert_eq!(told(0xFFFF_FFFE, 2), None);
        assert_eq!(told(0xFFFF_FFF9, 0), None);
    }
}
