//! The services that Remote Desktop is, and those it needs.

use crate::question::Question::{Events, Service, Value};
use crate::question::{Check, LeftOut};

const PARAMETERS: &str = r"HKLM\SYSTEM\CurrentControlSet\Services\TermService\Parameters";

/// What the service control manager writes about services that did not start, hung or crashed.
const FAILED: &[u32] = &[7000, 7001, 7009, 7011, 7022, 7023, 7024, 7031, 7034];

pub(super) static LEFT_OUT: &[LeftOut] = &[
    LeftOut {
        row: "H022",
        why: "in a process of its own or shared, both are in order; which neighbour crashed it the events say (H031)",
    },
    LeftOut {
        row: "H024",
        why: "a file keeps the version of the update that last changed it, so files of healthy hosts differ as well",
    },
    LeftOut {
        row: "H033",
        why: "the audio service looks the same whether or not it holds a connection up",
    },
];

pub(super) static CHECKS: &[Check] = &[
    Check::host("H020", &[Service("TermService")]).feeds(&[
        "host.service-disabled",
        "host.service-stopped",
        "host.service-hung",
        "host.listener-missing",
        "host.port-taken",
    ]),
    // Its account stands among what is asked of a service.
    Check::host("H021", &[Service("TermService")]).feeds(&["host.service-stopped"]),
    Check::host("H023", &[Value(PARAMETERS, "ServiceDll")])
        .beside()
        .feeds(&["host.third-party-filter"]),
    Check::host("H025", &[Service("UmRdpService")]).beside().feeds(&["host.service-disabled"]),
    Check::host("H026", &[Service("SessionEnv")]).feeds(&[
        "host.service-disabled",
        "host.certificate-expired",
        "host.certificate-key-missing",
    ]),
    Check::host("H027", &[Service("CertPropSvc")]).beside().feeds(&["host.service-disabled"]),
    Check::host("H028", &[Service("KeyIso")]).feeds(&["host.service-disabled"]),
    Check::host("H029", &[Service("CryptSvc")])
        .beside()
        .feeds(&["host.service-disabled", "host.service-stopped"]),
    Check::host("H030", &[Service("RpcSs")]).beside().feeds(&["host.service-disabled"]),
    Check::host("H031", &[Events("System", "Service Control Manager", FAILED)])
        .beside()
        .feeds(&["host.service-stopped", "host.service-hung"]),
    Check::host("H032", &[Service("MpsSvc"), Service("BFE")]).feeds(&[
        "host.service-disabled",
        "host.service-stopped",
        "host.firewall-blocks",
        "host.network-public",
    ]),
    Check::host(
        "H034",
        &[
            Service("Netlogon"),
            Value(r"HKLM\SYSTEM\CurrentControlSet\Services\Tcpip\Parameters", "Domain"),
        ],
    )
    .beside()
    .feeds(&["host.service-disabled", "host.service-stopped"]),
    Check::host("H035", &[Events("System", "Service Control Manager", &[7011])])
        .beside()
        .feeds(&["host.service-hung"]),
];
