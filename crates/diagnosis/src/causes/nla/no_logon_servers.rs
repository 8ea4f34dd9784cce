//! The server cannot reach a domain controller.

use rdpdoctor_model::{CauseId, Stage};

use crate::causes::{advice, said};
use crate::{Cause, Evidence, Match, Owner, Remedy, Reproduction, Risk, Where};

/// `nla.no-logon-servers`
pub static CAUSE: Cause = Cause {
    id: CauseId("nla.no-logon-servers"),
    stage: Stage::CredSsp,
    owner: Owner::Directory,
    title: "{host} cannot reach a domain controller",
    explanation: "The server says that no logon server is available to judge a sign-in. The host's own DNS settings or its way to the domain controllers is at fault.",
    excludes: &["name, route, firewall, encryption"],
    remedies: &[Remedy {
        id: "find-the-domain-controller",
        place: Where::Host,
        risk: Risk::Low,
        title: "See on the host why it finds no domain controller: DNS, route or its own account",
        steps: &[
            "Sign in with a local account (console, or {host}\\Administrator), since the domain's cannot be judged.",
            "PS> nltest /dsgetdc:$((Get-CimInstance Win32_ComputerSystem).Domain) /force",
            "PS> Get-DnsClientServerAddress -AddressFamily IPv4   (it must be the domain's DNS servers)",
            "PS> Resolve-DnsName -Type SRV \"_ldap._tcp.dc._msdcs.$((Get-CimInstance Win32_ComputerSystem).Domain)\"",
            "PS> Test-NetConnection <domain controller> -Port 88; Test-NetConnection <domain controller> -Port 389",
            "PS> Test-ComputerSecureChannel -Verbose",
            "PS> Get-WinEvent -FilterHashtable @{LogName='System'; ProviderName='NETLOGON'} -MaxEvents 20",
        ],
        interrupts: "nothing",
        undo: advice::NOTHING_TO_UNDO,
        verify: "nltest names a domain controller, and rdpdoctor check {target} shows the names behind 'sign-in'",
    }],
    references: &["MS-CSSP 2.2.1", "MS-ERREF 2.3.1"],
    client_shows: &[],
    more_specific_than: &[],
    reproduction: Reproduction::Lab(&["nla-no-logon-servers"]),
    next_tests: &[],
    rule,
};

fn rule(evidence: &Evidence<'_>) -> Option<Match> {
    said::by_number(evidence, CAUSE.id)
}

#[cfg(test)]
mod tests {

    use super::CAUSE;
    use crate::testing::Scene;

    #[test]
    fn its_status_and_no_other() {
        let said = |code| Scene::negotiated(2).ts_request(6, Some(code)).judge(&CAUSE);
        assert!(said(0xC000_005E).is_some());
        assert_eq!(said(0xC000_0022), None);
    }
}
