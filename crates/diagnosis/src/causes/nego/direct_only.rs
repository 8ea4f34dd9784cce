//! The server lets nothing be negotiated.

use rdpdoctor_model::{CauseId, ServiceKind, Stage};

use crate::causes::{advice, look};
use crate::{Cause, Evidence, Match, Owner, Proof, Remedy, Reproduction, Risk, Severity, Where};

/// `nego.direct-only`
pub static CAUSE: Cause = Cause {
    id: CauseId("nego.direct-only"),
    stage: Stage::X224,
    owner: Owner::Host,
    title: "{host} takes TLS at once, and may let nothing be negotiated before it",
    explanation: "A Remote Desktop server may take the direct approach alone: TLS and the sign-in from the first byte, and the connection request behind them. A client that asks first, as mstsc does by default, is hung up on. Seen from outside it is a TLS service like any other until somebody signs in.",
    excludes: &[
        "the network: the port answers",
        "certificate, password, account, licence: none was reached",
    ],
    remedies: &[Remedy {
        id: "connect-directly",
        place: Where::Client,
        risk: Risk::Low,
        title: "Connect without asking first, by an .rdp file",
        steps: &[
            "Add the line 'negotiate security layer:i:0' to a copy of the .rdp file, and open the copy with mstsc.",
        ],
        interrupts: "nothing",
        undo: &["Delete the copy; the file itself stays as it is."],
        verify: "rdpdoctor check direct.rdp gets past 'encryption'",
    }],
    references: &["MS-RDPBCGR 5.4.2.2"],
    client_shows: &[],
    more_specific_than: &[],
    reproduction: Reproduction::Test("a_server_that_may_let_nothing_be_negotiated"),
    next_tests: &[advice::WITHOUT_NEGOTIATION],
    rule,
};

/// A service of TLS of which nothing else is known; a word inside names another one.
fn rule(evidence: &Evidence<'_>) -> Option<Match> {
    let seen = look::foreign_service(evidence)?;
    let (service, said) = seen.value;
    let fits = service == ServiceKind::Tls && said.is_empty();
    fits.then(|| Match::new(Severity::Blocking, Proof::Possible, [seen.id()]))
}

#[cfg(test)]
mod tests {
    use rdpdoctor_model::{Fact, Hex, ServiceKind, Stage};

    use super::CAUSE;
    use crate::causes::net::wrong_service;
    use crate::testing::Scene;
    use crate::{Proof, Severity};

    #[test]
    fn tls_alone_leaves_it_open_and_a_word_does_not() {
        let answered = |service, said: &str| {
            let answer = Fact::ForeignService {
                service,
                said: said.to_owned(),
                bytes: Hex(vec![22]),
                unasked: false,
            };
            let scene = Scene::new().connected("10.0.0.1:3389").fact(Stage::X224, answer);
            let proof = |cause| scene.judge(cause).map(|found| (found.severity, found.proof));
            (proof(&wrong_service::CAUSE), proof(&CAUSE))
        };
        let blocking = |proof| Some((Severity::Blocking, proof));
        let open = (blocking(Proof::Likely), blocking(Proof::Possible));
        assert_eq!(answered(ServiceKind::Tls, ""), open);
        let known = (blocking(Proof::Proven), None);
        assert_eq!(answered(ServiceKind::Http, "HTTP/1.1 400"), known);
        assert_eq!(answered(ServiceKind::Ssh, "SSH-2.0-OpenSSH_9.6"), known);
    }
}
