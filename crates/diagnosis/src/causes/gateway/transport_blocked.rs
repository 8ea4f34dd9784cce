//! The gateway is there, and something does not let its transports pass.

use rdpdoctor_model::{CauseId, Fact, Stage};

use crate::causes::{advice, at_gateway};
use crate::{Cause, Evidence, Match, Owner, Proof, Remedy, Reproduction, Risk, Severity, Where};

/// `gateway.transport-blocked`
pub static CAUSE: Cause = Cause {
    id: CauseId("gateway.transport-blocked"),
    stage: Stage::Gateway,
    owner: Owner::Network,
    title: "Something on the way lets none of the transports of {gateway} pass",
    explanation: "A gateway is reached by a WebSocket or by two long HTTP requests with methods of their own (RDG_OUT_DATA, RDG_IN_DATA). Web proxies, reverse proxies and firewalls that know neither refuse them, cut them off, or keep their bytes back until an end that never comes.",
    excludes: &["the host itself, the password, the gateway's policies"],
    remedies: &[
        Remedy {
            id: "pass-the-transports",
            place: Where::Network,
            risk: Risk::Low,
            title: "Let WebSocket, or both methods without buffering, pass to the gateway",
            steps: &[
                "In the reverse proxy: pass Upgrade and Connection on, allow the methods RDG_OUT_DATA and RDG_IN_DATA for /remoteDesktopGateway/, switch buffering of requests and answers off, and allow connections of hours.",
                "In the web proxy of the client's network: an exception for {gateway}.",
                "$ rdpdoctor check {target} --gateway {gateway} --details   (shows what each request was answered)",
            ],
            interrupts: "nothing",
            undo: advice::NOTHING_TO_UNDO,
            verify: "rdpdoctor check {target} --gateway {gateway} gets past 'gateway'",
        },
        Remedy {
            id: "bring-the-gateway-up-to-date",
            place: Where::Gateway,
            risk: Risk::Medium,
            title: "If only RPC over HTTP is there: use a gateway of Windows Server 2012 or newer",
            steps: &[
                "Windows Server 2008 R2 has no other transport, and no longer gets updates.",
                "Newer ones have all three; a reverse proxy that passes only /rpc/ on hides the others.",
            ],
            interrupts: "connections through the gateway while it is replaced",
            undo: &["Go back to the former gateway."],
            verify: "rdpdoctor check {target} --gateway {gateway} gets past 'gateway'",
        },
    ],
    references: &["MS-TSGU 3.3.5.1", "RFC 6455 4"],
    client_shows: &[],
    more_specific_than: &[],
    reproduction: Reproduction::Lab(&["gateway-transport-blocked", "gateway-rpc-only"]),
    next_tests: &[advice::FROM_ELSEWHERE],
    rule,
};

/// HTTP statuses of a web proxy that wants something for itself (RFC 9110 15.4.6, 15.5.8).
const OF_A_PROXY: [u32; 2] = [305, 407];

fn rule(evidence: &Evidence<'_>) -> Option<Match> {
    at_gateway::stopped(evidence)?;
    if let Some(rpc) = at_gateway::takes_rpc(evidence) {
        // `mstsc` still goes this way, the check does not: nothing is decided.
        let last = at_gateway::last_answer(evidence);
        let ids = last.iter().map(crate::Seen::id).chain([rpc.id()]);
        let found = Match::new(Severity::Warning, Proof::Proven, ids);
        return Some(
            found
                .titled("The RD Gateway offers only RPC over HTTP, its oldest transport")
                .detailed("It takes RPC over HTTP, which is not tried here, and nothing newer."),
        );
    }
    if let Some(end) = at_gateway::cut_in_tls(evidence) {
        return Some(Match::new(Severity::Blocking, Proof::Possible, [end.id()]));
    }
    let failed = at_gateway::transport_failed(evidence);
    if let Some((status, shown, found)) = at_gateway::refusing_status(evidence) {
        let named = at_gateway::by_status(evidence, CAUSE.id).is_some();
        if !named && !OF_A_PROXY.contains(&status) {
            return None;
        }
        // A status that forbids whoever has shown credentials may mean the user.
        let user = shown && failed.is_none() && status == 403;
        let proof = if user { Proof::Possible } else { Proof::Likely };
        return Some(Match { proof, ..found });
    }
    let decided = evidence.gateway(|f| matches!(f, Fact::GatewayCode { .. }).then_some(()));
    if !decided.is_empty() {
        return None;
    }
    let failed = failed?;
    let found = Match::new(Severity::Blocking, Proof::Likely, [failed.id()]);
    Some(found.detailed(format!("The transport was agreed, then: {}.", failed.value)))
}

#[cfg(test)]
mod tests {
    use rdpdoctor_model::{Fact, GatewayStep, GatewayTransport};

    use super::CAUSE;
    use crate::causes::at_gateway::tests::{ByGateway as _, coded, gateway};
    use crate::testing::Scene;
    use crate::{Proof, Severity};

    fn dead(scene: Scene) -> Scene {
        let (transport, problem) = (GatewayTransport::WebSocket, "closed".to_owned());
        scene.fact_of_gateway(Fact::GatewayTransportFailed { transport, problem })
    }

    fn judged(scene: &Scene) -> Option<(Severity, Proof)> {
        scene.judge(&CAUSE).map(|found| (found.severity, found.proof))
    }

    #[test]
    fn agreed_and_dead_or_forbidden() {
        let likely = Some((Severity::Blocking, Proof::Likely));
        let dead_end = dead(gateway().answered(101, true)).stopped_at_gateway();
        assert_eq!(judged(&dead_end), likely);
        let then_forbidden = dead(gateway().answered(101, true)).answered(403, true);
        assert_eq!(judged(&then_forbidden.stopped_at_gateway()), likely);
        assert_eq!(judged(&gateway().answered(403, false).stopped_at_gateway()), likely);
        let user = gateway().answered(403, true).stopped_at_gateway();
        assert_eq!(judged(&user), Some((Severity::Blocking, Proof::Possible)));
    }

    #[test]
    fn only_the_oldest_transport() {
        let rpc = Fact::GatewayAnswer {
            transport: GatewayTransport::Rpc,
            status: 401,
            reason: None,
            schemes: vec!["NTLM".to_owned()],
            server: None,
            after_credentials: false,
        };
        let scene = gateway().answered(404, false).fact_of_gateway(rpc).stopped_at_gateway();
        assert_eq!(judged(&scene), Some((Severity::Warning, Proof::Proven)));
    }

    #[test]
    fn near_misses() {
        assert_eq!(
            judged(&dead(gateway().answered(101, true)).answered(200, true)),
            None,
            "went on"
        );
        assert_eq!(judged(&gateway().answered(404, false).stopped_at_gateway()), None);
        assert_eq!(judged(&coded(GatewayStep::Tunnel, 0x8007_59DB)), None);
    }
}
