//! What answers at the gateway's name is none.

use rdpdoctor_model::{Awaited, CauseId, Fact, Stage};

use crate::causes::{advice, at_gateway};
use crate::{
    Cause, ClientCode, Evidence, Match, Owner, Proof, Remedy, Reproduction, Risk, Severity, Where,
};

/// `gateway.not-a-gateway`
pub static CAUSE: Cause = Cause {
    id: CauseId("gateway.not-a-gateway"),
    stage: Stage::Gateway,
    owner: Owner::Client,
    title: "{gateway} answers, but it is no RD Gateway",
    explanation: "Something listens there, and it does not know a gateway's requests: another web server, a gateway that was moved, or a name and port that were found automatically and are somebody else's. The host behind the gateway was not asked anything.",
    excludes: &["the host itself, password, account, licence"],
    remedies: &[
        Remedy {
            id: "correct-the-gateway",
            place: Where::Client,
            risk: Risk::Low,
            title: "Correct the gateway's name and port, or connect without one",
            steps: &[
                "In mstsc: Advanced, Connect from anywhere, Settings: the name is the gateway's own, with its port behind a colon unless that is 443.",
                "If the gateway was detected automatically, choose 'Do not use an RD Gateway server' in the company's own network.",
                "$ rdpdoctor check {target}   (without a gateway)",
            ],
            interrupts: "nothing",
            undo: advice::NOTHING_TO_UNDO,
            verify: "rdpdoctor check {target} --gateway NAME gets past 'gateway'",
        },
        Remedy {
            id: "see-the-web-server",
            place: Where::Gateway,
            risk: Risk::Low,
            title: "See whether the web server has the gateway's application",
            steps: &[
                "PS> Get-WindowsFeature RDS-Gateway",
                "PS> Get-Service TSGateway",
                "PS> netsh http show urlacl | Select-String remoteDesktopGateway",
                "Behind a reverse proxy: the path /remoteDesktopGateway/ has to be passed on with its methods RDG_OUT_DATA and RDG_IN_DATA.",
            ],
            interrupts: "nothing",
            undo: advice::NOTHING_TO_UNDO,
            verify: "rdpdoctor check {target} --gateway {gateway} gets past 'gateway'",
        },
    ],
    references: &["MS-TSGU 3.3.4"],
    client_shows: &[ClientCode { code: 0x300_0008, extended: None, proof: Proof::Possible }],
    more_specific_than: &[],
    reproduction: Reproduction::Lab(&["gateway-web-server", "gateway-foreign", "gateway-endless"]),
    next_tests: &[],
    rule,
};

/// HTTP status 400 (RFC 9110 15.5.1).
const BAD_REQUEST: u32 = 400;

fn rule(evidence: &Evidence<'_>) -> Option<Match> {
    if at_gateway::takes_rpc(evidence).is_some() {
        return None;
    }
    let foreign = evidence.gateway(|fact| match fact {
        Fact::TlsMalformed { problem, .. } => Some(problem),
        Fact::GatewayMalformed { awaited: Awaited::GatewayAnswer, problem } => Some(problem),
        _ => None,
    });
    if let Some(seen) = foreign.last() {
        at_gateway::stopped(evidence)?;
        let found = Match::new(Severity::Blocking, Proof::Proven, [seen.id()]);
        return Some(
            found.detailed(format!("What it said is no HTTP inside TLS: {}.", seen.value)),
        );
    }
    if let Some(found) = at_gateway::by_code(evidence, CAUSE.id) {
        return Some(found);
    }
    if let Some(end) = at_gateway::cut_in_tls(evidence) {
        return Some(Match::new(Severity::Blocking, Proof::Possible, [end.id()]));
    }
    // A gateway whose path is not passed on looks like this as well.
    let by_method = || at_gateway::unknown_method(evidence);
    if let Some(found) = at_gateway::by_status(evidence, CAUSE.id).or_else(by_method) {
        return Some(Match { proof: Proof::Likely, ..found });
    }
    // A server that does not understand the request, and has never asked for a sign-in.
    let (status, shown, found) = at_gateway::refusing_status(evidence)?;
    (status == BAD_REQUEST && !shown).then_some(Match { proof: Proof::Possible, ..found })
}

#[cfg(test)]
mod tests {
    use rdpdoctor_model::{Awaited, Fact, GatewayTransport};

    use super::CAUSE;
    use crate::Proof;
    use crate::causes::at_gateway::tests::{ByGateway as _, gateway};

    #[test]
    fn a_web_server_and_something_else() {
        let web = gateway().answered(404, false).stopped_at_gateway().judge(&CAUSE);
        assert_eq!(web.map(|found| found.proof), Some(Proof::Likely));
        let (awaited, problem) = (Awaited::GatewayAnswer, "invalid HTTP version parsed".to_owned());
        let other = gateway().fact_of_gateway(Fact::GatewayMalformed { awaited, problem });
        let other = other.stopped_at_gateway().judge(&CAUSE);
        // Whoever knows other methods only says so (RFC 9110 15.5.6).
        let method = gateway().answered(405, false).stopped_at_gateway().judge(&CAUSE);
        assert_eq!(method.map(|found| found.proof), Some(Proof::Likely));
        let unclear = gateway().answered(400, false).stopped_at_gateway().judge(&CAUSE);
        assert_eq!(unclear.map(|found| found.proof), Some(Proof::Possible));
        assert_eq!(other.map(|found| found.proof), Some(Proof::Proven));
    }

    #[test]
    fn near_misses() {
        let rpc = Fact::GatewayAnswer {
            transport: GatewayTransport::Rpc,
            status: 401,
            reason: None,
            schemes: Vec::new(),
            server: None,
            after_credentials: false,
        };
        let old = gateway().answered(404, false).fact_of_gateway(rpc).stopped_at_gateway();
        assert_eq!(old.judge(&CAUSE), None, "an old gateway");
        assert_eq!(gateway().answered(401, false).stopped_at_gateway().judge(&CAUSE), None);
        assert_eq!(gateway().answered(404, false).answered(200, true).judge(&CAUSE), None);
    }
}
