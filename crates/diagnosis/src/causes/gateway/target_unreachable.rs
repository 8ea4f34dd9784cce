//! The gateway let the user through and did not reach the host.

use rdpdoctor_model::{CauseId, Stage};

use crate::causes::{advice, at_gateway};
use crate::{Cause, Evidence, Match, Owner, Remedy, Reproduction, Risk, Severity, Where};

/// `gateway.target-unreachable`
pub static CAUSE: Cause = Cause {
    id: CauseId("gateway.target-unreachable"),
    stage: Stage::Gateway,
    owner: Owner::Network,
    title: "The RD Gateway {gateway} does not reach {host}",
    explanation: "Sign-in and policies were passed; then the gateway itself could not make its connection to the host. It looks the name up with its own DNS, and its own network and firewalls count: the host is off, its name is unknown there, its port is another one, or a firewall between the gateway and the host drops it.",
    excludes: &["the password, the gateway's policies, licence"],
    remedies: &[Remedy {
        id: "try-from-the-gateway",
        place: Where::Gateway,
        risk: Risk::Low,
        title: "Try the name and the port from the gateway itself",
        steps: &[
            "PS> Resolve-DnsName {host}",
            "PS> Test-NetConnection {host} -Port {port}",
            "PS> Get-WinEvent -LogName Microsoft-Windows-TerminalServices-Gateway/Operational -MaxEvents 30 | Format-List TimeCreated, Id, Message   (event 304)",
            "$ rdpdoctor check {target}   (on the gateway, or in its network)",
        ],
        interrupts: "nothing",
        undo: advice::NOTHING_TO_UNDO,
        verify: "rdpdoctor check {target} --gateway {gateway} gets past 'gateway'",
    }],
    references: &["MS-TSGU 2.2.6.1"],
    client_shows: &[],
    more_specific_than: &[],
    reproduction: Reproduction::Lab(&["gateway-target-unreachable"]),
    next_tests: &[],
    rule,
};

fn rule(evidence: &Evidence<'_>) -> Option<Match> {
    let found = at_gateway::by_code(evidence, CAUSE.id)?;
    Some(match found.severity {
        Severity::Info => found.titled("The host closed its connection to the RD Gateway"),
        _ => found,
    })
}

#[cfg(test)]
mod tests {
    use rdpdoctor_model::GatewayStep;

    use super::CAUSE;
    use crate::causes::at_gateway::tests::coded;
    use crate::{Proof, Severity};

    #[test]
    fn its_code_in_both_forms_and_no_other() {
        let said = |code| coded(GatewayStep::Channel, code).judge(&CAUSE);
        for code in [0x59DD, 0x8007_59DD] {
            let found = said(code).expect("fits");
            assert_eq!(found.proof, Proof::Proven, "{code:#x}");
            assert!(
                found.detail.is_some_and(|text| text.contains("E_PROXY_TS_CONNECTFAILED")),
                "{code:#x}"
            );
        }
        for code in [0, 0x8007_59DA, 0x8007_59D8] {
            assert_eq!(said(code), None, "{code:#x}");
        }
    }

    #[test]
    fn near_miss_a_host_that_was_reached_and_hung_up() {
        let scene = coded(GatewayStep::Close, 0xA0);
        assert_eq!(scene.judge(&CAUSE).map(|found| found.severity), Some(Severity::Info));
        let channel = coded(GatewayStep::Channel, 0xA0).judge(&CAUSE);
        assert_eq!(channel.map(|found| found.severity), Some(Severity::Blocking));
    }
}
