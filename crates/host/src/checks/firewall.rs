//! The firewall of Windows, the kind of network, and other programs' filters.

use crate::question::Question::{Adapters, FirewallRules, Subkeys, Value};
use crate::question::{Check, LeftOut};

const DOMAIN: &str =
    r"HKLM\SYSTEM\CurrentControlSet\Services\SharedAccess\Parameters\FirewallPolicy\DomainProfile";
const PRIVATE: &str = r"HKLM\SYSTEM\CurrentControlSet\Services\SharedAccess\Parameters\FirewallPolicy\StandardProfile";
const PUBLIC: &str =
    r"HKLM\SYSTEM\CurrentControlSet\Services\SharedAccess\Parameters\FirewallPolicy\PublicProfile";
const POLICY_DOMAIN: &str = r"HKLM\SOFTWARE\Policies\Microsoft\WindowsFirewall\DomainProfile";
const POLICY_PRIVATE: &str = r"HKLM\SOFTWARE\Policies\Microsoft\WindowsFirewall\PrivateProfile";
const POLICY_PUBLIC: &str = r"HKLM\SOFTWARE\Policies\Microsoft\WindowsFirewall\PublicProfile";

/// The causes that the firewall's settings and rules decide.
const BLOCKS: &[&str] = &["host.firewall-blocks", "host.network-public"];

pub(super) static LEFT_OUT: &[LeftOut] = &[
    LeftOut {
        row: "H141",
        why: "without UDP the connection goes by TCP; whether UDP passes the check itself asks (udp.blocked)",
    },
    LeftOut {
        row: "H148",
        why: "dropped packets are written down only while somebody audits them; `read` judges such a log",
    },
    LeftOut {
        row: "H151",
        why: "whether a rule for IPsec fits an end follows from both ends' keys and policies, which are not read",
    },
];

pub(super) static CHECKS: &[Check] = &[
    Check::host("H140", &[FirewallRules]).feeds(BLOCKS),
    Check::host("H142", &[FirewallRules]).feeds(BLOCKS),
    Check::host(
        "H143",
        &[
            Value(DOMAIN, "EnableFirewall"),
            Value(DOMAIN, "DoNotAllowExceptions"),
            Value(DOMAIN, "DefaultInboundAction"),
            Value(PRIVATE, "EnableFirewall"),
            Value(PRIVATE, "DoNotAllowExceptions"),
            Value(PRIVATE, "DefaultInboundAction"),
            Value(PUBLIC, "EnableFirewall"),
            Value(PUBLIC, "DoNotAllowExceptions"),
            Value(PUBLIC, "DefaultInboundAction"),
        ],
    )
    .feeds(BLOCKS),
    Check::host(
        "H144",
        &[
            Value(POLICY_DOMAIN, "EnableFirewall"),
            Value(POLICY_DOMAIN, "DoNotAllowExceptions"),
            Value(POLICY_DOMAIN, "DefaultInboundAction"),
            Value(POLICY_DOMAIN, "AllowLocalPolicyMerge"),
            Value(POLICY_PRIVATE, "EnableFirewall"),
            Value(POLICY_PRIVATE, "DoNotAllowExceptions"),
            Value(POLICY_PRIVATE, "DefaultInboundAction"),
            Value(POLICY_PRIVATE, "AllowLocalPolicyMerge"),
            Value(POLICY_PUBLIC, "EnableFirewall"),
            Value(POLICY_PUBLIC, "DoNotAllowExceptions"),
            Value(POLICY_PUBLIC, "DefaultInboundAction"),
            Value(POLICY_PUBLIC, "AllowLocalPolicyMerge"),
        ],
    )
    .feeds(BLOCKS),
    Check::host("H145", &[FirewallRules]).feeds(BLOCKS),
    Check::host("H146", &[Adapters]).feeds(BLOCKS),
    Check::host("H147", &[FirewallRules]).feeds(BLOCKS),
    Check::host("H149", &[Subkeys(r"HKLM\SYSTEM\CurrentControlSet\Services")])
        .beside()
        .feeds(&["host.third-party-filter"]),
    Check::host("H150", &[Subkeys(r"HKLM\SYSTEM\CurrentControlSet\Services")])
        .beside()
        .feeds(&["host.third-party-filter"]),
];
