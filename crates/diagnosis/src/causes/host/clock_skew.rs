//! The host's clock is wrong.

use rdpdoctor_model::{CauseId, Fact, Stage};

use crate::host_view::leading;
use crate::machine::Machine;
use crate::{Cause, Evidence, Match, Owner, Proof, Remedy, Reproduction, Risk, Severity, Where};

/// Kerberos' usual tolerance (RFC 4120 7.5.8 leaves it to policy; Windows: 5 minutes).
const TOLERANCE_MS: u64 = 5 * 60 * 1000;

/// `host.clock-skew`
pub static CAUSE: Cause = Cause {
    id: CauseId("host.clock-skew"),
    stage: Stage::Host,
    owner: Owner::Host,
    title: "The clock of {host} is more than 5 minutes off",
    explanation: "Kerberos refuses sign-ins when clocks differ by more than five minutes, and certificates are judged by the wrong day. Virtual machines that were paused or restored, and machines that cannot reach their domain controller, drift.",
    excludes: &["network, licence"],
    remedies: &[Remedy {
        id: "set-the-clock",
        place: Where::Host,
        risk: Risk::Low,
        title: "Let Windows set its clock again",
        steps: &[
            "PS> w32tm /query /status",
            "PS> w32tm /resync /rediscover",
            "If the source does not answer: PS> Restart-Service w32time; w32tm /resync",
        ],
        interrupts: "nothing",
        undo: &["The clock's service goes on by itself; nothing to undo."],
        verify: "PS> w32tm /stripchart /computer:<domain controller> /samples:3 /dataonly",
    }],
    references: &[
        "RFC 4120 7.5.8",
        "https://learn.microsoft.com/en-us/troubleshoot/windows-server/remote/remote-desktop-cannot-verify-identity-connecting-remote-machine",
    ],
    client_shows: &[],
    more_specific_than: &[CauseId("nla.clock-skew")],
    reproduction: Reproduction::Test("host_facts"),
    next_tests: &[],
    rule,
};

fn rule(evidence: &Evidence<'_>) -> Option<Match> {
    let offset = Machine::host(evidence).last(|fact| match fact {
        Fact::ClockOffset { against, ahead_ms } => Some((against, *ahead_ms.as_seen()?)),
        _ => None,
    })?;
    let (against, ahead_ms) = offset.value;
    (ahead_ms.unsigned_abs() > TOLERANCE_MS).then(|| {
        let minutes = ahead_ms.unsigned_abs() / 60_000;
        let way = if ahead_ms > 0 { "ahead" } else { "behind" };
        let against: String = against.chars().filter(|c| !c.is_control()).take(80).collect();
        let found = Match::new(Severity::Warning, Proof::Proven, [offset.id()])
            .detailed(format!("It is {minutes} minutes {way} of {against}."));
        leading(evidence, &CAUSE, found)
    })
}

#[cfg(test)]
mod tests {
    use rdpdoctor_model::{Fact, Lookup, Stage};

    use super::CAUSE;
    use crate::testing::Scene;
    use crate::{Proof, Severity};

    #[test]
    fn ahead_behind_right_and_unread() {
        let judged = |ahead_ms| {
            let fact = Fact::ClockOffset { against: "dc1".to_owned(), ahead_ms };
            Scene::new().fact(Stage::Host, fact).judge(&CAUSE).map(|m| (m.severity, m.proof))
        };
        let wrong = Some((Severity::Warning, Proof::Proven));
        assert_eq!(judged(Lookup::seen(300_001)), wrong);
        assert_eq!(judged(Lookup::seen(-3_600_000)), wrong);
        assert_eq!(judged(Lookup::seen(i64::MIN)), wrong);
        assert_eq!(judged(Lookup::seen(300_000)), None);
        assert_eq!(judged(Lookup::unavailable("nobody to ask")), None);
    }
}
