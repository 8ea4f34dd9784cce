//! The gateway's resource authorisation policy (RAP) does not let this user go to this host.

use rdpdoctor_model::{CauseId, Stage};

use crate::causes::at_gateway;
use crate::{Cause, ClientCode, Evidence, Match, Owner, Proof, Remedy, Reproduction, Risk, Where};

/// `gateway.resource-policy-denied`
pub static CAUSE: Cause = Cause {
    id: CauseId("gateway.resource-policy-denied"),
    stage: Stage::Gateway,
    owner: Owner::Gateway,
    title: "The RD Gateway {gateway} does not let this user go to {host} (resource policy)",
    explanation: "The user may come in. A gateway then goes through its resource authorisation policies: which users may go to which hosts, by which names and ports. None of them has this host under the name that the client gave; a policy with a short name does not fit a full one, nor an address.",
    excludes: &["the password, the host's own settings, licence"],
    remedies: &[Remedy {
        id: "extend-the-resource-policy",
        place: Where::Gateway,
        risk: Risk::Medium,
        title: "Put the host, by the name that is used, into a resource policy of the user",
        steps: &[
            "PS> Import-Module RemoteDesktopServices; Get-ChildItem RDS:\\GatewayServer\\RAP | Format-Table Name, Status",
            "PS> Get-ChildItem RDS:\\GatewayServer\\RAP\\<name>",
            "PS> Get-WinEvent -LogName Microsoft-Windows-TerminalServices-Gateway/Operational -MaxEvents 30 | Format-List TimeCreated, Id, Message   (event 301 names user and host)",
            "Add {host} to the group of computers of the policy, as short and as full name, and port {port} to its ports.",
            "On this machine: use the name that the policy has.",
        ],
        interrupts: "nothing",
        undo: &["Take the name out of the group of computers again."],
        verify: "rdpdoctor check {target} --gateway {gateway} gets past 'gateway'",
    }],
    references: &["MS-TSGU 2.2.6.1"],
    client_shows: &[ClientCode { code: 0x300_001B, extended: None, proof: Proof::Possible }],
    more_specific_than: &[],
    reproduction: Reproduction::Lab(&["gateway-resource-policy-denied"]),
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
        let said = |code| coded(GatewayStep::Channel, code).judge(&CAUSE);
        for code in [0x8007_59DA, 0x59DA] {
            let found = said(code).expect("fits");
            assert_eq!(found.proof, Proof::Proven, "{code:#x}");
            assert!(
                found.detail.is_some_and(|text| text.contains("E_PROXY_RAP_ACCESSDENIED")),
                "{code:#x}"
            );
        }
        for code in [0, 0x8007_59DB, 0x8007_59D8] {
            assert_eq!(said(code), None, "{code:#x}");
        }
    }
}
