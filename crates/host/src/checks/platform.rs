//! The machine itself: edition, updates, disk, clock, power, adapters.

use crate::question::Question::{
    Adapters, Clock, Events, Power, Subkeys, Updates, Value, ValueOfEach, Volumes,
};
use crate::question::{Check, LeftOut};

const WINDOWS: &str = r"HKLM\SOFTWARE\Microsoft\Windows NT\CurrentVersion";
const PROFILES: &str = r"HKLM\SOFTWARE\Microsoft\Windows NT\CurrentVersion\ProfileList";
/// Network adapters.
const ADAPTERS: &str =
    r"HKLM\SYSTEM\CurrentControlSet\Control\Class\{4d36e972-e325-11ce-bfc1-08002be10318}";

pub(super) static LEFT_OUT: &[LeftOut] = &[
    LeftOut {
        row: "H005",
        why: "a large hive makes sign-ins slow; no cause of a failed connection follows from its size",
    },
    LeftOut {
        row: "H006",
        why: "thousands of firewall rules make sign-ins slow; their number is read with H140, and no cause follows from it",
    },
    LeftOut {
        row: "H009",
        why: "a leak is a growth: one look at a running host does not show it; `watch` sees what it leads to",
    },
    LeftOut {
        row: "H013",
        why: "a host without an address is seen from outside (net.host-unreachable); its adapters are read with H146",
    },
    LeftOut {
        row: "H015",
        why: "a cloud's rules stand outside the guest; `read` judges their listing (cloud.rule-blocks)",
    },
];

pub(super) static CHECKS: &[Check] = &[
    Check::host("H001", &[Value(WINDOWS, "EditionID"), Value(WINDOWS, "InstallationType")])
        .feeds(&["host.edition-unsupported", "host.session-limit"]),
    Check::host(
        "H002",
        &[
            Subkeys(
                r"HKLM\SOFTWARE\Microsoft\Windows\CurrentVersion\Component Based Servicing\RebootPending",
            ),
            Subkeys(
                r"HKLM\SOFTWARE\Microsoft\Windows\CurrentVersion\WindowsUpdate\Auto Update\RebootRequired",
            ),
        ],
    )
    .beside()
    .feeds(&["host.pending-reboot"]),
    Check::host(
        "H003",
        &[
            Value(WINDOWS, "CurrentBuildNumber"),
            Value(WINDOWS, "UBR"),
            Value(WINDOWS, "DisplayVersion"),
            Value(WINDOWS, "ProductName"),
            Updates,
        ],
    )
    .beside()
    .feeds(&["host.update-regression", "host.tls-disabled", "host.cipher-policy"]),
    Check::host(
        "H004",
        &[Volumes, Value(WINDOWS, "SystemRoot"), Value(PROFILES, "ProfilesDirectory")],
    )
    .beside()
    .feeds(&["host.disk-full"]),
    Check::host("H007", &[Clock]).beside().feeds(&["host.clock-skew"]),
    Check::host("H008", &[Events("System", "NETLOGON", &[5719])])
        .beside()
        .feeds(&["nla.no-logon-servers"]),
    Check::host(
        "H010",
        &[Events(
            "Microsoft-Windows-RemoteDesktopServices-RdpCoreTS/Operational",
            "Microsoft-Windows-RemoteDesktopServices-RdpCoreTS",
            &[140],
        )],
    )
    .beside()
    .feeds(&["nla.credentials-rejected"]),
    Check::host("H011", &[Power]).beside().feeds(&["host.sleeps"]),
    Check::host("H012", &[ValueOfEach(ADAPTERS, "PnPCapabilities"), Adapters])
        .beside()
        .feeds(&["host.nic-power-saving"]),
    Check::host("H014", &[Events("System", "LsaSrv", &[6167])])
        .beside()
        .feeds(&["host.update-regression"]),
];
