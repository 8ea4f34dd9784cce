//! A policy leaves Kerberos only ciphers that a domain no longer has.

use rdpdoctor_model::{CauseId, Stage};

use crate::machine::Machine;
use crate::machine_facts::{Point, matched, number};
use crate::{Cause, Evidence, Match, Owner, Proof, Remedy, Reproduction, Risk, Severity, Where};

/// `host.kerberos-policy`
pub static CAUSE: Cause = Cause {
    id: CauseId("host.kerberos-policy"),
    stage: Stage::Host,
    owner: Owner::Directory,
    title: "A policy allows {host} no AES for Kerberos",
    explanation: "The encryption types that Kerberos may use are limited to old ones. Domain controllers that no longer give tickets with those refuse this host's, and sign-ins fall back to NTLM or fail.",
    excludes: &["password, account"],
    remedies: &[Remedy {
        id: "allow-aes",
        place: Where::Policy,
        risk: Risk::Medium,
        title: "Allow AES in the policy, or leave the choice to Windows",
        steps: &[
            "PS> gpresult /scope computer /h gp.html   (it names the policy)",
            "Computer Configuration, Windows Settings, Security Settings, Local Policies, Security Options: Network security: Configure encryption types allowed for Kerberos: tick AES128 and AES256, or set it to Not Defined",
        ],
        interrupts: "nothing; it counts for new tickets",
        undo: &["Set the policy back to what it was"],
        verify: "PS> klist purge; klist get TERMSRV/{host}   (on a client: the ticket has AES)",
    }],
    references: &["MS-KILE 2.2.7", "RFC 8009 1"],
    client_shows: &[],
    more_specific_than: &[],
    reproduction: Reproduction::Test("facts_of_broken_hosts"),
    next_tests: &[],
    rule,
};

const PARAMETERS: &str =
    r"HKLM\SOFTWARE\Microsoft\Windows\CurrentVersion\Policies\System\Kerberos\Parameters";

/// AES128 and AES256 with SHA-1, and the two of RFC 8009 (MS-KILE 2.2.7).
const AES: u64 = 0x8 | 0x10 | 0x20 | 0x40;

fn rule(evidence: &Evidence<'_>) -> Option<Match> {
    let host = Machine::host(evidence);
    // 0 leaves the choice to Windows.
    let (setting, types) = number(&host, PARAMETERS, "SupportedEncryptionTypes")
        .filter(|(_, types)| *types != 0 && types & AES == 0)?;
    let words = format!("SupportedEncryptionTypes is {types:#x}.");
    let title = CAUSE.title;
    matched(vec![Point::of_setting(Severity::Warning, Proof::Likely, &setting, title, &words)])
}

#[cfg(test)]
mod tests {
    use super::{CAUSE, PARAMETERS};
    use crate::testing::Scene;

    #[test]
    fn types_with_and_without_aes() {
        let found = |types| {
            let scene = Scene::new().host_number(PARAMETERS, "SupportedEncryptionTypes", types);
            scene.judge(&CAUSE).is_some()
        };
        assert!(found(Some(0x4)) && found(Some(0x7)));
        assert!(!found(Some(0x18)) && !found(Some(0x1C)) && !found(Some(0)) && !found(None));
        assert!(!found(Some(0x7FFF_FFFF)));
    }
}
