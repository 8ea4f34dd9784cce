//! The gateway has as many connections as it is allowed.

use rdpdoctor_model::{CauseId, Stage};

use crate::causes::at_gateway;
use crate::{Cause, ClientCode, Evidence, Match, Owner, Proof, Remedy, Reproduction, Risk, Where};

/// `gateway.limit-reached`
pub static CAUSE: Cause = Cause {
    id: CauseId("gateway.limit-reached"),
    stage: Stage::Gateway,
    owner: Owner::Gateway,
    title: "The RD Gateway {gateway} has reached its limit of connections",
    explanation: "A gateway can be given a highest number of connections at a time, and editions of Windows have one of their own. It is reached, so nobody more is let in until somebody leaves.",
    excludes: &["the host itself, the password, the gateway's policies"],
    remedies: &[Remedy {
        id: "raise-the-limit",
        place: Where::Gateway,
        risk: Risk::Medium,
        title: "See who is connected, and raise the limit or free connections",
        steps: &[
            "PS> Import-Module RemoteDesktopServices; Get-Item RDS:\\GatewayServer\\MaxConnections, RDS:\\GatewayServer\\MaxConnectionsAllowed",
            "PS> Get-CimInstance -Namespace root/cimv2/TerminalServices Win32_TSGatewayConnection | Format-Table UserName, ConnectedResource, IdleTime",
            "PS> Set-Item RDS:\\GatewayServer\\MaxConnections -Value <number>",
        ],
        interrupts: "nothing",
        undo: &["PS> Set-Item RDS:\\GatewayServer\\MaxConnections -Value <old number>"],
        verify: "rdpdoctor check {target} --gateway {gateway} gets past 'gateway'",
    }],
    references: &["MS-TSGU 2.2.6.1"],
    client_shows: &[ClientCode { code: 0x300_0022, extended: None, proof: Proof::Possible }],
    more_specific_than: &[],
    reproduction: Reproduction::Lab(&["gateway-limit-reached"]),
    next_tests: &[],
    rule,
};

fn rule(evidence: &Evidence<'_>) -> Option<Match> {
    at_gateway::by_code(evidence, CAUSE.id)
}

#[cfg(test)]
mod tests {
    use rdpdoctor_model::GatewayStep;

    use super::CAUSE;
    use crate::Proof;
    use crate::causes::at_gateway::tests::coded;

    #[test]
    fn its_code_in_both_forms_and_no_other() {
        let said = |code| coded(GatewayStep::Authorization, code).judge(&CAUSE);
        for code in [0x59E6, 0x8007_59E6] {
            let found = said(code).expect("fits");
            assert_eq!(found.proof, Proof::Proven, "{code:#x}");
            assert!(
                found.detail.is_some_and(|text| text.contains("E_PROXY_MAXCONNECTIONSREACHED")),
                "{code:#x}"
            );
        }
        for code in [0, 0x8007_59DA, 0x8007_59D8] {
            assert_eq!(said(code), None, "{code:#x}");
        }
    }
}
