//! Whether Remote Desktop is switched on, and for whom.

use crate::question::{Check, Question::Value};

const SERVER: &str = r"HKLM\SYSTEM\CurrentControlSet\Control\Terminal Server";
const POLICY: &str = r"HKLM\SOFTWARE\Policies\Microsoft\Windows NT\Terminal Services";

pub(super) static CHECKS: &[Check] = &[
    Check::host("H040", &[Value(SERVER, "fDenyTSConnections")]),
    Check::host("H041", &[Value(POLICY, "fDenyTSConnections")]),
];
