//! Licensing broke down.

use rdpdoctor_model::{CauseId, Fact, Stage};

use crate::causes::said;
use crate::{Cause, Evidence, Match, Owner, Proof, Remedy, Reproduction, Risk, Severity, Where};

/// `license.protocol-error`
pub static CAUSE: Cause = Cause {
    id: CauseId("license.protocol-error"),
    stage: Stage::Licensing,
    owner: Owner::Host,
    title: "Licensing broke down",
    explanation: "A message of the licensing was damaged, or one side ended it too early. A licence server or a session host of another version, or something in between, does this.",
    excludes: &["name, route, firewall, encryption, password: all passed"],
    remedies: &[Remedy {
        id: "see-the-licensing-log",
        place: Where::Host,
        risk: Risk::Low,
        title: "See the licensing log, and bring both servers up to date",
        steps: &[
            "PS> Get-WinEvent -LogName 'Microsoft-Windows-TerminalServices-Licensing/Operational' -MaxEvents 20 -ErrorAction SilentlyContinue",
            "PS> Get-WinEvent -FilterHashtable @{LogName='System'; ProviderName='TermService','Microsoft-Windows-TerminalServices-RemoteConnectionManager'} -MaxEvents 20",
        ],
        interrupts: "nothing",
        undo: &["nothing to undo: nothing was changed"],
        verify: "rdpdoctor check {target} -u <user> --logon gets past 'licence'",
    }],
    references: &["MS-RDPELE 2.2.2", "MS-RDPBCGR 2.2.1.12.1.3"],
    client_shows: &[],
    more_specific_than: &[CauseId("session.closed")],
    reproduction: Reproduction::Lab(&["license-protocol-error"]),
    next_tests: &[],
    rule,
};

/// What the server says by number decides, or a message that breaks the rules.
fn rule(evidence: &Evidence<'_>) -> Option<Match> {
    let said = said::in_licensing(evidence, CAUSE.id);
    said.or_else(|| said::by_number(evidence, CAUSE.id)).or_else(|| {
        let broken = evidence.main_path(|fact| match fact {
            Fact::LicenseMalformed { problem, .. } => Some(format!("What came: {problem}.")),
            _ => None,
        });
        let seen = broken.into_iter().next()?;
        Some(Match::new(Severity::Blocking, Proof::Proven, [seen.id()]).detailed(seen.value))
    })
}

#[cfg(test)]
mod tests {

    use super::CAUSE;
    use crate::testing::Scene;
    use crate::{Proof, Severity};

    #[test]
    fn its_errors_and_no_others() {
        let said = |code| Scene::negotiated(2).error_info(code).judge(&CAUSE);
        let found = said(0x103).expect("its error");
        assert_eq!((found.severity, found.proof), (Severity::Blocking, Proof::Proven));
        assert_eq!(said(0x101), None);
        let licensed = |code| Scene::negotiated(2).license_error(code).judge(&CAUSE);
        assert!(licensed(3).is_some());
        assert_eq!(licensed(7), None);
    }
}
