//! The account may not log on at this hour.

use rdpdoctor_model::{CauseId, Stage};

use crate::causes::said;
use crate::{Cause, ClientCode, Evidence, Match, Owner, Proof, Remedy, Reproduction, Risk, Where};

/// `nla.logon-hours`
pub static CAUSE: Cause = Cause {
    id: CauseId("nla.logon-hours"),
    stage: Stage::CredSsp,
    owner: Owner::Directory,
    title: "The account may not log on at this hour",
    explanation: "User name and password are right. The account has logon hours, and now is none of them; a clock or time zone that is wrong on the domain controller does this too.",
    excludes: &["name, route, firewall, encryption: all passed"],
    remedies: &[Remedy {
        id: "look-at-the-logon-hours",
        place: Where::Directory,
        risk: Risk::Low,
        title: "Look at the logon hours and the domain controller's clock",
        steps: &[
            "PS> net user <user> /domain   (Logon hours allowed)",
            "PS> w32tm /query /status   (on the domain controller)",
            "PS> net user <user> /domain /times:<times>",
        ],
        interrupts: "nothing",
        undo: &["PS> net user <user> /domain /times:<the former times>"],
        verify: "rdpdoctor check {target} -u <user> gets past 'sign-in'",
    }],
    references: &["MS-CSSP 2.2.1", "MS-ERREF 2.3.1"],
    client_shows: &[ClientCode { code: 0x1007, extended: None, proof: Proof::Likely }],
    more_specific_than: &[CauseId("nla.refused")],
    reproduction: Reproduction::Lab(&["nla-logon-hours"]),
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
    fn its_status_and_no_other() {
        let said = |code| Scene::negotiated(2).ts_request(6, Some(code)).judge(&CAUSE);
        let found = said(0xC000_006F).expect("its status");
        assert_eq!((found.severity, found.proof), (Severity::Blocking, Proof::Proven));
        assert_eq!(said(0xC000_0070), None);
        assert_eq!(said(0), None);
    }
}
