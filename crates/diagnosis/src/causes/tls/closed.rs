//! The server hangs up during the encryption's set-up.

use rdpdoctor_model::{Awaited, CauseId, Ending, Fact, Party, Stage};

use crate::causes::advice;
use crate::causes::look::{self, PlainHello};
use crate::evidence::StreamEnd;
use crate::{Cause, ClientCode, Evidence, Match, Owner, Proof, Reproduction, Severity};

/// `tls.closed`
pub static CAUSE: Cause = Cause {
    id: CauseId("tls.closed"),
    stage: Stage::Tls,
    owner: Owner::Host,
    title: "{host} hangs up during the encryption's set-up",
    explanation: "The server, or something in its name, ended the connection in the middle of the handshake without saying why.",
    excludes: &["name, open port", "password, account, licence: none was reached"],
    remedies: &[advice::ASK_NETWORK_TEAM, advice::TLS_SETTINGS],
    references: &["RFC 8446 6.1"],
    client_shows: &[ClientCode { code: 0x904, extended: Some(7), proof: Proof::Likely }],
    more_specific_than: &[],
    reproduction: Reproduction::Lab(&["tls-closed-after-server-hello", "tls-modern-hello-dropped"]),
    next_tests: &[advice::ON_THE_HOST, advice::FROM_ELSEWHERE],
    rule,
};

/// A dropped ClientHello is `tls.private-key-unavailable` rather, when a plain one is dropped too;
/// then this one is only possible.
fn rule(evidence: &Evidence<'_>) -> Option<Match> {
    let alert = look::alert(evidence, &[Awaited::ServerHello, Awaited::HandshakeEnd]);
    if let Some(alert) = alert {
        let quiet = alert.value == 0;
        return quiet.then(|| Match::new(Severity::Blocking, Proof::Proven, [alert.id()]));
    }
    // What came instead of TLS is the finding then, not that it hung up afterwards.
    if look::broken_tls(evidence) {
        return None;
    }
    // The client refused what came, and said so: whoever hung up then is not the one to blame.
    let refused_here = evidence.main_path(|fact| match fact {
        Fact::TlsAlert { from: Party::Client, description, .. } => {
            (*description != 0).then_some(())
        }
        _ => None,
    });
    if !refused_here.is_empty() {
        return None;
    }
    let hung_up = |awaited| {
        evidence
            .ended_awaiting(awaited)
            .filter(|ended| matches!(ended.value.ending, Ending::Fin | Ending::Reset))
    };
    let words = |ended: &StreamEnd| {
        format!(
            "It {} {:.0} ms after our last packet, {} bytes of an unfinished message had come.",
            look::ending(ended.ending),
            ended.after_ms,
            ended.unfinished
        )
    };
    if let Some(ended) = hung_up(Awaited::HandshakeEnd) {
        let found = Match::new(Severity::Blocking, Proof::Proven, [ended.id()]);
        return Some(found.detailed(words(&ended.value)));
    }
    if look::wants_negotiation(evidence).is_some() {
        return None;
    }
    let ended = hung_up(Awaited::ServerHello)?;
    let (proof, second, more) = match look::plain_hello(evidence) {
        _ if ended.value.unfinished > 0 => (Proof::Proven, None, ""),
        PlainHello::Answered(second) => (
            Proof::Proven,
            Some(second),
            " It answers a plain hello of TLS 1.2: the size of the first or an offer in it, such as TLS 1.3, trips the host or something in between.",
        ),
        PlainHello::Dropped(second) => (Proof::Possible, Some(second), ""),
        PlainHello::Alerted(..) | PlainHello::NotTried | PlainHello::Other => {
            (Proof::Possible, None, "")
        }
    };
    let ids = [Some(ended.id()), second].into_iter().flatten();
    Some(Match::new(Severity::Blocking, proof, ids).detailed(words(&ended.value) + more))
}

#[cfg(test)]
mod tests {

    use rdpdoctor_model::{Awaited, Ending, Fact, Party, Purpose, Stage};

    use super::CAUSE;
    use crate::Proof;
    use crate::testing::Scene;

    #[test]
    fn what_the_client_refused_is_not_the_servers() {
        let scene =
            || Scene::negotiated(1).ended_with(Ending::Fin, Awaited::HandshakeEnd, 1330, 396);
        assert!(scene().judge(&CAUSE).is_some());
        let alert = Fact::TlsAlert {
            from: Party::Client,
            level: 2,
            description: 51,
            awaited: Awaited::HandshakeEnd,
        };
        assert_eq!(scene().fact(Stage::Tls, alert).judge(&CAUSE), None);
    }

    #[test]
    fn where_it_was_cut_decides() {
        let late = Scene::negotiated(2).ended(Ending::Fin, Awaited::HandshakeEnd);
        assert_eq!(late.judge(&CAUSE).map(|m| m.proof), Some(Proof::Proven));
        let dropped = || {
            Scene::negotiated(2)
                .ended(Ending::Reset, Awaited::ServerHello)
                .connection(Purpose::PlainClientHello)
        };
        let twice = dropped().ended(Ending::Reset, Awaited::ServerHello);
        assert_eq!(twice.judge(&CAUSE).map(|m| m.proof), Some(Proof::Possible));
        let once = dropped().server_hello(0x0303, 0x2F);
        assert_eq!(once.judge(&CAUSE).map(|m| m.proof), Some(Proof::Proven));
        let begun = Scene::negotiated(2).ended_unfinished(Ending::Fin, Awaited::ServerHello);
        assert_eq!(begun.judge(&CAUSE).map(|m| m.proof), Some(Proof::Proven));
        let silent = Scene::negotiated(2).ended(Ending::Timeout, Awaited::HandshakeEnd);
        assert_eq!(silent.judge(&CAUSE), None);
    }
    #[test]
    fn an_alert_or_garbage_says_more() {
        let ended = |scene: Scene| scene.ended(Ending::Fin, Awaited::ServerHello).judge(&CAUSE);
        let alert = |code| ended(Scene::negotiated(2).alert(code, Awaited::ServerHello));
        assert_eq!(alert(40), None);
        assert_eq!(alert(0).map(|m| m.proof), Some(Proof::Proven));
        assert_eq!(ended(Scene::negotiated(2).broken_tls()), None);
    }
}
