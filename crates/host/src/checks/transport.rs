//! UDP, the path below it, and the farm that the host belongs to.

use crate::question::{
    Check, LeftOut,
    Question::{Events, Value},
};

const POLICY: &str = r"HKLM\SOFTWARE\Policies\Microsoft\Windows NT\Terminal Services";
const CLIENT_POLICY: &str = r"HKLM\SOFTWARE\Policies\Microsoft\Windows NT\Terminal Services\Client";
const CLIENT: &str = r"HKLM\SOFTWARE\Microsoft\Terminal Server Client";
const CLUSTER: &str = r"HKLM\SYSTEM\CurrentControlSet\Control\Terminal Server\ClusterSettings";
const BROKER: &str = "Microsoft-Windows-TerminalServices-SessionBroker";
const BROKER_CLIENT: &str = "Microsoft-Windows-TerminalServices-SessionBroker-Client";

pub(super) static CHECKS: &[Check] = &[
    Check::host("H160", &[Value(POLICY, "SelectTransport")]).feeds(&["host.udp-policy"]).beside(),
    Check::client(
        "C161",
        &[Value(CLIENT_POLICY, "fClientDisableUDP"), Value(CLIENT, "DisableUDPTransport")],
    )
    .feeds(&["client.udp-policy"])
    .beside(),
    Check::host(
        "H200",
        &[
            Value(POLICY, "SessionDirectoryActive"),
            Value(POLICY, "SessionDirectoryLocation"),
            Value(CLUSTER, "SessionDirectoryActive"),
            Value(CLUSTER, "SessionDirectoryLocation"),
            Value(CLUSTER, "SessionDirectoryClusterName"),
            Value(CLUSTER, "ParticipateInLoadBalancing"),
        ],
    )
    .feeds(&["host.farm-settings"])
    .beside(),
    Check::host(
        "H201",
        &[
            Events("Microsoft-Windows-TerminalServices-SessionBroker/Operational", BROKER, &[2056]),
            Events(
                "Microsoft-Windows-TerminalServices-SessionBroker-Client/Operational",
                BROKER_CLIENT,
                &[1296],
            ),
        ],
    )
    .feeds(&["session.broker-redirect-failed"]),
];

pub(super) static LEFT_OUT: &[LeftOut] = &[
    LeftOut {
        row: "H162",
        why: "an MTU that was set by hand says nothing without the path; check measures the path",
    },
    LeftOut {
        row: "H163",
        why: "it takes both ends; check tries both address families and the resolver",
    },
    LeftOut {
        row: "H202",
        why: "the roles' certificates stand in the broker's database, not on the host that is asked",
    },
];
