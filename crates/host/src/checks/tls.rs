//! Encryption: security layer, versions of TLS, suites.

use crate::question::Question::{Value, ValueOfEach};
use crate::question::{Check, LeftOut};

const LISTENER: &str = r"HKLM\SYSTEM\CurrentControlSet\Control\Terminal Server\WinStations\RDP-Tcp";
const POLICY: &str = r"HKLM\SOFTWARE\Policies\Microsoft\Windows NT\Terminal Services";
const TLS10: &str =
    r"HKLM\SYSTEM\CurrentControlSet\Control\SecurityProviders\SCHANNEL\Protocols\TLS 1.0\Server";
const TLS11: &str =
    r"HKLM\SYSTEM\CurrentControlSet\Control\SecurityProviders\SCHANNEL\Protocols\TLS 1.1\Server";
const TLS12: &str =
    r"HKLM\SYSTEM\CurrentControlSet\Control\SecurityProviders\SCHANNEL\Protocols\TLS 1.2\Server";
const TLS13: &str =
    r"HKLM\SYSTEM\CurrentControlSet\Control\SecurityProviders\SCHANNEL\Protocols\TLS 1.3\Server";

pub(super) static LEFT_OUT: &[LeftOut] = &[LeftOut {
    row: "H079",
    why: "a handshake is no fact that is read: `rdpdoctor check localhost` on the host does it",
}];

pub(super) static CHECKS: &[Check] = &[
    Check::host("H070", &[Value(LISTENER, "SecurityLayer"), Value(POLICY, "SecurityLayer")])
        .feeds(&["host.security-layer"]),
    Check::host(
        "H071",
        &[Value(LISTENER, "UserAuthentication"), Value(POLICY, "UserAuthentication")],
    )
    .feeds(&["host.nla-policy"]),
    Check::host(
        "H072",
        &[Value(LISTENER, "MinEncryptionLevel"), Value(POLICY, "MinEncryptionLevel")],
    )
    .feeds(&["host.fips"]),
    Check::host(
        "H073",
        &[Value(r"HKLM\SYSTEM\CurrentControlSet\Control\Lsa\FIPSAlgorithmPolicy", "Enabled")],
    )
    .feeds(&["host.fips"]),
    Check::host("H074", &[Value(TLS12, "Enabled"), Value(TLS12, "DisabledByDefault")])
        .feeds(&["host.tls-disabled"]),
    Check::host(
        "H075",
        &[
            Value(TLS13, "Enabled"),
            Value(TLS13, "DisabledByDefault"),
            Value(TLS11, "Enabled"),
            Value(TLS11, "DisabledByDefault"),
            Value(TLS10, "Enabled"),
            Value(TLS10, "DisabledByDefault"),
        ],
    )
    .feeds(&["host.tls-disabled", "host.cipher-policy"]),
    Check::host(
        "H076",
        &[Value(
            r"HKLM\SOFTWARE\Policies\Microsoft\Cryptography\Configuration\SSL\00010002",
            "Functions",
        )],
    )
    .feeds(&["host.cipher-policy"]),
    Check::host(
        "H077",
        &[Value(
            r"HKLM\SYSTEM\CurrentControlSet\Control\Cryptography\Configuration\Local\SSL\00010002",
            "Functions",
        )],
    )
    .beside()
    .feeds(&["host.cipher-policy"]),
    Check::host(
        "H078",
        &[
            ValueOfEach(
                r"HKLM\SYSTEM\CurrentControlSet\Control\SecurityProviders\SCHANNEL\Ciphers",
                "Enabled",
            ),
            ValueOfEach(
                r"HKLM\SYSTEM\CurrentControlSet\Control\SecurityProviders\SCHANNEL\Hashes",
                "Enabled",
            ),
            ValueOfEach(
                r"HKLM\SYSTEM\CurrentControlSet\Control\SecurityProviders\SCHANNEL\KeyExchangeAlgorithms",
                "Enabled",
            ),
        ],
    )
    .beside()
    .feeds(&["host.cipher-policy"]),
];
