//! It failed for a while and works again.

use rdpdoctor_model::{CauseId, Fact, Stage, Timestamp, WatchState};

use crate::causes::advice;
use crate::{
    Cause, Evidence, Match, NextTest, Owner, Proof, Remedy, Reproduction, Risk, Seen, Severity,
    Where,
};

/// `net.interrupted`
pub static CAUSE: Cause = Cause {
    id: CauseId("net.interrupted"),
    stage: Stage::Network,
    owner: Owner::Network,
    title: "Connections to {host} failed or suffered for a while, and work again",
    explanation: "While it was watched there was a time in which a connection could not be made, or only with a warning. A restart, updates, a line that drops, a VPN that is made anew, a full host: what failed first, and at which step, is told below. What happens once can be an accident; what happens in equal steps of time has a timer behind it.",
    excludes: &[],
    remedies: &[
        Remedy {
            id: "compare-the-times",
            place: Where::Host,
            risk: Risk::Low,
            title: "Compare the times with the host's own log: restart, updates, service, interface",
            steps: &[
                "PS> Get-WinEvent -FilterHashtable @{LogName='System'; ProviderName='Microsoft-Windows-Kernel-General','Service Control Manager','Microsoft-Windows-WindowsUpdateClient','User32'} -MaxEvents 30",
                "PS> Get-WinEvent -LogName Microsoft-Windows-TerminalServices-LocalSessionManager/Operational -MaxEvents 30",
            ],
            interrupts: "nothing",
            undo: advice::NOTHING_TO_UNDO,
            verify: "rdpdoctor watch {target} --for 2h stays ok throughout",
        },
        advice::ASK_NETWORK_TEAM,
    ],
    references: &["RFC 9293 3.8"],
    client_shows: &[],
    more_specific_than: &[],
    reproduction: Reproduction::Test("watch_sees_a_server_go_and_come_back"),
    next_tests: &[NextTest {
        why: "whether it comes back, and in which steps of time",
        command: "rdpdoctor watch {target} --for 8h",
    }],
    rule,
};

/// A bad period of a watch.
struct Bad<'a> {
    state: WatchState,
    from: Timestamp,
    until: Timestamp,
    cause: Option<&'a str>,
}

/// The last period is what is the case now, and has its own findings.
fn rule(evidence: &Evidence<'_>) -> Option<Match> {
    let mut periods = evidence.all(|fact| match fact {
        Fact::WatchPeriod { state, from, until, cause, .. } => {
            Some(Bad { state: *state, from: *from, until: *until, cause: cause.as_deref() })
        }
        _ => None,
    });
    periods.pop()?;
    periods.retain(|p| matches!(p.value.state, WatchState::Degraded | WatchState::Failed));
    let first = periods.first()?;
    let how = match first.value.state {
        WatchState::Failed => "could not be reached",
        _ => "suffered",
    };
    let cause = first.value.cause.map(|cause| format!(" ({cause})")).unwrap_or_default();
    let host = evidence.target.map_or("the host", |target| target.host.as_str());
    let times = format!("from {} to {} UTC", clock(first.value.from), clock(first.value.until));
    let title = format!("{host} {how} {times}{cause}, and works again");
    let mut words = format!("It first {how} {times}{cause}.");
    let count = periods.len();
    if count > 1 {
        words.push_str(&format!(" There were {count} such times."));
    }
    if let Some(seconds) = step(&periods) {
        words.push_str(&format!(
            " They begin about every {seconds} s: look for a timer of that length."
        ));
    }
    let ids = periods.iter().map(Seen::id);
    Some(Match::new(Severity::Warning, Proof::Proven, ids).titled(title).detailed(words))
}

/// `10:02:44`.
fn clock(moment: Timestamp) -> String {
    moment.to_string().get(11..19).unwrap_or_default().to_owned()
}

/// So many in equal steps are no accident.
const FEWEST: usize = 3;

/// Steps are equal when none is farther from the mean than a fifth of it.
const EQUAL: f64 = 0.2;

/// The step in seconds in which the bad times begin, where it is the same each time.
fn step(periods: &[Seen<'_, Bad<'_>>]) -> Option<i64> {
    let steps: Vec<i64> = periods
        .windows(2)
        .map(|pair| pair[1].value.from.millis_since(pair[0].value.from))
        .collect();
    if periods.len() < FEWEST {
        return None;
    }
    let count = i64::try_from(steps.len()).ok()?;
    let mean = steps.iter().sum::<i64>() / count;
    let far = |step: &i64| (step - mean).unsigned_abs() as f64 > mean as f64 * EQUAL;
    (mean > 0 && !steps.iter().any(far)).then_some(mean / 1000)
}

#[cfg(test)]
mod tests {
    use rdpdoctor_model::{Fact, Stage, WatchState};

    use super::CAUSE;
    use crate::testing::{Scene, now};

    /// Periods one behind the other, each with the second in which it begins.
    fn judged(periods: &[(WatchState, i64)]) -> Option<String> {
        let scene = periods.iter().fold(Scene::negotiated(1), |scene, (state, second)| {
            let from = now().plus_millis(second * 1000);
            let fact = Fact::WatchPeriod {
                state: *state,
                from,
                until: from.plus_millis(5000),
                ticks: 2,
                at_stage: None,
                cause: Some("net.refused".to_owned()),
            };
            scene.fact(Stage::Network, fact)
        });
        scene.judge(&CAUSE).and_then(|found| found.detail)
    }

    #[test]
    fn what_is_over_is_told_and_what_is_now_is_not() {
        use WatchState::{Failed, Ok, Unknown};
        assert_eq!(judged(&[(Ok, 0)]), None);
        assert_eq!(judged(&[(Ok, 0), (Failed, 30)]), None, "the failure has its own finding");
        assert_eq!(judged(&[(Ok, 0), (Unknown, 30), (Ok, 60)]), None);
        let words = judged(&[(Ok, 0), (Failed, 30), (Ok, 60)]).expect("it fits");
        assert!(words.contains("from 12:00:30 to 12:00:35 UTC (net.refused)"), "{words}");
        assert!(!words.contains("every"), "{words}");
    }

    #[test]
    fn equal_steps_have_a_timer_behind_them() {
        use WatchState::{Failed, Ok};
        let at = |steps: [i64; 3]| {
            let mut periods = vec![(Ok, 0)];
            periods.extend(steps.iter().flat_map(|s| [(Failed, *s), (Ok, s + 10)]));
            judged(&periods).expect("it fits")
        };
        assert!(at([60, 360, 665]).contains("about every 302 s"), "{}", at([60, 360, 665]));
        assert!(!at([60, 360, 900]).contains("every"));
    }
}
