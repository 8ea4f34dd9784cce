//! A policy keeps the host from using UDP.

use rdpdoctor_model::{CauseId, Stage};

use crate::machine::{Machine, POLICY};
use crate::machine_facts::{Point, matched, number};
use crate::{Cause, Evidence, Match, Owner, Proof, Remedy, Reproduction, Risk, Severity, Where};

/// `host.udp-policy`
pub static CAUSE: Cause = Cause {
    id: CauseId("host.udp-policy"),
    stage: Stage::Host,
    owner: Owner::Host,
    title: "A policy lets {host} use TCP only",
    explanation: "Remote Desktop connects by TCP and adds UDP where that passes, which feels faster on a lossy path. A policy keeps the host from it. Sessions work; the policy is also what people set when UDP breaks on the way.",
    excludes: &[],
    remedies: &[Remedy {
        id: "leave-the-choice-to-both-ends",
        place: Where::Policy,
        risk: Risk::Low,
        title: "Where nobody needs it any more, set the policy to Not Configured",
        steps: &[
            "Computer Configuration, Administrative Templates, Windows Components, Remote Desktop Services, Remote Desktop Session Host, Connections: Select RDP transport protocols",
            "PS> gpupdate /target:computer",
        ],
        interrupts: "nothing; it counts from the next session",
        undo: &["Set the policy back to Use only TCP"],
        verify: "rdpdoctor check {target} shows an answer by UDP",
    }],
    references: &[
        "https://learn.microsoft.com/en-us/windows/client-management/mdm/policy-csp-admx-terminalserver",
        "MS-RDPEMT 1.3",
    ],
    client_shows: &[],
    more_specific_than: &[],
    reproduction: Reproduction::Test("facts_of_broken_hosts"),
    next_tests: &[],
    rule,
};

/// SelectTransport: 0 both, 1 TCP only, 2 either.
const TCP_ONLY: u64 = 1;

fn rule(evidence: &Evidence<'_>) -> Option<Match> {
    let host = Machine::host(evidence);
    let (setting, _) =
        number(&host, POLICY, "SelectTransport").filter(|(_, transport)| *transport == TCP_ONLY)?;
    let words = "SelectTransport is 1.";
    let title = CAUSE.title;
    matched(vec![Point::of_setting(Severity::Info, Proof::Proven, &setting, title, words)])
}

#[cfg(test)]
mod tests {
    use rdpdoctor_model::{Lookup, Stage};

    use super::{CAUSE, POLICY};
    use crate::Severity;
    use crate::testing::Scene;

    #[test]
    fn tcp_only_and_the_other_choices() {
        let found = |transport| {
            let scene = Scene::new().host_number(POLICY, "SelectTransport", transport);
            scene.judge(&CAUSE).map(|found| found.severity)
        };
        assert_eq!(found(Some(1)), Some(Severity::Info));
        assert_eq!((found(Some(0)), found(Some(2)), found(None)), (None, None, None));
        let unread = Lookup::unavailable("access denied");
        let scene = Scene::new().machine_value(Stage::Host, POLICY, "SelectTransport", unread);
        assert_eq!(scene.judge(&CAUSE), None);
    }
}
