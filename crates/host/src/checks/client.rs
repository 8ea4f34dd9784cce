//! The machine in front of the user: what it keeps, and what its policies say.

use crate::question::{
    Check, LeftOut,
    Question::{
        ClientDefaults, Events, File, Heads, Hosts, SavedCredentials, Subkeys, Value, ValueOfEach,
        Values,
    },
};

use super::regression::VERSION;

const POLICY: &str = r"HKLM\SOFTWARE\Policies\Microsoft\Windows NT\Terminal Services";
const CLIENT: &str = r"HKLM\SOFTWARE\Microsoft\Terminal Server Client";
const OWN_CLIENT: &str = r"HKCU\SOFTWARE\Microsoft\Terminal Server Client";
const SERVERS: &str = r"HKCU\SOFTWARE\Microsoft\Terminal Server Client\Servers";
const RECENT: &str = r"HKCU\SOFTWARE\Microsoft\Terminal Server Client\Default";
const GATEWAY: &str = r"HKCU\SOFTWARE\Policies\Microsoft\Windows NT\Terminal Services";
const CREDSSP: &str =
    r"HKLM\SOFTWARE\Microsoft\Windows\CurrentVersion\Policies\System\CredSSP\Parameters";
const DELEGATION: &str = r"HKLM\SOFTWARE\Policies\Microsoft\Windows\CredentialsDelegation";
const FRESH_DENIED: &str =
    r"HKLM\SOFTWARE\Policies\Microsoft\Windows\CredentialsDelegation\DenyFreshCredentials";
const SAVED_DENIED: &str =
    r"HKLM\SOFTWARE\Policies\Microsoft\Windows\CredentialsDelegation\DenySavedCredentials";
const SAVED: &str =
    r"HKLM\SOFTWARE\Policies\Microsoft\Windows\CredentialsDelegation\AllowSavedCredentials";
const SAVED_NTLM: &str = r"HKLM\SOFTWARE\Policies\Microsoft\Windows\CredentialsDelegation\AllowSavedCredentialsWhenNTLMOnly";
const LSA: &str = r"HKLM\SYSTEM\CurrentControlSet\Control\Lsa";
const NTLM: &str = r"HKLM\SYSTEM\CurrentControlSet\Control\Lsa\MSV1_0";
const SUITES: &str = r"HKLM\SOFTWARE\Policies\Microsoft\Cryptography\Configuration\SSL\00010002";
const LICENSING: &str = r"HKLM\SOFTWARE\Microsoft\MSLicensing";
const INSTEAD: &str =
    r"HKLM\SOFTWARE\Microsoft\Windows NT\CurrentVersion\Image File Execution Options\mstsc.exe";
const EXPLORER: &str = r"HKCU\SOFTWARE\Microsoft\Windows\CurrentVersion\Policies\Explorer";
const DISALLOWED: &str =
    r"HKCU\SOFTWARE\Microsoft\Windows\CurrentVersion\Policies\Explorer\DisallowRun";
const LOCKER: &str = r"HKLM\SOFTWARE\Policies\Microsoft\Windows\SrpV2\Exe";

const DEFAULTS: &str = r"%Personal%\Default.rdp";
const CACHE: &str = r"%LocalAppData%\Microsoft\Terminal Server Client\Cache";
const LOG: &str = "Microsoft-Windows-TerminalServices-RDPClient/Operational";
const PROVIDER: &str = "Microsoft-Windows-TerminalServices-ClientActiveXCore";

macro_rules! protocols {
    ($($version:literal)*) => {
        &[$(
            Value(
                concat!(
                    r"HKLM\SYSTEM\CurrentControlSet\Control\SecurityProviders\SCHANNEL\Protocols\",
                    $version, r"\Client"
                ),
                "Enabled",
            ),
            Value(
                concat!(
                    r"HKLM\SYSTEM\CurrentControlSet\Control\SecurityProviders\SCHANNEL\Protocols\",
                    $version, r"\Client"
                ),
                "DisabledByDefault",
            ),
        )*
        Value(SUITES, "Functions"),
        Value(VERSION, "CurrentBuildNumber")]
    };
}

