//! The way to the host is not the one that it was.

use rdpdoctor_model::{CauseId, Fact, PathPart, Stage};

use crate::causes::advice;
use crate::{Cause, Evidence, Match, Owner, Proof, Remedy, Reproduction, Risk, Severity, Where};

/// `net.path-changed`
pub static CAUSE: Cause = Cause {
    id: CauseId("net.path-changed"),
    stage: Stage::Network,
    owner: Owner::Client,
    title: "The way to {host} changed while it was watched",
    explanation: "Connections left by another interface or another address than before, or the name led to another address. A session that was open breaks then: TCP knows its two ends by their addresses. A VPN that goes up or down, a change between cable and radio, or a changed name does this.",
    excludes: &[],
    remedies: &[
        Remedy {
            id: "keep-to-one-way",
            place: Where::Client,
            risk: Risk::Low,
            title: "See which interface comes and goes, and keep to the one that stays",
            steps: &[
                "PS> Get-NetIPInterface -AddressFamily IPv4 | Sort-Object InterfaceMetric | Format-Table InterfaceAlias, InterfaceMetric, ConnectionState",
                "PS> Get-WinEvent -LogName Microsoft-Windows-NetworkProfile/Operational -MaxEvents 20",
                "If it is a VPN: see in its log why it went away at that time.",
            ],
            interrupts: "nothing",
            undo: advice::NOTHING_TO_UNDO,
            verify: "rdpdoctor watch {target} --for 1h shows no change of the way",
        },
        advice::ASK_NETWORK_TEAM,
    ],
    references: &["RFC 9293 3.3.1"],
    client_shows: &[],
    more_specific_than: &[CauseId("net.interrupted")],
    reproduction: Reproduction::Test("watch_path_changed"),
    next_tests: &[],
    rule,
};

fn rule(evidence: &Evidence<'_>) -> Option<Match> {
    let changes = evidence.all(|fact| match fact {
        Fact::PathChange { part, before, after } => Some((*part, before, after)),
        _ => None,
    });
    let first = changes.first()?;
    let (part, before, after) = &first.value;
    let what = match part {
        PathPart::Interface => "the interface",
        PathPart::OwnAddress => "this machine's address",
        PathPart::Addresses => "the name's addresses",
    };
    let more = match changes.len() {
        1 => String::new(),
        count => format!(" In all there were {count} changes."),
    };
    let ids = changes.iter().map(crate::Seen::id);
    let words = format!("First {what} changed from {before} to {after}.{more}");
    Some(Match::new(Severity::Warning, Proof::Proven, ids).detailed(words))
}

#[cfg(test)]
mod tests {
    use rdpdoctor_model::{Fact, PathPart, Stage};

    use super::CAUSE;
    use crate::Proof;
    use crate::testing::Scene;

    #[test]
    fn what_changed_is_told() {
        let change = |before: &str, after: &str| Fact::PathChange {
            part: PathPart::OwnAddress,
            before: before.to_owned(),
            after: after.to_owned(),
        };
        let scene = || Scene::negotiated(1);
        assert_eq!(scene().judge(&CAUSE), None);
        let scene = scene()
            .fact(Stage::Network, change("10.0.0.9", "10.8.0.2"))
            .fact(Stage::Network, change("10.8.0.2", "10.0.0.9"));
        let found = scene.judge(&CAUSE).expect("it fits");
        assert_eq!((found.proof, found.evidence.len()), (Proof::Proven, 2));
        let words = found.detail.expect("a detail");
        assert!(words.contains("from 10.0.0.9 to 10.8.0.2"), "{words}");
    }
}
