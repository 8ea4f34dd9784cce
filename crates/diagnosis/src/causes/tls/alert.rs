//! The server refuses the encryption's set-up with an alert.

use rdpdoctor_model::{Awaited, CauseId, Stage};

use crate::causes::look::PlainHello;
use crate::causes::{advice, look};
use crate::codes::{self, Table};
use crate::{Cause, ClientCode, Evidence, Match, Owner, Proof, Reproduction, Severity};

/// `tls.alert`
pub static CAUSE: Cause = Cause {
    id: CauseId("tls.alert"),
    stage: Stage::Tls,
    owner: Owner::Host,
    title: "{host} refuses the encryption's set-up with an alert",
    explanation: "The server ended the handshake with an alert, a message of TLS that names the reason in one word. What it means for a Windows host depends on the word; the host's own log (Schannel) has the rest.",
    excludes: &["name, route and firewall", "password, account, licence: none was reached"],
    remedies: &[advice::TLS_SETTINGS, advice::LOOK_AT_LISTENER],
    references: &[
        "RFC 8446 6",
        "https://learn.microsoft.com/en-us/troubleshoot/azure/virtual-machines/windows/event-id-troubleshoot-vm-rdp-connecton",
    ],
    client_shows: &[ClientCode { code: 0x904, extended: Some(7), proof: Proof::Likely }],
    more_specific_than: &[],
    reproduction: Reproduction::Lab(&["tls-alert-access-denied", "tls-alert-unrecognized-name"]),
    next_tests: &[advice::ON_THE_HOST],
    rule,
};

/// Alerts that have causes of their own while the ServerHello is awaited.
const SPOKEN_FOR: [u8; 4] = [40, 70, 71, 80];

fn rule(evidence: &Evidence<'_>) -> Option<Match> {
    // To whom a plain hello was answered, internal_error speaks of the first one, not of a key.
    let answered = matches!(look::plain_hello(evidence), PlainHello::Answered(_));
    let first = look::alert(evidence, &[Awaited::ServerHello])
        .filter(|alert| !SPOKEN_FOR.contains(&alert.value) || answered && alert.value == 80);
    let alert = first.or_else(|| look::alert(evidence, &[Awaited::HandshakeEnd]))?;
    if alert.value == 0 {
        return None;
    }
    let name = look::alert_name(alert.value);
    let host = evidence.target.map_or("the host", |target| target.host.as_str());
    let means = codes::lookup(Table::TlsAlert, u32::from(alert.value))
        .next()
        .map_or_else(|| "no specification names it".to_owned(), |entry| entry.meaning.clone());
    Some(
        Match::new(Severity::Blocking, Proof::Proven, [alert.id()])
            .titled(format!("{host} refuses the encryption's set-up with the alert {name}"))
            .detailed(format!("The alert is {name} ({}): {means}.", alert.value)),
    )
}

#[cfg(test)]
mod tests {

    use rdpdoctor_model::{Awaited, Purpose};

    use super::CAUSE;
    use crate::testing::Scene;

    #[test]
    fn its_alerts_and_no_others() {
        let alert = |code| Scene::negotiated(2).alert(code, Awaited::ServerHello).judge(&CAUSE);
        let refused = alert(49).expect("an alert without a cause of its own");
        assert!(refused.title.is_some_and(|title| title.contains("access_denied")));
        assert!(alert(200).is_some());
        assert_eq!(alert(80), None);
        assert_eq!(alert(0), None);
        let answered = Scene::negotiated(2)
            .alert(80, Awaited::ServerHello)
            .connection(Purpose::PlainClientHello)
            .server_hello(0x0303, 0x2F);
        assert!(answered.judge(&CAUSE).is_some());
        let later = Scene::negotiated(2).alert(80, Awaited::HandshakeEnd);
        assert!(later.judge(&CAUSE).is_some());
    }
}
