//! Windows may switch the network adapter off to save power.

use rdpdoctor_model::{CauseId, Fact, Stage};

use crate::machine::Machine;
use crate::{Cause, Evidence, Match, Owner, Proof, Remedy, Reproduction, Risk, Severity, Where};

/// The class of network adapters; each has a key with four digits in it.
const CLASS: &str =
    r"HKLM\SYSTEM\CurrentControlSet\Control\Class\{4d36e972-e325-11ce-bfc1-08002be10318}";

/// In PnPCapabilities: Windows may not switch the device off (NDIS_DEVICE_DISABLE_PM).
const STAYS_ON: u64 = 0x8;

/// `host.nic-power-saving`
pub static CAUSE: Cause = Cause {
    id: CauseId("host.nic-power-saving"),
    stage: Stage::Host,
    owner: Owner::Host,
    title: "Windows may switch off a network adapter of {host} to save power",
    explanation: "The adapter's setting lets Windows turn it off when it seems idle. Some adapters then drop connections, or wake too late for a new one. Many never do: it is a lead where connections end after a quiet while, and nothing else does.",
    excludes: &["password, account, licence, certificate"],
    remedies: &[Remedy {
        id: "leave-the-adapter-on",
        place: Where::Host,
        risk: Risk::Low,
        title: "Leave the adapter on",
        steps: &[
            "PS> Get-NetAdapterPowerManagement | Format-Table Name, AllowComputerToTurnOffDevice",
            "PS> $a = Get-NetAdapterPowerManagement -Name <adapter>; $a.AllowComputerToTurnOffDevice = 'Disabled'; $a | Set-NetAdapterPowerManagement",
        ],
        interrupts: "the adapter restarts: connections over it end",
        undo: &[
            "PS> $a = Get-NetAdapterPowerManagement -Name <adapter>; $a.AllowComputerToTurnOffDevice = 'Enabled'; $a | Set-NetAdapterPowerManagement",
        ],
        verify: "rdpdoctor watch {target} --idle shows no end after a quiet while",
    }],
    references: &[
        "https://learn.microsoft.com/en-us/troubleshoot/windows-client/networking/power-management-on-network-adapter",
    ],
    client_shows: &[],
    more_specific_than: &[],
    reproduction: Reproduction::Test("host_facts"),
    next_tests: &[],
    rule,
};

/// Only where it was allowed in so many words: without a value the driver decides, which is what most
/// machines have.
fn rule(evidence: &Evidence<'_>) -> Option<Match> {
    let may_be_off = Machine::host(evidence).all(|fact| match fact {
        Fact::RegistryValue(value) => {
            let below = value.key.len() > CLASS.len()
                && value.key.get(..CLASS.len())?.eq_ignore_ascii_case(CLASS);
            let named = value.name.eq_ignore_ascii_case("PnPCapabilities");
            let number = value.data.as_seen()?.number()?;
            (below && named && number & STAYS_ON == 0).then_some(())
        }
        _ => None,
    });
    let ids: Vec<_> = may_be_off.iter().map(crate::Seen::id).collect();
    (!ids.is_empty()).then(|| Match::new(Severity::Info, Proof::Possible, ids))
}

#[cfg(test)]
mod tests {
    use super::{CAUSE, CLASS};
    use crate::testing::Scene;
    use crate::{Proof, Severity};

    #[test]
    fn allowed_forbidden_and_left_to_the_driver() {
        let judged = |number| {
            let scene =
                Scene::new().host_number(&format!(r"{CLASS}\0001"), "PnPCapabilities", number);
            scene.judge(&CAUSE).map(|found| (found.severity, found.proof))
        };
        assert_eq!(judged(Some(0)), Some((Severity::Info, Proof::Possible)));
        assert_eq!(judged(Some(0x10)), Some((Severity::Info, Proof::Possible)));
        assert_eq!(judged(Some(24)), None);
        assert_eq!(judged(None), None);
        let other = Scene::new().host_number(CLASS, "PnPCapabilities", Some(0));
        assert_eq!(other.judge(&CAUSE), None);
    }
}
