//! The gateway waits for a second factor that does not come.

use rdpdoctor_model::{Awaited, CauseId, Fact, Stage};

use crate::causes::{advice, at_gateway};
use crate::{
    Cause, Evidence, Match, NextTest, Owner, Proof, Remedy, Reproduction, Risk, Severity, Where,
};

/// `gateway.second-factor`
pub static CAUSE: Cause = Cause {
    id: CauseId("gateway.second-factor"),
    stage: Stage::Gateway,
    owner: Owner::User,
    title: "The RD Gateway {gateway} waits for a second factor",
    explanation: "The password was taken, and then the gateway said nothing more when it should decide who may come. It asks a policy server for that, and with multi-factor authentication that one waits until the user agrees on a telephone. A policy server that does not answer looks the same.",
    excludes: &["the host itself, the password, licence"],
    remedies: &[
        Remedy {
            id: "agree-on-the-telephone",
            place: Where::Client,
            risk: Risk::Low,
            title: "Look at the telephone and agree, then try again with time enough",
            steps: &[
                "Open the authenticator on the telephone before the next try, and agree within a minute.",
                "$ rdpdoctor check {target} --gateway {gateway} -u <user> --timeout 120",
            ],
            interrupts: "nothing",
            undo: advice::NOTHING_TO_UNDO,
            verify: "rdpdoctor check {target} --gateway {gateway} gets past 'gateway'",
        },
        Remedy {
            id: "see-the-policy-server",
            place: Where::Gateway,
            risk: Risk::Low,
            title: "See whether the policy server answers, and how long the gateway waits for it",
            steps: &[
                "PS> Get-WinEvent -LogName Security -FilterXPath '*[System[EventID=6272 or EventID=6273 or EventID=6274]]' -MaxEvents 10   (on the NPS server)",
                "PS> Get-WinEvent -LogName AuthN-AuthZ/AuthZOptCh -MaxEvents 10   (the extension for multi-factor authentication)",
                "The gateway's time limit for its NPS server: Network Policy Server, Remote RADIUS Server Groups, Load Balancing: at least 60 seconds.",
            ],
            interrupts: "nothing",
            undo: advice::NOTHING_TO_UNDO,
            verify: "rdpdoctor check {target} --gateway {gateway} gets past 'gateway'",
        },
    ],
    references: &[
        "https://learn.microsoft.com/en-us/entra/identity/authentication/howto-mfa-nps-extension-rdg",
    ],
    client_shows: &[],
    more_specific_than: &[],
    reproduction: Reproduction::Lab(&["gateway-second-factor", "gateway-chatter"]),
    next_tests: &[NextTest {
        why: "with a telephone at hand: tells a second factor from a policy server that is dead",
        command: "rdpdoctor check {target} --gateway {gateway} -u <user> --timeout 120",
    }],
    rule,
};

fn rule(evidence: &Evidence<'_>) -> Option<Match> {
    if let Some(found) = at_gateway::by_code(evidence, CAUSE.id) {
        return Some(found);
    }
    let silent = at_gateway::silent(evidence)?;
    let deciding = [Awaited::GatewayTunnel, Awaited::GatewayAuthorization];
    if !deciding.contains(&silent.value) {
        return None;
    }
    let message = evidence.gateway(|fact| match fact {
        Fact::GatewayMessage { text, .. } => Some(text),
        _ => None,
    });
    let ids = message.last().map(crate::Seen::id).into_iter().chain([silent.id()]);
    let words = message.last().map(|seen| format!(" It told: {}.", seen.value));
    let step = at_gateway::awaited_words(silent.value);
    let found = Match::new(Severity::Blocking, Proof::Likely, ids);
    Some(found.detailed(format!("It fell silent {step}.{}", words.unwrap_or_default())))
}

#[cfg(test)]
mod tests {
    use rdpdoctor_model::{Awaited, Ending, GatewayStep};

    use super::CAUSE;
    use crate::Proof;
    use crate::causes::at_gateway::tests::{ByGateway as _, coded, gateway};
    use crate::causes::gateway::timeout;

    #[test]
    fn silence_where_it_is_decided_who_may_come() {
        let scene = gateway().answered(101, true).said(GatewayStep::Handshake, 0);
        let scene = scene.ended(Ending::Timeout, Awaited::GatewayTunnel).stopped_at_gateway();
        assert_eq!(scene.judge(&CAUSE).map(|found| found.proof), Some(Proof::Likely));
        let other = scene.judge(&timeout::CAUSE);
        assert_eq!(other.map(|found| found.proof), Some(Proof::Possible));
    }

    #[test]
    fn near_misses() {
        let scene = gateway().answered(101, true);
        let channel = scene.ended(Ending::Timeout, Awaited::GatewayChannel).stopped_at_gateway();
        assert_eq!(channel.judge(&CAUSE), None, "it tries to reach the host");
        let ended = gateway().ended(Ending::Fin, Awaited::GatewayTunnel).stopped_at_gateway();
        assert_eq!(ended.judge(&CAUSE), None);
        assert_eq!(coded(GatewayStep::Tunnel, 0x8007_59DB).judge(&CAUSE), None);
    }
}
