//! The host rejects the licence that this client presents.

use rdpdoctor_model::{CauseId, Stage};

use crate::causes::said;
use crate::{Cause, Evidence, Match, Owner, Remedy, Reproduction, Risk, Where};

/// `license.client-rejected`
pub static CAUSE: Cause = Cause {
    id: CauseId("license.client-rejected"),
    stage: Stage::Licensing,
    owner: Owner::Client,
    title: "{host} rejects the licence that this client presents",
    explanation: "The client keeps a licence from another time or machine that the host does not take.",
    excludes: &["name, route, firewall, encryption, password: all passed"],
    remedies: &[Remedy {
        id: "renew-the-clients-licence",
        place: Where::Client,
        risk: Risk::Low,
        title: "Let the client fetch a new licence",
        steps: &[
            "PS> reg export HKLM\\SOFTWARE\\Microsoft\\MSLicensing C:\\mslicensing.reg   (on the client)",
            "PS> Remove-Item HKLM:\\SOFTWARE\\Microsoft\\MSLicensing\\Store\\* -Recurse   (on the client, as administrator)",
            "Then start mstsc once as administrator, so that it can store the new one.",
        ],
        interrupts: "nothing",
        undo: &["PS> reg import C:\\mslicensing.reg"],
        verify: "rdpdoctor check {target} -u <user> --logon gets past 'licence'",
    }],
    references: &["MS-RDPELE 2.2.2", "MS-RDPBCGR 2.2.1.12.1.3"],
    client_shows: &[],
    more_specific_than: &[CauseId("session.closed")],
    reproduction: Reproduction::Lab(&["license-client-rejected"]),
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
        let found = said(0x105).expect("its error");
        assert_eq!((found.severity, found.proof), (Severity::Blocking, Proof::Proven));
        assert_eq!(said(0x101), None);
        let licensed = |code| Scene::negotiated(2).license_error(code).judge(&CAUSE);
        assert!(licensed(8).is_some());
        assert_eq!(licensed(7), None);
    }
}
