//! Whose private key Schannel speaks of (36869, 36870): web servers, directories and databases on the
//! host write the same entry about theirs.

use rdpdoctor_model::{Awaited, Ending, Source, Stage, WindowsEvent};

use super::{CORE, MANAGER, SCHANNEL, SECURITY, SESSIONS, UNKNOWN_CREDENTIALS};
use crate::causes::look;
use crate::{Evidence, Seen};

/// Windows writes the entry while the handshake fails, or when the connection is dropped.
const NEAR_MS: u64 = 5_000;

/// internal_error and handshake_failure (RFC 8446 6.2): what a host says that cannot use its key.
const ALERTS: [u8; 2] = [80, 40];

/// Whose key an entry is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Whose {
    /// That of Remote Desktop.
    Own,
    /// Nothing tells.
    Unknown,
    /// That of another one, most likely: Remote Desktop came past its own at the time.
    HardlyOwn,
    /// That of another program, which the entry names.
    Others,
}

/// Whether the entry is about a key at all.
pub(super) fn is_about_key(event: &WindowsEvent) -> bool {
    event.is(SCHANNEL, &[36869, 36870])
}

/// Whether the number of the entry says by itself that the key could not be opened.
pub(super) fn is_unopened(event: &WindowsEvent) -> bool {
    event.is(SCHANNEL, &[36870]) && event.error == Some(UNKNOWN_CREDENTIALS)
}

