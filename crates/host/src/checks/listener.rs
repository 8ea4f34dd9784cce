//! The listener: whether it is there, on which port, and whom it takes.

use crate::question::Question::{Listeners, Subkeys, Value};
use crate::question::{Check, LeftOut};

const SERVER: &str = r"HKLM\SYSTEM\CurrentControlSet\Control\Terminal Server";
const LISTENER: &str = r"HKLM\SYSTEM\CurrentControlSet\Control\Terminal Server\WinStations\RDP-Tcp";
const POLICY: &str = r"HKLM\SOFTWARE\Policies\Microsoft\Windows NT\Terminal Services";

pub(super) static LEFT_OUT: &[LeftOut] = &[
    LeftOut {
        row: "H059",
        why: "a start program is meant where it is set; whether it ends the session at once the check sees (session.ended-by-user)",
    },
    LeftOut {
        row: "H060",
        why: "whether a dead link leaves a session behind shows in the sessions themselves",
    },
    LeftOut {
        row: "H061",
        why: "it decides only whether a client that lost its connection may come back by itself",
    },
    LeftOut {
        row: "H063",
        why: "it makes a sign-in ask the domain controller once more; it decides nothing by itself",
    },
    LeftOut {
        row: "H065",
        why: "its rights are those of window stations in binary form, and absent where they are the usual ones; who may sign in is judged by groups and rights",
    },
];

pub(super) static CHECKS: &[Check] = &[
    Check::host("H050", &[Subkeys(LISTENER)]).feeds(&["host.listener-missing"]),
    Check::host("H051", &[Value(LISTENER, "fEnableWinStation")]).feeds(&["host.rdp-disabled"]),
    Check::host("H052", &[Listeners]).feeds(&[
        "host.listener-missing",
        "host.service-hung",
        "host.edition-unsupported",
    ]),
    Check::host("H053", &[Value(LISTENER, "PortNumber")]).feeds(&[
        "host.port-changed",
        "host.firewall-blocks",
        "host.network-public",
    ]),
    Check::host("H054", &[Listeners]).feeds(&["host.port-taken"]),
    Check::host("H055", &[Value(LISTENER, "LanAdapter")])
        .beside()
        .feeds(&["host.listener-missing"]),
    Check::host(
        "H056",
        &[
            Value(LISTENER, "LoadableProtocol_Object"),
            Value(LISTENER, "CitrixBackupRdpTcpLoadableProtocolObject"),
        ],
    )
    .beside()
    .feeds(&["host.third-party-filter"]),
    Check::host("H057", &[Value(LISTENER, "MaxInstanceCount"), Value(POLICY, "MaxInstanceCount")])
        .feeds(&["host.session-limit"]),
    Check::host("H058", &[Value(SERVER, "MaxOutstandingConnections")])
        .beside()
        .feeds(&["host.session-limit"]),
    Check::host("H062", &[Value(POLICY, "MaxIdleTime"), Value(POLICY, "MaxConnectionTime")])
        .beside()
        .feeds(&["host.session-limit"]),
    Check::host("H064", &[Value(LISTENER, "fAllowSecProtocolNegotiation")])
        .beside()
        .feeds(&["host.security-layer"]),
];
