//! There is no licence left for this client.

use rdpdoctor_model::{CauseId, Stage};

use crate::causes::said;
use crate::{Cause, Evidence, Match, Owner, Remedy, Reproduction, Risk, Where};

/// `license.no-license`
pub static CAUSE: Cause = Cause {
    id: CauseId("license.no-license"),
    stage: Stage::Licensing,
    owner: Owner::Host,
    title: "There is no licence left for this client",
    explanation: "The licence server has none to give, of the right kind and version, or cannot upgrade the old one.",
    excludes: &["name, route, firewall, encryption, password: all passed"],
    remedies: &[Remedy {
        id: "see-the-licences",
        place: Where::Host,
        risk: Risk::Medium,
        title: "See which licences there are, and add or take back some",
        steps: &[
            "PS> Get-CimInstance -Namespace root/cimv2 Win32_TSLicenseKeyPack | Format-Table TypeAndModel, ProductVersion, TotalLicenses, AvailableLicenses   (on the licence server)",
            "Kind (per user, per device) and version have to fit what the session host is set to.",
            "Until then an administrator gets in: $ mstsc /v:{target} /admin",
        ],
        interrupts: "nothing",
        undo: &["nothing to undo: nothing was changed"],
        verify: "rdpdoctor check {target} -u <user> --logon gets past 'licence'",
    }],
    references: &["MS-RDPELE 2.2.2", "MS-RDPBCGR 2.2.1.12.1.3"],
    client_shows: &[],
    more_specific_than: &[CauseId("session.closed")],
    reproduction: Reproduction::Lab(&["license-no-license"]),
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
        let found = said(0x102).expect("its error");
        assert_eq!((found.severity, found.proof), (Severity::Blocking, Proof::Proven));
        assert_eq!(said(0x101), None);
        let licensed = |code| Scene::negotiated(2).license_error(code).judge(&CAUSE);
        assert!(licensed(2).is_some());
        assert_eq!(licensed(7), None);
    }
}
