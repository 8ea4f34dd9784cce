//! Causes of RDP over UDP, which Windows tries beside TCP: without it a session works, less well.

use rdpdoctor_model::{Fact, UdpReply};

use crate::{Evidence, Remedy, Risk, Seen, Where};

pub mod blocked;
pub mod cookie_unanswered;
pub mod unstable;

/// uUdpVer of version 3, whose SYN shows a session's cookie (MS-RDPEUDP 2.2.2.9).
const VERSION_3: u16 = 0x0101;

/// Fewer datagrams, or less time, than this decide nothing.
const FEWEST_TRIES: u32 = 3;
const LEAST_MS: f64 = 1000.0;

/// What became of the SYNs of one handshake: how many were sent, for how long, and what came.
#[derive(Debug, Clone, Copy)]
struct Probe<'a> {
    with_cookie: bool,
    tries: u32,
    elapsed_ms: f64,
    reply: &'a UdpReply,
}

impl Probe<'_> {
    /// Nothing came, and it was waited for long enough.
    fn is_silent(self) -> bool {
        *self.reply == UdpReply::Silence
            && self.tries >= FEWEST_TRIES
            && self.elapsed_ms >= LEAST_MS
    }

    /// Something came by UDP.
    fn is_answered(self) -> bool {
        matches!(self.reply, UdpReply::SynAck { .. } | UdpReply::Malformed { .. })
    }

    fn datagrams(self) -> String {
        let cookie = if self.with_cookie { " with the session's cookie" } else { "" };
        format!("{} datagrams{cookie} in {:.1} s", self.tries, self.elapsed_ms / 1000.0)
    }
}

/// All handshakes: with a session's cookie, and without one.
fn probes<'a>(evidence: &Evidence<'a>) -> Vec<Seen<'a, Probe<'a>>> {
    evidence.all(|fact| match fact {
        Fact::UdpProbe { offered, tries, reply, elapsed_ms, .. } => {
            let with_cookie = *offered == Some(VERSION_3);
            Some(Probe { with_cookie, tries: *tries, elapsed_ms: *elapsed_ms, reply })
        }
        _ => None,
    })
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

#[cfg(test)]
mod tests {
    use rdpdoctor_model::{Stage, StageOutcome};

    use super::*;
    use crate::testing::Scene;
    use crate::{StageStatus, diagnose};

    /// A handshake that nobody waited for says nothing, about the stage either.
    #[test]
    fn what_one_handshake_came_to_is_not_hidden_by_another() {
        let answer =
            UdpReply::SynAck { version: Some(2), upstream_mtu: 1232, downstream_mtu: 1232 };
        let ended = |scene: Scene, outcome| {
            let fact = Fact::StageEnded { outcome, reason: None, elapsed_ms: 1.0 };
            scene.fact(Stage::Udp, fact)
        };
        let status = |scene: Scene| {
            let stages = diagnose(&scene.evidence()).stages;
            stages.into_iter().find(|stage| stage.stage == Stage::Udp).map(|stage| stage.status)
        };
        let first = || ended(Scene::negotiated(1).udp(1, answer.clone()), StageOutcome::Passed);
        let cut = |scene: Scene| {
            ended(scene.udp_offered(VERSION_3, 1, UdpReply::NotAwaited), StageOutcome::Skipped)
        };
        assert_eq!(status(first()), Some(StageStatus::Ok));
        assert_eq!(status(cut(first())), Some(StageStatus::Ok));
        assert_eq!(status(cut(Scene::negotiated(1))), Some(StageStatus::Skipped));
    }
}
