//! The host finds no licence server.

use rdpdoctor_model::{CauseId, Stage};

use crate::causes::said;
use crate::{Cause, Evidence, Match, Owner, Remedy, Reproduction, Risk, Where};

/// `license.no-server`
pub static CAUSE: Cause = Cause {
    id: CauseId("license.no-server"),
    stage: Stage::Licensing,
    owner: Owner::Host,
    title: "{host} finds no licence server",
    explanation: "The session host needs a client access licence for this connection and reaches no licence server, or none is set. Behind it often the 120 days of grace have ended.",
    excludes: &["name, route, firewall, encryption, password: all passed"],
    remedies: &[Remedy {
        id: "give-it-a-licence-server",
        place: Where::Host,
        risk: Risk::Medium,
        title: "Set and reach a licence server",
        steps: &[
            "PS> (Get-CimInstance -Namespace root/cimv2/TerminalServices Win32_TerminalServiceSetting).PolicySourceLicensingType",
            "PS> Invoke-CimMethod -InputObject (Get-CimInstance -Namespace root/cimv2/TerminalServices Win32_TerminalServiceSetting) -MethodName GetSpecifiedLicenseServerList",
            "PS> Test-NetConnection <licence server> -Port 135",
            "PS> Get-Service TermServLicensing   (on the licence server)",
            "Set the server by policy: Remote Desktop Session Host, Licensing, Use the specified Remote Desktop license servers.",
            "Until then an administrator gets in: $ mstsc /v:{target} /admin",
        ],
        interrupts: "nothing",
        undo: &["take the server out of the policy again"],
        verify: "rdpdoctor check {target} -u <user> --logon gets past 'licence'",
    }],
    references: &["MS-RDPELE 2.2.2", "MS-RDPBCGR 2.2.1.12.1.3"],
    client_shows: &[],
    more_specific_than: &[CauseId("session.closed")],
    reproduction: Reproduction::Lab(&["license-no-server"]),
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
        let found = said(0x101).expect("its error");
        assert_eq!((found.severity, found.proof), (Severity::Blocking, Proof::Proven));
        assert_eq!(said(0x102), None);
        let licensed = |code| Scene::negotiated(2).license_error(code).judge(&CAUSE);
        assert!(licensed(6).is_some());
        assert_eq!(licensed(7), None);
    }
}
