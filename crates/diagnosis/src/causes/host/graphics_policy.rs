//! A policy decides how a session's picture is made.

use rdpdoctor_model::{CauseId, Stage};

use crate::machine::{Machine, POLICY};
use crate::machine_facts::{Point, matched, number};
use crate::{Cause, Evidence, Match, Owner, Proof, Remedy, Reproduction, Risk, Severity, Where};

/// `host.graphics-policy`
pub static CAUSE: Cause = Cause {
    id: CauseId("host.graphics-policy"),
    stage: Stage::Host,
    owner: Owner::Host,
    title: "A policy of {host} puts the graphics card to work in sessions",
    explanation: "Sessions can be drawn and encoded by the graphics card. With some drivers that ends in a black picture or a session that ends at once. Policies of this host have it so; that is no fault by itself.",
    excludes: &[],
    remedies: &[Remedy {
        id: "try-without-the-card",
        place: Where::Policy,
        risk: Risk::Low,
        title: "If sessions are black, try without the graphics card, and update its driver",
        steps: &[
            "Computer Configuration, Administrative Templates, Windows Components, Remote Desktop Services, Remote Desktop Session Host, Remote Session Environment: set to Disabled what concerns hardware graphics adapters and H.264/AVC hardware encoding",
            "PS> gpupdate /target:computer",
        ],
        interrupts: "nothing; it counts from the next session",
        undo: &["Set the policies back to what they were"],
        verify: "rdpdoctor check {target} -u <user> --desktop picture.png shows the desktop",
    }],
    references: &[
        "https://learn.microsoft.com/en-us/windows/client-management/mdm/policy-csp-admx-terminalserver",
    ],
    client_shows: &[],
    more_specific_than: &[],
    reproduction: Reproduction::Test("facts_of_broken_hosts"),
    next_tests: &[],
    rule,
};

fn rule(evidence: &Evidence<'_>) -> Option<Match> {
    let host = Machine::host(evidence);
    let names = ["AVCHardwareEncodePreferred", "bEnumerateHWBeforeSW", "fEnableWddmDriver"];
    let points = names.iter().filter_map(|name| {
        let (setting, _) = number(&host, POLICY, name).filter(|(_, set)| *set != 0)?;
        let words = format!("{name} is set.");
        let title = CAUSE.title;
        Some(Point::of_setting(Severity::Info, Proof::Proven, &setting, title, &words))
    });
    matched(points.collect())
}

#[cfg(test)]
mod tests {
    use super::{CAUSE, POLICY};
    use crate::Severity;
    use crate::testing::Scene;

    #[test]
    fn set_and_not_set() {
        let found = |n| {
            let scene = Scene::new().host_number(POLICY, "bEnumerateHWBeforeSW", n);
            scene.judge(&CAUSE).map(|found| found.severity)
        };
        assert_eq!(found(Some(1)), Some(Severity::Info));
        assert_eq!((found(Some(0)), found(None)), (None, None));
    }
}
