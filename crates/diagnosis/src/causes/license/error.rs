//! Licensing failed inside The host.

use rdpdoctor_model::{CauseId, Stage};

use crate::causes::said;
use crate::{Cause, Evidence, Match, Owner, Remedy, Reproduction, Risk, Where};

/// `license.error`
pub static CAUSE: Cause = Cause {
    id: CauseId("license.error"),
    stage: Stage::Licensing,
    owner: Owner::Host,
    title: "Licensing failed inside {host}",
    explanation: "The server reports an error of its licensing that says nothing more than that; its log has the rest.",
    excludes: &["name, route, firewall, encryption, password: all passed"],
    remedies: &[Remedy {
        id: "see-the-licensing-log",
        place: Where::Host,
        risk: Risk::Low,
        title: "See the licensing log",
        steps: &[
            "PS> Get-WinEvent -FilterHashtable @{LogName='System'; ProviderName='TermService','Microsoft-Windows-TerminalServices-RemoteConnectionManager'} -MaxEvents 20",
            "PS> Get-Service TermService, TermServLicensing -ErrorAction SilentlyContinue",
        ],
        interrupts: "nothing",
        undo: &["nothing to undo: nothing was changed"],
        verify: "rdpdoctor check {target} -u <user> --logon gets past 'licence'",
    }],
    references: &["MS-RDPELE 2.2.2", "MS-RDPBCGR 2.2.1.12.1.3"],
    client_shows: &[],
    more_specific_than: &[CauseId("session.closed")],
    reproduction: Reproduction::Lab(&["license-error"]),
    next_tests: &[],
    rule,
};

/// What the server says by number decides: in licensing, or in the error behind it.
fn rule(evidence: &Evidence<'_>) -> Option<Match> {
    said::in_licensing(evidence, CAUSE.id).or_else(|| said::by_number(evidence, CAUSE.id))
}

#[cfg(test)]
mod tests {

    use super::CAUSE;
    use crate::testing::Scene;
    use crate::{Proof, Severity};

    #[test]
    fn its_errors_and_no_others() {
        let said = |code| Scene::negotiated(2).error_info(code).judge(&CAUSE);
        let found = said(0x100).expect("its error");
        assert_eq!((found.severity, found.proof), (Severity::Blocking, Proof::Proven));
        assert_eq!(said(0x101), None);
        let licensed = |code| Scene::negotiated(2).license_error(code).judge(&CAUSE);
        assert!(licensed(4).is_some());
        assert_eq!(licensed(7), None);
    }
}
