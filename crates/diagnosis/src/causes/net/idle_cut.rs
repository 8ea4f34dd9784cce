//! Something on the way forgets connections that are silent for a while.

use rdpdoctor_model::{CauseId, Fact, IdleOutcome, Lookup, Stage};

use crate::causes::advice;
use crate::{
    Cause, ClientCode, Evidence, Match, NextTest, Owner, Proof, Remedy, Reproduction, Risk, Seen,
    Severity, Where,
};

/// `net.idle-cut`
pub static CAUSE: Cause = Cause {
    id: CauseId("net.idle-cut"),
    stage: Stage::Network,
    owner: Owner::Network,
    title: "Something on the way to {host} forgets connections that are silent for a while",
    explanation: "A firewall, an address translation or a load balancer drops what it knows of a connection on which nothing is said for some time. Neither end learns of it. The next key or picture is lost, and the session freezes or breaks although both machines are well.",
    excludes: &["the host: a new connection works at the same moment"],
    remedies: &[
        Remedy {
            id: "keep-the-session-speaking",
            place: Where::Policy,
            risk: Risk::Low,
            title: "Let the host send something once a minute on silent sessions",
            steps: &[
                "Group policy, on the host: Computer Configuration, Administrative Templates, Windows Components, Remote Desktop Services, Remote Desktop Session Host, Connections: Configure keep-alive connection interval: 1 minute.",
                "PS> gpupdate /force",
            ],
            interrupts: "nothing; it counts for new sessions",
            undo: &["Set the policy to Not configured again."],
            verify: "rdpdoctor watch {target} --for 1h shows no idle cut that a session would meet",
        },
        Remedy {
            id: "remember-longer",
            place: Where::Network,
            risk: Risk::Low,
            title: "Let the device on the way remember silent connections to {port} for hours",
            steps: &[
                "Ask which firewall, address translation, VPN or load balancer lies between, and how long it remembers an established TCP connection without traffic; RFC 5382 asks for at least 2 hours and 4 minutes.",
            ],
            interrupts: "nothing",
            undo: &["Set the former time again."],
            verify: "rdpdoctor watch {target} --for 1h shows no idle cut",
        },
        advice::ASK_NETWORK_TEAM,
    ],
    references: &[
        "RFC 5382 REQ-5",
        "https://learn.microsoft.com/en-us/azure/load-balancer/load-balancer-tcp-reset",
    ],
    client_shows: &[
        ClientCode { code: 0x304, extended: None, proof: Proof::Possible },
        ClientCode { code: 0x904, extended: Some(7), proof: Proof::Possible },
    ],
    more_specific_than: &[],
    reproduction: Reproduction::Test("watch_idle_cut"),
    next_tests: &[NextTest {
        why: "after how long silent connections are forgotten, and whether always",
        command: "rdpdoctor watch {target} --for 2h",
    }],
    rule,
};

/// One connection that died in silence while a new one worked.
struct Hold {
    idle_ms: u64,
    outcome: IdleOutcome,
}

/// A shorter silence was survived, a longer one was not, and a new connection worked at the same
/// moment. What the server ended by itself, within its limit for those who do not sign in, is no
/// sign; nor is what happened while something else failed. Silence twice leaves nothing else; a
/// reset may be a server that was started anew.
fn rule(evidence: &Evidence<'_>) -> Option<Match> {
    let holds = evidence.all(|fact| match fact {
        Fact::IdleHold { idle_ms, idle_outcome, fresh, disturbed: false, .. } => {
            let alive = matches!(fresh, Lookup::Seen { .. });
            (alive || *idle_outcome == IdleOutcome::Answered)
                .then_some(Hold { idle_ms: *idle_ms, outcome: *idle_outcome })
        }
        _ => None,
    });
    let cut = |seen: &&Seen<'_, Hold>| {
        matches!(seen.value.outcome, IdleOutcome::Silence | IdleOutcome::Reset)
    };
    let cuts: Vec<_> = holds.iter().filter(cut).collect();
    let shortest = cuts.iter().map(|seen| seen.value.idle_ms).min()?;
    let survived: Vec<_> =
        holds.iter().filter(|seen| seen.value.outcome == IdleOutcome::Answered).collect();
    // One that was answered after a longer silence: it is not the silence.
    if survived.iter().any(|seen| seen.value.idle_ms >= shortest) {
        return None;
    }
    let longest = survived.iter().max_by_key(|seen| seen.value.idle_ms)?;
    let silent = cuts.iter().filter(|seen| seen.value.outcome == IdleOutcome::Silence).count();
    let proof = match silent {
        0 => Proof::Possible,
        1 => Proof::Likely,
        _ => Proof::Proven,
    };
    let ids = cuts.iter().map(|seen| seen.id()).chain([longest.id()]);
    Some(Match::new(Severity::Warning, proof, ids).detailed(format!(
        "A connection that was silent for {} s was answered, one that was silent for {} s was not; \
         so it is forgotten after {} to {} s.",
        longest.value.idle_ms / 1000,
        shortest / 1000,
        longest.value.idle_ms / 1000,
        shortest / 1000
    )))
}

#[cfg(test)]
mod tests {
    use rdpdoctor_model::{Ending, Fact, IdleOutcome, Lookup, Stage};

    use super::CAUSE;
    use crate::Proof;
    use crate::testing::Scene;

    fn hold(seconds: u64, idle_outcome: IdleOutcome) -> Fact {
        let ending = (idle_outcome == IdleOutcome::EndedMeanwhile).then_some(Ending::Fin);
        let fresh = Lookup::seen("connected".to_owned());
        Fact::IdleHold { idle_ms: seconds * 1000, idle_outcome, ending, fresh, disturbed: false }
    }

    fn judged(holds: &[Fact]) -> Option<Proof> {
        let scene = holds
            .iter()
            .fold(Scene::negotiated(2), |scene, fact| scene.fact(Stage::Network, fact.clone()));
        scene.judge(&CAUSE).map(|found| found.proof)
    }

    #[test]
    fn short_silences_are_survived_and_long_ones_are_not() {
        use IdleOutcome::{Answered, EndedMeanwhile, Reset, Silence};
        assert_eq!(judged(&[hold(5, Answered), hold(10, Silence)]), Some(Proof::Likely));
        let twice = [hold(5, Answered), hold(10, Silence), hold(7, Silence)];
        assert_eq!(judged(&twice), Some(Proof::Proven));
        assert_eq!(judged(&[hold(5, Answered), hold(10, Reset)]), Some(Proof::Possible));
        // The server's own limit, nothing that was survived, and no matter how long.
        assert_eq!(judged(&[hold(5, Answered), hold(10, EndedMeanwhile)]), None);
        assert_eq!(judged(&[hold(5, Silence), hold(10, Silence)]), None);
        assert_eq!(judged(&[hold(5, Silence), hold(10, Answered)]), None);
        assert_eq!(judged(&[hold(5, Answered), hold(10, Answered)]), None);
    }

    #[test]
    fn what_else_explains_it_is_no_sign() {
        let mut gone = hold(10, IdleOutcome::Silence);
        if let Fact::IdleHold { fresh, .. } = &mut gone {
            *fresh = Lookup::Absent;
        }
        assert_eq!(judged(&[hold(5, IdleOutcome::Answered), gone]), None, "the host is gone");
        let mut restless = hold(10, IdleOutcome::Silence);
        if let Fact::IdleHold { disturbed, .. } = &mut restless {
            *disturbed = true;
        }
        assert_eq!(judged(&[hold(5, IdleOutcome::Answered), restless]), None);
    }
}
