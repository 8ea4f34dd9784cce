//! How the host judges who signs in: CredSSP, NTLM, Kerberos, accounts.

use crate::question::{
    Check, LeftOut,
    Question::{Accounts, Events, File, Value},
};

const CREDSSP: &str =
    r"HKLM\SOFTWARE\Microsoft\Windows\CurrentVersion\Policies\System\CredSSP\Parameters";
const KERBEROS: &str =
    r"HKLM\SOFTWARE\Microsoft\Windows\CurrentVersion\Policies\System\Kerberos\Parameters";
const LSA: &str = r"HKLM\SYSTEM\CurrentControlSet\Control\Lsa";
const NTLM: &str = r"HKLM\SYSTEM\CurrentControlSet\Control\Lsa\MSV1_0";
const NETLOGON: &str = r"HKLM\SYSTEM\CurrentControlSet\Services\Netlogon\Parameters";

pub(super) static CHECKS: &[Check] = &[
    Check::host("H095", &[Value(CREDSSP, "AllowEncryptionOracle")]).feeds(&["host.credssp-policy"]),
    Check::host("H096", &[File(r"%SystemRoot%\System32\tspkg.dll")])
        .feeds(&["host.credssp-policy"]),
    Check::host("H097", &[Value(LSA, "disabledomaincreds")])
        .feeds(&["host.credssp-policy"])
        .beside(),
    Check::host("H098", &[Events("System", "NETLOGON", &[3210, 5719])])
        .feeds(&["nla.trust-broken", "nla.no-logon-servers"]),
    Check::host("H099", &[Value(LSA, "DisableRestrictedAdmin")])
        .feeds(&["host.credssp-policy"])
        .beside(),
    Check::host(
        "H100",
        &[
            Value(NTLM, "RestrictReceivingNTLMTraffic"),
            Value(NTLM, "AuditReceivingNTLMTraffic"),
            Value(NETLOGON, "RestrictNTLMInDomain"),
            Value(NETLOGON, "DCAllowedNTLMServers"),
        ],
    )
    .feeds(&["host.ntlm-policy"]),
    Check::host("H101", &[Value(LSA, "LmCompatibilityLevel")])
        .feeds(&["host.ntlm-policy"])
        .beside(),
    Check::host(
        "H102",
        &[Value(KERBEROS, "SupportedEncryptionTypes"), Value(KERBEROS, "MaxTokenSize")],
    )
    .feeds(&["host.kerberos-policy"]),
    Check::host("H104", &[Value(LSA, "CrashOnAuditFail")]).feeds(&["host.user-not-permitted"]),
    Check::host("H105", &[Value(LSA, "LimitBlankPasswordUse"), Accounts])
        .feeds(&["host.account-unusable"])
        .beside(),
    Check::host("H106", &[Accounts]).feeds(&["host.account-unusable"]),
];

pub(super) static LEFT_OUT: &[LeftOut] = &[
    LeftOut {
        row: "H103",
        why: "service principal names stand in the directory, not on the host; check -u shows what \
              the domain controller says to the name",
    },
    LeftOut {
        row: "H107",
        why: "no interface tells whether the password of a Microsoft or Entra account is kept on \
              the host",
    },
];
