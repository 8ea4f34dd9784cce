//! The last resort: the gateway fails by itself, or says what no table has.

use rdpdoctor_model::{Awaited, CauseId, Fact, Source, Stage};

use crate::causes::{advice, at_gateway, look};
use crate::{
    Cause, ClientCode, Evidence, Match, Owner, Proof, Remedy, Reproduction, Risk, Severity, Where,
};

/// `gateway.error`
pub static CAUSE: Cause = Cause {
    id: CauseId("gateway.error"),
    stage: Stage::Gateway,
    owner: Owner::Gateway,
    title: "The RD Gateway {gateway} fails with an error of its own",
    explanation: "The gateway refused or broke off for a reason that has no cause of its own here. The number that it gave, or what it did in place of an answer, says what its own log has to be searched for.",
    excludes: &["the route to the gateway"],
    remedies: &[Remedy {
        id: "search-the-gateways-log",
        place: Where::Gateway,
        risk: Risk::Low,
        title: "Search the gateway's log for the moment of the failure",
        steps: &[
            "PS> Get-WinEvent -LogName Microsoft-Windows-TerminalServices-Gateway/Operational -MaxEvents 30 | Format-List TimeCreated, Id, Message",
            "PS> Get-WinEvent -FilterHashtable @{LogName='System'; Level=2} -MaxEvents 20",
            "PS> Get-Service TSGateway, W3SVC, IAS, RpcEptMapper",
        ],
        interrupts: "nothing",
        undo: advice::NOTHING_TO_UNDO,
        verify: "rdpdoctor check {target} --gateway {gateway} gets past 'gateway'",
    }],
    references: &["MS-TSGU 2.2.6", "MS-TSGU 3.3.5.2"],
    client_shows: &[
        ClientCode { code: 0x300_0008, extended: None, proof: Proof::Possible },
        ClientCode { code: 0x300_0019, extended: None, proof: Proof::Possible },
        ClientCode { code: 0x300_0023, extended: None, proof: Proof::Possible },
        ClientCode { code: 0x300_0024, extended: None, proof: Proof::Possible },
        ClientCode { code: 0x300_0034, extended: None, proof: Proof::Possible },
        ClientCode { code: 0x300_003B, extended: None, proof: Proof::Possible },
    ],
    more_specific_than: &[],
    reproduction: Reproduction::Lab(&[
        "gateway-error",
        "gateway-garbage",
        "gateway-hangs-up",
        "gateway-code",
    ]),
    next_tests: &[advice::FROM_ELSEWHERE],
    rule,
};

fn rule(evidence: &Evidence<'_>) -> Option<Match> {
    at_gateway::by_code(evidence, CAUSE.id)
        .or_else(|| at_gateway::by_status(evidence, CAUSE.id))
        .or_else(|| at_gateway::otherwise(evidence))
        .or_else(|| malformed(evidence))
        .or_else(|| hung_up(evidence))
        .or_else(|| unexplained(evidence))
}

/// A packet that breaks the rules.
fn malformed(evidence: &Evidence<'_>) -> Option<Match> {
    let broken = evidence.gateway(|fact| match fact {
        Fact::GatewayMalformed { awaited, problem } => {
            (*awaited != Awaited::GatewayAnswer).then_some((*awaited, problem))
        }
        _ => None,
    });
    let seen = broken.last()?;
    let (awaited, problem) = seen.value;
    let step = at_gateway::awaited_words(awaited);
    let found = Match::new(Severity::Blocking, Proof::Proven, [seen.id()]);
    Some(found.detailed(format!("What it said {step} is no packet: {problem}.")))
}

/// It ended the connection without a word.
fn hung_up(evidence: &Evidence<'_>) -> Option<Match> {
    let end = at_gateway::hung_up(evidence)?;
    // A transport that is cut off by something in between has a cause of its own.
    if at_gateway::transport_failed(evidence).is_some() {
        return None;
    }
    let step = at_gateway::awaited_words(end.value.awaited);
    if let Some(alert) = at_gateway::alert(evidence) {
        let found = Match::new(Severity::Blocking, Proof::Likely, [alert.id(), end.id()]);
        let name = look::alert_name(alert.value);
        return Some(found.detailed(format!("It sent the TLS alert {}, {name}.", alert.value)));
    }
    let found = Match::new(Severity::Blocking, Proof::Likely, [end.id()]);
    let detail = format!("It {} {step}.", look::ending(end.value.ending));
    Some(match at_gateway::cut_in_tls(evidence) {
        Some(_) => found.detailed(format!("{detail} A gateway without a certificate does that.")),
        None => found.detailed(detail),
    })
}