pub(super) static CHECKS: &[Check] = &[
    Check::client("C171", &[Hosts, Value(RECENT, "MRU0")]).feeds(&["dns.hosts-override"]),
    Check::client("C173", &[ClientDefaults(DEFAULTS)])
        .feeds(&["client.gateway-settings", "dns.hosts-override"]),
    Check::client("C174", &[ClientDefaults(DEFAULTS), Heads(CACHE)])
        .feeds(&["client.cache-corrupt"]),
    Check::client("C175", &[ValueOfEach(SERVERS, "UsernameHint"), Value(RECENT, "MRU0")])
        .feeds(&["client.saved-credentials", "dns.hosts-override"]),
    Check::client("C176", &[SavedCredentials])
        .feeds(&["client.saved-credentials", "dns.hosts-override"]),
    Check::client("C177", &[Value(POLICY, "DisablePasswordSaving")])
        .feeds(&["client.saved-credentials"])
        .beside(),
    Check::client(
        "C178",
        &[
            Value(DELEGATION, "DenyFreshCredentials"),
            Values(FRESH_DENIED),
            Value(DELEGATION, "DenySavedCredentials"),
            Values(SAVED_DENIED),
            Value(DELEGATION, "AllowSavedCredentials"),
            Values(SAVED),
            Value(DELEGATION, "AllowSavedCredentialsWhenNTLMOnly"),
            Values(SAVED_NTLM),
        ],
    )
    .feeds(&["client.credssp-policy", "client.saved-credentials"]),
    Check::client(
        "C179",
        &[
            Value(CREDSSP, "AllowEncryptionOracle"),
            File(r"%SystemRoot%\System32\tspkg.dll"),
            Value(VERSION, "CurrentBuildNumber"),
        ],
    )
    .feeds(&["client.credssp-policy", "client.credssp-outdated"]),
    Check::client("C180", &[Value(CLIENT, "EnableCredSSPSupport"), ClientDefaults(DEFAULTS)])
        .feeds(&["client.nla-unsupported"]),
    Check::client(
        "C181",
        &[
            Value(DELEGATION, "RestrictedRemoteAdministration"),
            Value(DELEGATION, "RestrictedRemoteAdministrationType"),
        ],
    )
    .feeds(&["client.credssp-policy"]),
    Check::client("C182", &[Value(POLICY, "AuthenticationLevel")]).feeds(&["client.tls-policy"]),
    Check::client(
        "C183",
        &[
            Value(CLIENT, "AuthenticationLevelOverride"),
            Value(OWN_CLIENT, "AuthenticationLevelOverride"),
        ],
    )
    .feeds(&["client.tls-policy"]),
    Check::client(
        "C184",
        &[Value(NTLM, "RestrictSendingNTLMTraffic"), Value(NTLM, "ClientAllowedNTLMServers")],
    )
    .feeds(&["client.ntlm-policy"]),
    Check::client("C185", &[Value(LSA, "LmCompatibilityLevel")]).feeds(&["client.ntlm-policy"]),
    Check::client("C186", protocols!("TLS 1.0" "TLS 1.1" "TLS 1.2" "TLS 1.3"))
        .feeds(&["client.tls-policy"]),
    Check::client(
        "C187",
        &[Value(GATEWAY, "UseProxy"), Value(GATEWAY, "ProxyName"), ClientDefaults(DEFAULTS)],
    )
    .feeds(&["client.gateway-settings"])
    .beside(),
    Check::client(
        "C188",
        &[Value(CLIENT, "RDGClientTransport"), Value(OWN_CLIENT, "RDGClientTransport")],
    )
    .feeds(&["client.gateway-settings"])
    .beside(),
    Check::client(
        "C190",
        &[
            Value(INSTEAD, "Debugger"),
            Value(EXPLORER, "DisallowRun"),
            Values(DISALLOWED),
            Value(LOCKER, "EnforcementMode"),
            ValueOfEach(LOCKER, "Value"),
        ],
    )
    .feeds(&["client.app-blocked"]),
    Check::client("C193", &[Subkeys(LICENSING)]).feeds(&["client.cache-corrupt"]).beside(),
    Check::client(
        "C194",
        &[
            File(r"%SystemRoot%\System32\mstsc.exe"),
            File(r"%SystemRoot%\System32\mstscax.dll"),
            Value(VERSION, "CurrentBuildNumber"),
            Value(VERSION, "UBR"),
        ],
    )
    .feeds(&["client.app-blocked", "client.outdated"]),
    Check::client(
        "C195",
        &[Events(LOG, PROVIDER, &[226, 1007, 1009, 1017, 1024, 1026, 1027, 1029, 1033, 1105])],
    )
    .feeds(&["client.saved-credentials", "nla.credentials-rejected", "dns.name-not-found"]),
];

/// What is asked of the network, not of the machine's settings.
const LIVE: &str = "it is seen by trying; check does it, with the system's own resolver";

pub(super) static LEFT_OUT: &[LeftOut] = &[
    LeftOut { row: "C170", why: LIVE },
    LeftOut { row: "C172", why: LIVE },
    LeftOut {
        row: "C189",
        why: "the setting stands on the gateway, which is neither end of the connection",
    },
    LeftOut {
        row: "C191",
        why: "whether a VPN is up and what it carries is a matter of the moment; check reads the \
              route to the target",
    },
    LeftOut {
        row: "C192",
        why: "what the user typed stands nowhere; check -u and explain say which form fits",
    },
    LeftOut { row: "C196", why: LIVE },
];
