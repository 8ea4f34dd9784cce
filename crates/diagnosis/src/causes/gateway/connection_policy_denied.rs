//! The gateway's connection authorisation policy (CAP) does not let this user or computer in.

use rdpdoctor_model::{CauseId, Stage};

use crate::causes::at_gateway;
use crate::{Cause, ClientCode, Evidence, Match, Owner, Proof, Remedy, Reproduction, Risk, Where};

/// `gateway.connection-policy-denied`
pub static CAUSE: Cause = Cause {
    id: CauseId("gateway.connection-policy-denied"),
    stage: Stage::Gateway,
    owner: Owner::Gateway,
    title: "The RD Gateway {gateway} does not let this user or computer in (connection policy)",
    explanation: "The password was right. A gateway then goes through its connection authorisation policies: who may come, from which computers, with a password or a smart card, in what state of health. None of them fits.",
    excludes: &["the host itself, the password, licence"],
    remedies: &[Remedy {
        id: "extend-the-connection-policy",
        place: Where::Gateway,
        risk: Risk::Medium,
        title: "Put the user's group into a connection policy that fits",
        steps: &[
            "PS> Import-Module RemoteDesktopServices; Get-ChildItem RDS:\\GatewayServer\\CAP | Format-Table Name, Status",
            "PS> Get-ChildItem RDS:\\GatewayServer\\CAP\\<name>\\UserGroups",
            "PS> Get-WinEvent -LogName Microsoft-Windows-TerminalServices-Gateway/Operational -MaxEvents 30 | Format-List TimeCreated, Id, Message   (event 201 names the user)",
            "PS> New-Item -Path RDS:\\GatewayServer\\CAP\\<name>\\UserGroups -Name <group>@<domain>",
            "With a central NPS server the policy is there: event 6273 in its security log says which one refused and why.",
        ],
        interrupts: "nothing",
        undo: &["PS> Remove-Item RDS:\\GatewayServer\\CAP\\<name>\\UserGroups\\<group>@<domain>"],
        verify: "rdpdoctor check {target} --gateway {gateway} gets past 'gateway'",
    }],
    references: &[
        "MS-TSGU 2.2.6.1",
        "https://learn.microsoft.com/en-us/windows-server/remote/remote-desktop-services/rds-plan-mfa",
    ],
    client_shows: &[
        ClientCode { code: 0x300_001C, extended: None, proof: Proof::Possible },
        ClientCode { code: 0x300_0027, extended: None, proof: Proof::Possible },
        ClientCode { code: 0x300_0039, extended: None, proof: Proof::Possible },
    ],
    more_specific_than: &[],
    reproduction: Reproduction::Lab(&["gateway-connection-policy-denied"]),
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
        for code in [0x8007_59DB, 0x59DB] {
            let found = said(code).expect("fits");
            assert_eq!(found.proof, Proof::Proven, "{code:#x}");
            assert!(
                found.detail.is_some_and(|text| text.contains("E_PROXY_NAP_ACCESSDENIED")),
                "{code:#x}"
            );
        }
        for code in [0, 0x8007_59DA, 0x8007_59D8] {
            assert_eq!(said(code), None, "{code:#x}");
        }
    }
}
