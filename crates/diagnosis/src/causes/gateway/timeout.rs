//! The gateway does not answer in time, or its own time limit has passed.

use rdpdoctor_model::{Awaited, CauseId, Stage};

use crate::causes::{advice, at_gateway};
use crate::{
    Cause, ClientCode, Evidence, Match, Owner, Proof, Remedy, Reproduction, Risk, Severity, Where,
};

/// `gateway.timeout`
pub static CAUSE: Cause = Cause {
    id: CauseId("gateway.timeout"),
    stage: Stage::Gateway,
    owner: Owner::Gateway,
    title: "The RD Gateway {gateway} does not answer in time",
    explanation: "The connection to the gateway stands, and then an answer does not come, or the gateway says that a time limit of its own has passed. While it tries to reach the host it says nothing; so silence at the last step is often the host's.",
    excludes: &["the route to the gateway"],
    remedies: &[Remedy {
        id: "see-what-the-gateway-waits-for",
        place: Where::Gateway,
        risk: Risk::Low,
        title: "See in the gateway's log what it was waiting for",
        steps: &[
            "PS> Get-WinEvent -LogName Microsoft-Windows-TerminalServices-Gateway/Operational -MaxEvents 30 | Format-List TimeCreated, Id, Message",
            "PS> Get-Service TSGateway, W3SVC, IAS",
            "PS> Test-NetConnection {host} -Port {port}   (on the gateway)",
            "If TSGateway hangs, restart it when nobody needs it: PS> Restart-Service TSGateway",
        ],
        interrupts: "looking: nothing; Restart-Service TSGateway cuts every connection through the gateway",
        undo: advice::NOTHING_TO_UNDO,
        verify: "rdpdoctor check {target} --gateway {gateway} gets past 'gateway'",
    }],
    references: &["MS-TSGU 2.2.6.1", "MS-TSGU 3.3.6"],
    client_shows: &[ClientCode { code: 0x300_0033, extended: None, proof: Proof::Possible }],
    more_specific_than: &[],
    reproduction: Reproduction::Lab(&[
        "gateway-timeout",
        "gateway-channel-silent",
        "gateway-session-timeout",
    ]),
    next_tests: &[advice::FROM_ELSEWHERE],
    rule,
};

fn rule(evidence: &Evidence<'_>) -> Option<Match> {
    if let Some(found) = at_gateway::by_code(evidence, CAUSE.id) {
        return Some(found);
    }
    if let Some(silent) = at_gateway::silent(evidence) {
        // Where it is decided who may come, a second factor is what is waited for as a rule.
        let deciding = [Awaited::GatewayTunnel, Awaited::GatewayAuthorization];
        let other =
            deciding.contains(&silent.value) || at_gateway::transport_failed(evidence).is_some();
        let proof = if other { Proof::Possible } else { Proof::Proven };
        let step = at_gateway::awaited_words(silent.value);
        let found = Match::new(Severity::Blocking, proof, [silent.id()]);
        return Some(found.detailed(format!("It fell silent {step}.")));
    }
    at_gateway::by_status(evidence, CAUSE.id)
}

#[cfg(test)]
mod tests {
    use rdpdoctor_model::{Awaited, Ending, GatewayStep};

    use super::CAUSE;
    use crate::Proof;
    use crate::causes::at_gateway::tests::{ByGateway as _, coded, gateway};

    #[test]
    fn silence_at_any_step_and_its_own_limit() {
        for awaited in [Awaited::ServerHello, Awaited::GatewayAnswer, Awaited::GatewayChannel] {
            let scene = gateway()
                .fact_of_gateway(rdpdoctor_model::Fact::StreamEnded {
                    ending: Ending::Timeout,
                    awaited,
                    received: 0,
                    sent: 500,
                    unfinished: 0,
                    after_ms: 4000.0,
                    os_error: None,
                })
                .stopped_at_gateway();
            let found = scene.judge(&CAUSE).map(|found| found.proof);
            assert_eq!(found, Some(Proof::Proven), "{awaited:?}");
        }
        assert!(coded(GatewayStep::Close, 0x59F6).judge(&CAUSE).is_some());
    }

    #[test]
    fn near_misses() {
        let passed =
            gateway().ended(Ending::Timeout, Awaited::GatewayHandshake).answered(200, true);
        assert_eq!(passed.judge(&CAUSE), None, "another transport was taken");
        let closed = gateway().ended(Ending::Fin, Awaited::GatewayAnswer).stopped_at_gateway();
        assert_eq!(closed.judge(&CAUSE), None);
    }
}
