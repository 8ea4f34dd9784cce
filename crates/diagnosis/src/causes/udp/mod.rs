//! Causes of RDP over UDP, which Windows tries beside TCP: without it a session works, less well.

use rdpdoctor_model::{Fact, UdpReply};

use crate::{Evidence, Remedy, Risk, Seen, Where};

pub mod blocked;
pub mod unstable;

/// What became of the SYN: how many were sent, for how long, and what came.
fn probe<'a>(evidence: &Evidence<'a>) -> Option<Seen<'a, (u32, f64, &'a UdpReply)>> {
    evidence
        .all(|fact| match fact {
            Fact::UdpProbe { tries, reply, elapsed_ms, .. } => Some((*tries, *elapsed_ms, reply)),
            _ => None,
        })
        .pop()
}

/// The client does without UDP, by policy.
const DO_WITHOUT: Remedy = Remedy {
    id: "switch-udp-off-at-the-client",
    place: Where::Policy,
    risk: Risk::Low,
    title: "Where nobody can open it, let the client do without UDP",
    steps: &[
        "Group policy: Remote Desktop Connection Client, 'Turn Off UDP On Client', enabled; it sets:",
        "PS> reg add 'HKLM\\SOFTWARE\\Policies\\Microsoft\\Windows NT\\Terminal Services\\Client' /v fClientDisableUDP /t REG_DWORD /d 1 /f",
        "Connect anew.",
    ],
    interrupts: "nothing; sessions that are open go on as they are",
    undo: &[
        "PS> reg delete 'HKLM\\SOFTWARE\\Policies\\Microsoft\\Windows NT\\Terminal Services\\Client' /v fClientDisableUDP /f",
    ],
    verify: "a session in Remote Desktop Connection shows that UDP is not enabled, and does not hang",
};
