//! What stands between a sign-in that worked and a desktop.

use crate::question::{
    Check, LeftOut,
    Question::{Events, Profiles, Sessions, Subkeys, Value, ValueOfEach, Values},
};

use super::regression::VERSION;

const LISTENER: &str = r"HKLM\SYSTEM\CurrentControlSet\Control\Terminal Server\WinStations\RDP-Tcp";
const POLICY: &str = r"HKLM\SOFTWARE\Policies\Microsoft\Windows NT\Terminal Services";
const WINLOGON: &str = r"HKLM\SOFTWARE\Microsoft\Windows NT\CurrentVersion\Winlogon";
const RESTRICTIONS: &str = r"HKLM\SOFTWARE\Policies\Microsoft\Windows\DeviceInstall\Restrictions";
const DENIED_CLASSES: &str =
    r"HKLM\SOFTWARE\Policies\Microsoft\Windows\DeviceInstall\Restrictions\DenyDeviceClasses";
const INPUT_DRIVERS: &str = r"HKLM\SYSTEM\DriverDatabase\DeviceIds\TS_INPT";
const FILTERS: &str =
    r"HKLM\SOFTWARE\Microsoft\Windows\CurrentVersion\Authentication\Credential Provider Filters";
const SERVER: &str = r"HKLM\SYSTEM\CurrentControlSet\Control\Terminal Server";
const SESSIONS: &str = "Microsoft-Windows-TerminalServices-LocalSessionManager";

pub(super) static CHECKS: &[Check] = &[
    Check::host("H130", &[Profiles]).feeds(&["host.profile-corrupt"]),
    Check::host("H131", &[Profiles]).feeds(&["host.profile-corrupt"]),
    Check::host(
        "H132",
        &[
            Profiles,
            Events("Application", "Microsoft-Windows-User Profiles Service", &[1500, 1502, 1508]),
        ],
    )
    .feeds(&["host.profile-corrupt", "session.profile-load-failed"]),
    Check::host(
        "H133",
        &[
            Value(WINLOGON, "Shell"),
            Value(WINLOGON, "ShellAppRuntime"),
            Value(WINLOGON, "Userinit"),
        ],
    )
    .feeds(&["host.shell-replaced"]),
    Check::host(
        "H134",
        &[
            Value(RESTRICTIONS, "DenyUnspecified"),
            Value(RESTRICTIONS, "DenyDeviceClasses"),
            Values(DENIED_CLASSES),
        ],
    )
    .feeds(&["host.input-devices-blocked"]),
    Check::host("H135", &[Subkeys(INPUT_DRIVERS)]).feeds(&["host.input-devices-blocked"]),
    Check::host(
        "H136",
        &[
            Value(POLICY, "AVCHardwareEncodePreferred"),
            Value(POLICY, "bEnumerateHWBeforeSW"),
            Value(POLICY, "fEnableWddmDriver"),
        ],
    )
    .feeds(&["host.graphics-policy"])
    .beside(),
    Check::host(
        "H137",
        &[
            Sessions,
            Value(VERSION, "InstallationType"),
            Value(SERVER, "TSAppCompat"),
            Value(POLICY, "MaxDisconnectionTime"),
            Value(LISTENER, "MaxDisconnectionTime"),
            Value(LISTENER, "fInheritMaxDisconnectionTime"),
            Events(
                "Microsoft-Windows-TerminalServices-LocalSessionManager/Operational",
                SESSIONS,
                &[23, 39, 40],
            ),
        ],
    )
    .feeds(&["host.session-stuck"]),
    Check::host("H138", &[ValueOfEach(FILTERS, "")]).feeds(&["host.sign-in-agent"]).beside(),
];

pub(super) static LEFT_OUT: &[LeftOut] = &[];