/// What ties the entry to Remote Desktop, or to something else: the program that it names; else what
/// the host wrote, or somebody saw from outside, at the same time.
pub(super) fn whose(
    evidence: &Evidence<'_>,
    events: &[Seen<'_, &WindowsEvent>],
    entry: &Seen<'_, &WindowsEvent>,
) -> Whose {
    if let Some(named) = entry.value.process.as_deref().and_then(named) {
        return named;
    }
    if events.iter().any(|seen| is_past_tls(seen.value)) {
        return Whose::HardlyOwn;
    }
    // What was collected from a machine tells no time.
    if entry.observation.source != Source::EventLog {
        return Whose::Unknown;
    }
    let near = |at_ms: u64| entry.observation.at_ms.abs_diff(at_ms) <= NEAR_MS;
    let beside = events.iter().any(|seen| {
        let of_listener = seen.value.is(MANAGER, &[1057, 1058]) || is_accepted(seen);
        of_listener && near(seen.observation.at_ms)
    });
    let seen_outside = failed_handshake(evidence).is_some_and(near);
    if beside || seen_outside { Whose::Own } else { Whose::Unknown }
}

/// The program as newer Windows names it: `svchost[TermService]`. A bare `svchost` is any of many.
fn named(process: &str) -> Option<Whose> {
    let lower = process.trim().to_ascii_lowercase();
    let bare = lower.rsplit('\\').next().unwrap_or(&lower);
    match bare {
        "" | "svchost" | "svchost.exe" => None,
        _ if bare.contains("termservice") => Some(Whose::Own),
        _ => Some(Whose::Others),
    }
}

/// A connection of Remote Desktop came in.
fn is_accepted(seen: &Seen<'_, &WindowsEvent>) -> bool {
    let accepted = seen.value.is(MANAGER, &[261, 1158]) || seen.value.is(CORE, &[65, 131]);
    accepted && seen.observation.stage == Stage::Tcp
}

/// What the host writes behind the encryption: a sign-in, whatever came of it, a licence, a session.
fn is_past_tls(event: &WindowsEvent) -> bool {
    event.is(SESSIONS, &[21, 22, 25])
        || event.is(MANAGER, &[1003, 1004, 1011, 1012, 1036, 1069, 1070, 1149])
        || event.is(CORE, &[68, 140])
        || event.is(SECURITY, &[4624, 4625, 4778, 4825])
}

/// When somebody outside saw that the host dropped the first message of TLS, or answered it with an
/// alert that fits.
fn failed_handshake(evidence: &Evidence<'_>) -> Option<u64> {
    let alert = look::alert(evidence, &[Awaited::ServerHello])
        .filter(|alert| ALERTS.contains(&alert.value))
        .map(|alert| alert.observation.at_ms);
    let dropped = || {
        let ended = evidence.ended_awaiting(Awaited::ServerHello)?;
        let hung_up = matches!(ended.value.ending, Ending::Fin | Ending::Reset);
        hung_up.then_some(ended.observation.at_ms)
    };
    alert.or_else(dropped)
}

#[cfg(test)]
mod tests {
    use rdpdoctor_model::{Awaited, Ending, Stage, WindowsEvent};

    use super::*;
    use crate::causes::tls::private_key_unavailable::CAUSE;
    use crate::testing::Scene;
    use crate::{Proof, Severity, engine};

    fn event(provider: &str, event_id: u32) -> WindowsEvent {
        WindowsEvent { provider: provider.to_owned(), event_id, ..WindowsEvent::default() }
    }

    fn key() -> WindowsEvent {
        WindowsEvent { error: Some(UNKNOWN_CREDENTIALS), ..event(SCHANNEL, 36870) }
    }

    /// Entries of a log with their stage and time.
    fn log(entries: &[(u64, Stage, WindowsEvent)]) -> Scene {
        entries.iter().fold(Scene::new(), |scene, (at_ms, stage, event)| {
            scene.logged_at(*at_ms, *stage, event.clone())
        })
    }

    fn judged(scene: &Scene) -> Option<(Severity, Proof)> {
        let found = scene.with_evidence(|evidence| engine::judged(&CAUSE, evidence));
        found.map(|found| (found.severity, found.proof))
    }

    const PROVEN: Option<(Severity, Proof)> = Some((Severity::Blocking, Proof::Proven));
    const LIKELY: Option<(Severity, Proof)> = Some((Severity::Blocking, Proof::Likely));

    #[test]
    fn the_program_that_the_entry_names_decides() {
        let of = |process: &str| {
            judged(&log(&[(
                0,
                Stage::Tls,
                WindowsEvent { process: Some(process.to_owned()), ..key() },
            )]))
        };
        assert_eq!(of("svchost[TermService]"), PROVEN);
        assert_eq!(of(r"C:\Windows\System32\svchost.exe"), LIKELY, "any service");
        assert_eq!(of("svchost"), LIKELY);
        for other in ["w3wp", "lsass", "SYSTEM", "sqlservr.exe", "svchost[W3SVC]"] {
            assert_eq!(of(other), None, "{other}");
        }
    }

    #[test]
    fn what_the_listener_wrote_at_the_same_time() {
        assert_eq!(judged(&log(&[(0, Stage::Tls, key())])), LIKELY, "nothing beside it");
        for id in [1057, 1058] {
            let beside = event(MANAGER, id);
            assert_eq!(judged(&log(&[(0, Stage::Tls, beside), (900, Stage::Tls, key())])), PROVEN);
        }
        let accepted = |at| (at, Stage::Tcp, event(CORE, 131));
        assert_eq!(judged(&log(&[accepted(0), (400, Stage::Tls, key())])), PROVEN);
        assert_eq!(
            judged(&log(&[accepted(0), (60_000, Stage::Tls, key())])),
            LIKELY,
            "long before"
        );
        let udp = (0, Stage::Udp, event(CORE, 131));
        assert_eq!(judged(&log(&[udp, (400, Stage::Tls, key())])), LIKELY, "no connection");
    }

    #[test]
    fn near_miss_remote_desktop_came_past_its_key() {
        let possible = Some(Proof::Possible);
        for past in [event(CORE, 140), event(MANAGER, 1149), event(SECURITY, 4625)] {
            let accepted = (0, Stage::Tcp, event(CORE, 131));
            let scene =
                log(&[accepted, (400, Stage::Tls, key()), (900, Stage::CredSsp, past.clone())]);
            assert_eq!(judged(&scene).map(|(_, proof)| proof), possible, "{past:?}");
        }
    }

    #[test]
    fn a_dropped_hello_that_was_seen_outside_at_the_time() {
        let dropped = |at| {
            Scene::negotiated(2).ended(Ending::Reset, Awaited::ServerHello).logged_at(
                at,
                Stage::Tls,
                key(),
            )
        };
        assert_eq!(judged(&dropped(300)), PROVEN);
        assert_eq!(judged(&dropped(300_000)), LIKELY, "another moment");
        let later = Scene::negotiated(2).ended(Ending::Reset, Awaited::HandshakeEnd);
        assert_eq!(judged(&later.logged_at(300, Stage::Tls, key())), LIKELY, "behind the key");
    }

    #[test]
    fn what_was_collected_tells_no_time() {
        let collected =
            Scene::new().logged(Stage::Tls, event(MANAGER, 1057)).logged(Stage::Tls, key());
        assert_eq!(judged(&collected), LIKELY);
    }
}