/// The way ended there, and no other cause of a gateway fits.
fn unexplained(evidence: &Evidence<'_>) -> Option<Match> {
    let stopped = at_gateway::stopped(evidence)?;
    // Why a client left, or what passed behind a capture's end, is not in a capture.
    if stopped.observation.source == Source::Capture {
        return None;
    }
    let explained = crate::CATALOGUE
        .iter()
        .filter(|cause| cause.id.area() == CAUSE.id.area() && cause.id != CAUSE.id)
        .any(|cause| (cause.rule)(evidence).is_some());
    if at_gateway::withheld(evidence) || explained {
        return None;
    }
    let found = Match::new(Severity::Blocking, Proof::Possible, [stopped.id()]);
    Some(found.detailed(format!("What ended it: {}.", stopped.value)))
}

#[cfg(test)]
mod tests {
    use rdpdoctor_model::{Awaited, Ending, Fact, GatewayStep};

    use super::CAUSE;
    use crate::Proof;
    use crate::causes::at_gateway::tests::{ByGateway as _, coded, gateway};
    use crate::causes::gateway::{not_a_gateway, transport_blocked};
    use crate::testing::Scene;

    #[test]
    fn numbers_with_and_without_a_name() {
        for (code, word) in [
            (0x8007_59D8, "E_PROXY_INTERNALERROR"),
            (0x59E8, "E_PROXY_NOTSUPPORTED"),
            (0x4E3, "ERROR_ONLY_IF_CONNECTED"),
            (0x8BAD_F00D, "0x8BADF00D, which no table here has"),
        ] {
            let found = coded(GatewayStep::Tunnel, code).judge(&CAUSE).expect(word);
            assert_eq!(found.proof, Proof::Proven, "{word}");
            assert!(found.detail.as_ref().is_some_and(|text| text.contains(word)), "{found:?}");
        }
    }

    #[test]
    fn what_is_no_answer() {
        let (awaited, problem) = (Awaited::GatewayTunnel, "a packet of 3 bytes".to_owned());
        let broken = gateway().fact_of_gateway(Fact::GatewayMalformed { awaited, problem });
        assert!(broken.stopped_at_gateway().judge(&CAUSE).is_some());
        let ended = gateway().ended(Ending::Reset, Awaited::GatewayChannel).stopped_at_gateway();
        let found = ended.judge(&CAUSE).map(|found| found.proof);
        assert_eq!(found, Some(Proof::Likely));
        let cut = gateway().fact_of_gateway(Fact::StreamEnded {
            ending: Ending::Reset,
            awaited: Awaited::ServerHello,
            received: 0,
            sent: 300,
            unfinished: 0,
            after_ms: 5.0,
            os_error: None,
        });
        let cut = cut.stopped_at_gateway();
        for (cause, proof) in [
            (&CAUSE, Proof::Likely),
            (&not_a_gateway::CAUSE, Proof::Possible),
            (&transport_blocked::CAUSE, Proof::Possible),
        ] {
            assert_eq!(cut.judge(cause).map(|found| found.proof), Some(proof), "{}", cause.id);
        }
        let unknown = gateway().stopped_at_gateway().judge(&CAUSE);
        assert_eq!(unknown.map(|found| found.proof), Some(Proof::Possible));
        assert_eq!(Scene::new().stopped_at_gateway().judge(&CAUSE), None, "none was tried");
        let left = gateway().stopped_at_gateway().captured();
        assert_eq!(left.judge(&CAUSE), None, "why a client left is not in a capture");
    }

    #[test]
    fn near_misses() {
        assert_eq!(coded(GatewayStep::Channel, 0x8007_59DA).judge(&CAUSE), None);
        assert_eq!(gateway().answered(404, false).stopped_at_gateway().judge(&CAUSE), None);
        assert_eq!(gateway().answered(401, true).stopped_at_gateway().judge(&CAUSE), None);
        let fine = gateway().answered(101, true).said(GatewayStep::Channel, 0);
        let fine = fine.said(GatewayStep::Close, 0x4CA);
        assert_eq!(fine.judge(&CAUSE), None, "the check had what it wanted");
    }
}
