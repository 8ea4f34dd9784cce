//! The time to log on ran out.

use rdpdoctor_model::{CauseId, Stage};

use crate::causes::said;
use crate::{Cause, Evidence, Match, Owner, Remedy, Reproduction, Risk, Where};

/// `session.logon-timeout`
pub static CAUSE: Cause = Cause {
    id: CauseId("session.logon-timeout"),
    stage: Stage::Session,
    owner: Owner::User,
    title: "The time to log on ran out",
    explanation: "The server waited for a logon, and none came in time: nobody typed at the logon screen, or the domain controller answered too late.",
    excludes: &["name, route, firewall, encryption: all passed"],
    remedies: &[Remedy {
        id: "log-on-in-time",
        place: Where::Client,
        risk: Risk::Low,
        title: "Log on in time, or see why the host waits",
        steps: &[
            "PS> nltest /sc_query:<domain>   (on the host)",
            "PS> query session   (on the host)",
        ],
        interrupts: "nothing",
        undo: &["nothing to undo: nothing was changed"],
        verify: "rdpdoctor check {target} -u <user> --logon gets past 'session'",
    }],
    references: &["MS-RDPBCGR 2.2.5.1.1"],
    client_shows: &[],
    more_specific_than: &[CauseId("session.closed")],
    reproduction: Reproduction::Lab(&["session-logon-timeout"]),
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
    use crate::{Proof, Severity};

    #[test]
    fn its_error_and_no_other() {
        let said = |code| Scene::negotiated(2).error_info(code).judge(&CAUSE);
        let found = said(0x4).expect("its error");
        assert_eq!((found.severity, found.proof), (Severity::Blocking, Proof::Proven));
        assert_eq!(said(0x3), None);
        assert_eq!(said(0), None);
        // What comes once the client has left is no fault.
        assert_eq!(Scene::negotiated(2).left().error_info(0x4).judge(&CAUSE), None);
    }
}
