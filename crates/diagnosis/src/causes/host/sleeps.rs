//! The host goes to sleep.

use rdpdoctor_model::{CauseId, Fact, Stage};

use crate::machine::Machine;
use crate::{Cause, Evidence, Match, Owner, Proof, Remedy, Reproduction, Risk, Severity, Where};

/// `host.sleeps`
pub static CAUSE: Cause = Cause {
    id: CauseId("host.sleeps"),
    stage: Stage::Host,
    owner: Owner::Host,
    title: "{host} goes to sleep by itself, and cannot be reached while it does",
    explanation: "Its power plan puts it to sleep, or hibernates it, after a while without a user. A sleeping machine answers nothing at all. Who finds it reachable at some times and silent at others has this.",
    excludes: &["password, account, licence, certificate"],
    remedies: &[Remedy {
        id: "keep-it-awake",
        place: Where::Host,
        risk: Risk::Low,
        title: "Keep it awake while it is on mains power",
        steps: &[
            "PS> powercfg /query SCHEME_CURRENT SUB_SLEEP   (note the values that are there)",
            "PS> powercfg /change standby-timeout-ac 0",
            "PS> powercfg /change hibernate-timeout-ac 0",
        ],
        interrupts: "nothing; it needs more power",
        undo: &[
            "PS> powercfg /change standby-timeout-ac <minutes>",
            "PS> powercfg /change hibernate-timeout-ac <minutes>",
        ],
        verify: "rdpdoctor watch {target} shows no silence over an idle evening",
    }],
    references: &[
        "https://learn.microsoft.com/en-us/windows-hardware/design/device-experiences/powercfg-command-line-options",
        "https://learn.microsoft.com/en-us/troubleshoot/windows-server/remote/troubleshoot-remote-desktop-disconnected-errors",
    ],
    client_shows: &[],
    more_specific_than: &[],
    reproduction: Reproduction::Test("host_facts"),
    next_tests: &[],
    rule,
};

/// It is reachable now, and will not be later: a warning. It explains no silence that was seen, since
/// a machine that sleeps tells nobody its facts.
fn rule(evidence: &Evidence<'_>) -> Option<Match> {
    let plan = Machine::host(evidence).last(|fact| match fact {
        Fact::PowerPlan { sleep_after, hibernate_after } => Some((sleep_after, hibernate_after)),
        _ => None,
    })?;
    let after = |seconds: Option<&u32>, what: &str| {
        let minutes = seconds.filter(|seconds| **seconds > 0)?.div_ceil(60);
        Some(format!("it {what} after {minutes} minutes"))
    };
    let (sleep, hibernate) = plan.value;
    let words: Vec<String> =
        [after(sleep.as_seen(), "sleeps"), after(hibernate.as_seen(), "hibernates")]
            .into_iter()
            .flatten()
            .collect();
    (!words.is_empty()).then(|| {
        Match::new(Severity::Warning, Proof::Proven, [plan.id()])
            .detailed(format!("On mains power {}.", words.join(", ")))
    })
}

#[cfg(test)]
mod tests {
    use rdpdoctor_model::{Fact, Lookup, Stage};

    use super::CAUSE;
    use crate::testing::Scene;
    use crate::{Proof, Severity};

    #[test]
    fn asleep_after_a_while_never_and_unread() {
        let judged = |sleep_after, hibernate_after| {
            let plan = Fact::PowerPlan { sleep_after, hibernate_after };
            Scene::new().fact(Stage::Host, plan).judge(&CAUSE).map(|m| (m.severity, m.proof))
        };
        let proven = Some((Severity::Warning, Proof::Proven));
        assert_eq!(judged(Lookup::seen(1800), Lookup::Absent), proven);
        assert_eq!(judged(Lookup::Absent, Lookup::seen(10_800)), proven);
        assert_eq!(judged(Lookup::seen(0), Lookup::Absent), None);
        assert_eq!(judged(Lookup::Absent, Lookup::Absent), None);
        let unread = || Lookup::unavailable("not read");
        assert_eq!(judged(unread(), unread()), None);
    }
}
