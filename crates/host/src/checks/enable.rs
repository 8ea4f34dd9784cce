//! Whether Remote Desktop is switched on, and for whom.

use crate::question::Question::{Sessions, Value};
use crate::question::{Check, LeftOut};

const SERVER: &str = r"HKLM\SYSTEM\CurrentControlSet\Control\Terminal Server";
const LISTENER: &str = r"HKLM\SYSTEM\CurrentControlSet\Control\Terminal Server\WinStations\RDP-Tcp";
const POLICY: &str = r"HKLM\SOFTWARE\Policies\Microsoft\Windows NT\Terminal Services";

pub(super) static LEFT_OUT: &[LeftOut] = &[LeftOut {
    row: "H045",
    why: "both values are in order, and the sources disagree on which is healthy; what it leads to shows in the sessions",
}];

pub(super) static CHECKS: &[Check] = &[
    Check::host("H040", &[Value(SERVER, "fDenyTSConnections")]).feeds(&["host.rdp-disabled"]),
    Check::host("H041", &[Value(POLICY, "fDenyTSConnections")]).feeds(&["host.rdp-disabled"]),
    Check::host("H042", &[Value(SERVER, "TSEnabled")]).feeds(&["host.rdp-disabled"]),
    Check::host("H043", &[Value(SERVER, "TSUserEnabled")]).feeds(&["host.rdp-disabled"]),
    Check::host("H044", &[Value(SERVER, "TSServerDrainMode")]).feeds(&["host.draining"]),
    Check::host("H046", &[Sessions, Value(SERVER, "TSAppCompat")])
        .beside()
        .feeds(&["host.session-limit"]),
    Check::host("H047", &[Value(LISTENER, "fLogonDisabled")]).feeds(&["host.rdp-disabled"]),
];
