//! The server answers the encryption's set-up with something that is not valid TLS.

use rdpdoctor_model::{Awaited, CauseId, Fact, Stage};

use crate::causes::tls::no_common_version;
use crate::causes::{advice, look};
use crate::{Cause, ClientCode, Evidence, Match, Owner, Proof, Reproduction, Severity};

/// `tls.malformed`
pub static CAUSE: Cause = Cause {
    id: CauseId("tls.malformed"),
    stage: Stage::Tls,
    owner: Owner::Host,
    title: "{host} answers the encryption's set-up with something that is not valid TLS",
    explanation: "What came instead of the handshake breaks the rules of TLS, or its signature does not fit the certificate. Another program, a proxy, or a faulty server stands at the port.",
    excludes: &["name, route and firewall", "password, account, licence: none was reached"],
    remedies: &[advice::LOOK_AT_LISTENER, advice::ASK_NETWORK_TEAM],
    references: &["RFC 8446 5", "RFC 8446 4.4.3"],
    client_shows: &[ClientCode { code: 0x904, extended: Some(7), proof: Proof::Likely }],
    more_specific_than: &[],
    reproduction: Reproduction::Lab(&["tls-garbage", "tls-http-answer", "tls-wrong-key"]),
    next_tests: &[advice::ON_THE_HOST],
    rule,
};

/// Only when the handshake failed: a certificate that one reader cannot read may still be good.
fn rule(evidence: &Evidence<'_>) -> Option<Match> {
    if evidence.tls_established() || look::wants_negotiation(evidence).is_some() {
        return None;
    }
    let pick = |malformed: bool| {
        evidence.main_path(move |fact| match fact {
            Fact::TlsMalformed { problem, .. } if malformed => Some(problem.as_str()),
            Fact::TlsRefused { reason } if !malformed => Some(reason.as_str()),
            _ => None,
        })
    };
    if let Some(seen) = pick(true).into_iter().next() {
        let text = format!("What came: {}.", seen.value);
        return Some(Match::new(Severity::Blocking, Proof::Proven, [seen.id()]).detailed(text));
    }
    // What the server said, or how it hung up, explains the refusal of this side better.
    let spoke = look::alert(evidence, &[Awaited::ServerHello, Awaited::HandshakeEnd]).is_some();
    if spoke || (no_common_version::CAUSE.rule)(evidence).is_some() {
        return None;
    }
    let seen = pick(false).into_iter().next()?;
    let text = format!("Our TLS library says: {}.", seen.value);
    Some(Match::new(Severity::Blocking, Proof::Likely, [seen.id()]).detailed(text))
}

#[cfg(test)]
mod tests {

    use rdpdoctor_model::{Awaited, Fact, Hex, Stage};

    use super::CAUSE;
    use crate::causes::client::rdp_file_fragile_settings;
    use crate::testing::Scene;
    use crate::{Proof, Severity};

    #[test]
    fn garbage_counts_only_when_the_handshake_failed() {
        let garbage = || Scene::negotiated(2).broken_tls();
        assert_eq!(garbage().judge(&CAUSE).map(|m| m.proof), Some(Proof::Proven));
        assert_eq!(garbage().established(0x0303).judge(&CAUSE), None);
    }

    /// A client that begins with TLS (MS-RDPBCGR 5.4.2.2) may be told in Remote Desktop's own words that this
    /// is none; behind a negotiation such words are garbage.
    #[test]
    fn a_packet_of_remote_desktop_is_no_garbage_to_who_did_not_ask() {
        let told = |scene: Scene, bytes: &[u8]| {
            let (problem, bytes) = ("not a TLS record".to_owned(), Hex(bytes.to_vec()));
            scene.fact(Stage::Tls, Fact::TlsMalformed { problem, bytes })
        };
        let direct =
            || Scene::new().connected("10.0.0.1:3389").fact(Stage::X224, Fact::DirectApproach);
        let ultimatum = [3, 0, 0, 9, 2];
        let by_file = &rdp_file_fragile_settings::CAUSE;
        assert_eq!(told(direct(), &ultimatum).judge(&CAUSE), None);
        let found = told(direct(), &ultimatum).judge(by_file).expect("fits");
        assert_eq!((found.severity, found.proof), (Severity::Blocking, Proof::Proven));
        for near in [told(direct(), b"HTTP/"), told(Scene::negotiated(2), &ultimatum)] {
            assert!(near.judge(&CAUSE).is_some() && near.judge(by_file).is_none());
        }
    }

    #[test]
    fn a_refusal_of_this_side_is_likely_unless_something_else_explains_it() {
        let refused = |reason| Scene::negotiated(2).server_hello(0x0303, 0x2F).tls_refused(reason);
        let proof = |scene: Scene| scene.judge(&CAUSE).map(|m| m.proof);
        assert_eq!(proof(refused("bad signature")), Some(Proof::Likely));
        assert_eq!(proof(refused("unsupported protocol")), None);
        assert_eq!(proof(refused("bad signature").alert(40, Awaited::HandshakeEnd)), None);
    }
}
