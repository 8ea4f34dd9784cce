//! FIPS on one side only.

use rdpdoctor_model::{CauseId, Fact, Stage};

use super::{LEVEL_FIPS, METHOD_FIPS, SPEAK_TLS, chosen, level, method};
use crate::causes::said;
use crate::{
    Cause, ClientCode, Evidence, Match, Owner, Proof, Remedy, Reproduction, Risk, Severity, Where,
};

/// `rdpsec.fips-mismatch`
pub static CAUSE: Cause = Cause {
    id: CauseId("rdpsec.fips-mismatch"),
    stage: Stage::Mcs,
    owner: Owner::Host,
    title: "{host} contradicts itself about FIPS",
    explanation: "The level FIPS of Standard RDP Security has one method, Triple DES, and that method belongs to no other level. The server names one without the other, so its encryption is set up wrongly, and clients that insist on FIPS cannot follow.",
    excludes: &["name, route, firewall"],
    remedies: &[
        Remedy {
            id: "look-at-fips",
            place: Where::Host,
            risk: Risk::Low,
            title: "Look which policy sets FIPS and which the encryption level",
            steps: &[
                "PS> Get-ItemProperty 'HKLM:\\SYSTEM\\CurrentControlSet\\Control\\Lsa\\FipsAlgorithmPolicy' Enabled",
                "PS> Get-ItemProperty 'HKLM:\\SYSTEM\\CurrentControlSet\\Control\\Terminal Server\\WinStations\\RDP-Tcp' MinEncryptionLevel",
                "PS> Get-ItemProperty 'HKLM:\\SOFTWARE\\Policies\\Microsoft\\Windows NT\\Terminal Services' MinEncryptionLevel",
                "xrdp: crypt_level in xrdp.ini.",
            ],
            interrupts: "nothing",
            undo: &["nothing to undo: nothing was changed"],
            verify: "rdpdoctor check {target} --security rdp",
        },
        SPEAK_TLS,
    ],
    references: &["MS-RDPBCGR 5.3.5.2", "MS-RDPBCGR 2.2.1.4.3"],
    client_shows: &[ClientCode { code: 0xE06, extended: None, proof: Proof::Possible }],
    more_specific_than: &[],
    reproduction: Reproduction::Lab(&["rdpsec-fips-mismatch"]),
    next_tests: &[],
    rule,
};

fn rule(evidence: &Evidence<'_>) -> Option<Match> {
    said::by_number(evidence, CAUSE.id).or_else(|| {
        let seen = chosen(evidence)?;
        let (number, chosen_level) = seen.value;
        let name = method(number)?;
        ((number == METHOD_FIPS) != (chosen_level == LEVEL_FIPS)).then(|| {
            let words = format!("Its level is {}, its method {name}.", level(chosen_level));
            // A client that takes the method as it stands may get through.
            let passed = evidence.main_path(|fact| {
                matches!(fact, Fact::LicenseMessage { .. } | Fact::LicenseError { .. })
                    .then_some(())
            });
            let severity = if passed.is_empty() { Severity::Blocking } else { Severity::Warning };
            Match::new(severity, Proof::Likely, [seen.id()]).detailed(words)
        })
    })
}

#[cfg(test)]
mod tests {
    use super::CAUSE;
    use crate::testing::Scene;

    #[test]
    fn one_without_the_other() {
        for (method, level, mismatch) in
            [(0x10, 4, false), (2, 3, false), (2, 4, true), (0x10, 3, true), (0, 4, false)]
        {
            let scene = Scene::negotiated(0).standard_security(method, level);
            assert_eq!(scene.judge(&CAUSE).is_some(), mismatch, "{method}, {level}");
        }
    }
}
