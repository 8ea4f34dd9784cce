//! The host does not answer in licensing.

use rdpdoctor_model::{Awaited, CauseId, Ending, Stage};

use crate::{Cause, Evidence, Match, Owner, Proof, Remedy, Reproduction, Risk, Severity, Where};

/// `license.timeout`
pub static CAUSE: Cause = Cause {
    id: CauseId("license.timeout"),
    stage: Stage::Licensing,
    owner: Owner::Host,
    title: "{host} does not answer in licensing",
    explanation: "After the logon data the server was silent where licensing is due. It often waits for a licence server that it cannot reach.",
    excludes: &["name, route, firewall, encryption, password: all passed"],
    remedies: &[Remedy {
        id: "see-the-licence-server",
        place: Where::Host,
        risk: Risk::Low,
        title: "See whether the host reaches its licence server",
        steps: &[
            "PS> Invoke-CimMethod -InputObject (Get-CimInstance -Namespace root/cimv2/TerminalServices Win32_TerminalServiceSetting) -MethodName GetSpecifiedLicenseServerList",
            "PS> Test-NetConnection <licence server> -Port 135",
            "PS> Get-WinEvent -FilterHashtable @{LogName='System'; ProviderName='Microsoft-Windows-TerminalServices-RemoteConnectionManager'} -MaxEvents 20",
        ],
        interrupts: "nothing",
        undo: &["nothing to undo: nothing was changed"],
        verify: "rdpdoctor check {target} -u <user> --logon gets past 'licence'",
    }],
    references: &["MS-RDPELE 1.3.3"],
    client_shows: &[],
    more_specific_than: &[],
    reproduction: Reproduction::Lab(&["license-timeout"]),
    next_tests: &[],
    rule,
};

/// Silence where a licensing message is due.
fn rule(evidence: &Evidence<'_>) -> Option<Match> {
    let ended = evidence.ended_awaiting(Awaited::License)?;
    let silent = ended.value.ending == Ending::Timeout;
    silent.then(|| Match::new(Severity::Blocking, Proof::Proven, [ended.id()]))
}

#[cfg(test)]
mod tests {

    use super::CAUSE;
    use crate::testing::Scene;
    use rdpdoctor_model::{Awaited, Ending};

    #[test]
    fn silence_and_nothing_else() {
        let ended = |how, awaited| Scene::negotiated(2).ended(how, awaited).judge(&CAUSE);
        assert!(ended(Ending::Timeout, Awaited::License).is_some());
        assert_eq!(ended(Ending::Fin, Awaited::License), None);
        assert_eq!(ended(Ending::Timeout, Awaited::DemandActive), None);
    }
}
