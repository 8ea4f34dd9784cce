//! The target is the machine in front of the user.

use rdpdoctor_model::{CauseId, Fact, Stage};

use crate::causes::{advice, look};
use crate::{
    Cause, ClientCode, Evidence, Match, Owner, Proof, Remedy, Reproduction, Risk, Severity, Where,
};

/// `net.self-connection`
pub static CAUSE: Cause = Cause {
    id: CauseId("net.self-connection"),
    stage: Stage::CredSsp,
    owner: Owner::User,
    title: "{host} is this machine itself",
    explanation: "The server names itself as the machine on which this check runs. A Windows client refuses to connect to the session in front of which it sits; other clients do not mind.",
    excludes: &["the network"],
    remedies: &[Remedy {
        id: "connect-from-another-machine",
        place: Where::Client,
        risk: Risk::Low,
        title: "Give the name of the machine you want, or connect from another one",
        steps: &[
            "See which machine you sit at: PS> hostname",
            "If a port forward was meant, see where it leads.",
        ],
        interrupts: "nothing",
        undo: advice::NOTHING_TO_UNDO,
        verify: "rdpdoctor check {target} shows another machine's name",
    }],
    references: &["https://github.com/anhkgg/SuperRDP/issues/38"],
    client_shows: &[ClientCode { code: 0x708, extended: Some(0), proof: Proof::Likely }],
    more_specific_than: &[],
    reproduction: Reproduction::Lab(&["self-connection"]),
    next_tests: &[],
    rule,
};

fn rule(evidence: &Evidence<'_>) -> Option<Match> {
    let server = look::ntlm_names(evidence)?;
    let own = evidence.all(|fact| match fact {
        Fact::ThisMachine { names, .. } => Some(names),
        _ => None,
    });
    let named = |name: Option<&str>| {
        let name = name.map(look::first_label).filter(|name| !name.is_empty());
        name.is_some_and(|name| {
            own.iter().any(|seen| seen.value.iter().any(|own| look::first_label(own) == name))
        })
    };
    let same = named(server.value.netbios) || named(server.value.dns);
    same.then(|| Match::new(Severity::Warning, Proof::Likely, [server.id(), own[0].id()]))
}

#[cfg(test)]
mod tests {

    use super::CAUSE;
    use crate::testing::Scene;

    #[test]
    fn only_when_the_server_bears_our_name() {
        let scene = |own: &str| {
            Scene::negotiated(2).this_machine(own).challenge("DESK1", "desk1.corp.example")
        };
        assert!(scene("desk1").judge(&CAUSE).is_some());
        assert_eq!(scene("desk2").judge(&CAUSE), None);
    }
}
