//! Whether Remote Desktop is switched on, and for whom.

use crate::question::{Check, LeftOut, Question::Value};

const SERVER: &str = r"HKLM\SYSTEM\CurrentControlSet\Control\Terminal Server";
const POLICY: &str = r"HKLM\SOFTWARE\Policies\Microsoft\Windows NT\Terminal Services";

pub(super) static LEFT_OUT: &[LeftOut] = &[];

pub(super) static CHECKS: &[Check] = &[
    Check::host("H040", &[Value(SERVER, "fDenyTSConnections")]).feeds(&["host.rdp-disabled"]),
    Check::host("H041", &[Value(POLICY, "fDenyTSConnections")]).feeds(&["host.rdp-disabled"]),
];
