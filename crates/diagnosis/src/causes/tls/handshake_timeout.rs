//! The server stops answering during the encryption's set-up.

use rdpdoctor_model::{Awaited, CauseId, Ending, Fact, Stage};

use crate::causes::advice;
use crate::{Cause, ClientCode, Evidence, Match, Owner, Proof, Reproduction, Severity};

/// `tls.handshake-timeout`
pub static CAUSE: Cause = Cause {
    id: CauseId("tls.handshake-timeout"),
    stage: Stage::Tls,
    owner: Owner::Network,
    title: "{host} stops answering during the encryption's set-up",
    explanation: "The connection stands and the server agreed to encrypt, and then nothing more came in time. Large packets that are lost on the way do this, so does a device that inspects traffic, and a host that hangs.",
    excludes: &["name, open port", "password, account, licence: none was reached"],
    remedies: &[advice::ASK_NETWORK_TEAM, advice::LOOK_AT_LISTENER],
    references: &["RFC 8446 4", "RFC 4821"],
    client_shows: &[ClientCode { code: 0x108, extended: Some(0), proof: Proof::Possible }],
    more_specific_than: &[],
    reproduction: Reproduction::Lab(&["tls-silent", "tls-stalls-after-server-hello"]),
    next_tests: &[advice::FROM_ELSEWHERE, advice::ON_THE_HOST],
    rule,
};

fn rule(evidence: &Evidence<'_>) -> Option<Match> {
    let ended = [Awaited::HandshakeEnd, Awaited::ServerHello].into_iter().find_map(|awaited| {
        evidence.ended_awaiting(awaited).filter(|ended| ended.value.ending == Ending::Timeout)
    })?;
    let end = ended.value;
    let answer = match (end.awaited, end.unfinished) {
        (Awaited::ServerHello, 0) => "Not a byte of an answer came to it".to_owned(),
        (_, unfinished) => format!(
            "{unfinished} bytes of an unfinished message had come, {} on this connection in all",
            end.received
        ),
    };
    let hello = evidence
        .main_path(|fact| match fact {
            Fact::ClientHello { length, .. } => Some(*length),
            _ => None,
        })
        .pop();
    let sent = hello.map_or_else(
        || "The first encrypted message was sent.".to_owned(),
        |hello| format!("The first encrypted message had {} bytes.", hello.value),
    );
    let text = format!("{sent} {answer}.");
    Some(Match::new(Severity::Blocking, Proof::Proven, [ended.id()]).detailed(text))
}

#[cfg(test)]
mod tests {

    use rdpdoctor_model::{Awaited, Ending};

    use super::CAUSE;
    use crate::testing::Scene;

    #[test]
    fn silence_is_not_a_hang_up() {
        let ended = |how| Scene::negotiated(2).ended(how, Awaited::ServerHello).judge(&CAUSE);
        assert!(ended(Ending::Timeout).is_some());
        assert_eq!(ended(Ending::Reset), None);
        let other = Scene::negotiated(2).ended(Ending::Timeout, Awaited::ConnectionConfirm);
        assert_eq!(other.judge(&CAUSE), None);
    }

    #[test]
    fn it_says_what_had_come() {
        let nothing = Scene::negotiated(2).ended(Ending::Timeout, Awaited::ServerHello);
        let detail = |scene: Scene| scene.judge(&CAUSE).and_then(|m| m.detail).unwrap_or_default();
        assert!(detail(nothing).contains("Not a byte"));
        let begun = Scene::negotiated(2).ended_unfinished(Ending::Timeout, Awaited::HandshakeEnd);
        assert!(detail(begun).contains("5 bytes of an unfinished message had come, 24"));
    }
}
