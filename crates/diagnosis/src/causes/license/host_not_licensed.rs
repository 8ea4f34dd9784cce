//! The host is not licensed to take remote connections.

use rdpdoctor_model::{CauseId, Stage};

use crate::causes::said;
use crate::{Cause, Evidence, Match, Owner, Remedy, Reproduction, Risk, Where};

/// `license.host-not-licensed`
pub static CAUSE: Cause = Cause {
    id: CauseId("license.host-not-licensed"),
    stage: Stage::Licensing,
    owner: Owner::Host,
    title: "{host} is not licensed to take remote connections",
    explanation: "The edition or the licence of the host allows no remote desktop: a Home edition, or an activation that has run out.",
    excludes: &["name, route, firewall, encryption, password: all passed"],
    remedies: &[Remedy {
        id: "see-edition-and-activation",
        place: Where::Host,
        risk: Risk::Low,
        title: "See the edition and the activation",
        steps: &[
            "PS> (Get-CimInstance Win32_OperatingSystem).Caption",
            "PS> cscript C:\\Windows\\System32\\slmgr.vbs /xpr",
            "A Home edition takes no connections: upgrade it to Pro, or use another way in.",
        ],
        interrupts: "nothing",
        undo: &["nothing to undo: nothing was changed"],
        verify: "rdpdoctor check {target} -u <user> --logon gets past 'licence'",
    }],
    references: &["MS-RDPELE 2.2.2", "MS-RDPBCGR 2.2.1.12.1.3"],
    client_shows: &[],
    more_specific_than: &[CauseId("session.closed")],
    reproduction: Reproduction::Lab(&["license-host-not-licensed"]),
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
    fn its_errors_and_no_others() {
        let said = |code| Scene::negotiated(2).error_info(code).judge(&CAUSE);
        let found = said(0x10A).expect("its error");
        assert_eq!((found.severity, found.proof), (Severity::Blocking, Proof::Proven));
        assert_eq!(said(0x101), None);
    }
}
