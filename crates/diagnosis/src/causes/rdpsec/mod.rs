//! Causes in Standard RDP Security (MS-RDPBCGR 5.3).

pub mod fips_mismatch;
pub mod no_common_encryption;
pub mod weak_encryption;

use rdpdoctor_model::Fact;

use crate::{Evidence, Remedy, Risk, Seen, Where};

/// encryptionMethod (MS-RDPBCGR 2.2.1.4.3).
const METHODS: [(u32, &str); 4] =
    [(1, "40-bit RC4"), (8, "56-bit RC4"), (2, "128-bit RC4"), (0x10, "FIPS, Triple DES")];

/// The only method at the level FIPS.
const METHOD_FIPS: u32 = 0x10;

/// encryptionLevel: only what the client sends is encrypted.
const LEVEL_LOW: u32 = 1;
const LEVEL_FIPS: u32 = 4;

/// Method and level that the server chose.
fn chosen<'a>(evidence: &Evidence<'a>) -> Option<Seen<'a, (u32, u32)>> {
    evidence
        .main_path(|fact| match fact {
            Fact::ServerSecurityData { encryption_method, encryption_level, .. } => {
                Some((*encryption_method, *encryption_level))
            }
            _ => None,
        })
        .pop()
}

/// The words for an encryptionMethod of Standard RDP Security; `None` for a number that is none.
pub fn method(number: u32) -> Option<&'static str> {
    METHODS.iter().find(|(method, _)| *method == number).map(|(_, name)| *name)
}

fn level(number: u32) -> &'static str {
    ["none", "low", "client compatible", "high", "FIPS"]
        .get(usize::try_from(number).unwrap_or(usize::MAX))
        .copied()
        .unwrap_or("unknown")
}

/// What helps against all of them.
const SPEAK_TLS: Remedy = Remedy {
    id: "speak-tls-instead",
    place: Where::Host,
    risk: Risk::Medium,
    title: "Let the host use TLS, which makes these settings moot",
    steps: &[
        "PS> Get-ItemProperty 'HKLM:\\SYSTEM\\CurrentControlSet\\Control\\Terminal Server\\WinStations\\RDP-Tcp' SecurityLayer, MinEncryptionLevel",
        "PS> Set-ItemProperty 'HKLM:\\SYSTEM\\CurrentControlSet\\Control\\Terminal Server\\WinStations\\RDP-Tcp' SecurityLayer 2",
        "xrdp: in xrdp.ini set security_layer=negotiate and crypt_level=high, then restart it.",
    ],
    interrupts: "new connections only",
    undo: &["Set SecurityLayer and MinEncryptionLevel back to the values they had."],
    verify: "rdpdoctor check {target} shows TLS",
};
