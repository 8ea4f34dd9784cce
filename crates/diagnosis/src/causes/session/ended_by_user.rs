//! The user of the session ended it.

use rdpdoctor_model::{CauseId, Fact, Source, Stage};

use crate::causes::said;
use crate::{Cause, Evidence, Match, Owner, Remedy, Reproduction, Risk, Severity, Where};

/// `session.ended-by-user`
pub static CAUSE: Cause = Cause {
    id: CauseId("session.ended-by-user"),
    stage: Stage::Session,
    owner: Owner::User,
    title: "The user of the session ended it",
    explanation: "The session was left or logged off from within: by the user, or by a program that runs at logon and ends it.",
    excludes: &["name, route, firewall, encryption: all passed"],
    remedies: &[Remedy {
        id: "connect-again",
        place: Where::Client,
        risk: Risk::Low,
        title: "Connect again; where it happens at once, look at what runs at logon",
        steps: &[
            "PS> Get-CimInstance Win32_StartupCommand   (on the host)",
            "PS> gpresult /r   (logon scripts)",
        ],
        interrupts: "nothing",
        undo: &["nothing to undo: nothing was changed"],
        verify: "rdpdoctor check {target} -u <user> --logon gets past 'session'",
    }],
    references: &["MS-RDPBCGR 2.2.5.1.1"],
    client_shows: &[],
    more_specific_than: &[CauseId("session.closed")],
    reproduction: Reproduction::Lab(&["session-ended-by-user"]),
    next_tests: &[],
    rule,
};

/// A session that lived so long was used: that it ends is no fault then.
const USED_MS: u64 = 2000;

/// What the server says by number decides.
fn rule(evidence: &Evidence<'_>) -> Option<Match> {
    let mut found = said::by_number(evidence, CAUSE.id)?;
    if was_used(evidence, &found) {
        found.severity = Severity::Info;
    }
    Some(found)
}

/// Whether a capture shows somebody else's session, and not one that ended at its beginning.
fn was_used(evidence: &Evidence<'_>, found: &Match) -> bool {
    let begun = evidence.main_path(|fact| matches!(fact, Fact::LoggedOn { .. }).then_some(()));
    let ended = evidence.observations().iter().find(|o| found.evidence.contains(&o.id));
    begun.first().zip(ended).is_some_and(|(begun, ended)| {
        let begun = begun.observation;
        begun.source == Source::Capture && ended.at_ms >= begun.at_ms.saturating_add(USED_MS)
    })
}

#[cfg(test)]
mod tests {
    use rdpdoctor_model::{Fact, LogonForm, Source, Stage};

    use super::{CAUSE, USED_MS};
    use crate::testing::Scene;
    use crate::{Evidence, Policy, Proof, Severity};

    #[test]
    fn its_error_and_no_other() {
        let said = |code| Scene::negotiated(2).error_info(code).judge(&CAUSE);
        let found = said(0xC).expect("its error");
        assert_eq!((found.severity, found.proof), (Severity::Blocking, Proof::Proven));
        assert_eq!(said(0x1), None);
        assert_eq!(said(0), None);
        // What comes once the client has left is no fault.
        assert_eq!(Scene::negotiated(2).left().error_info(0xC).judge(&CAUSE), None);
    }

    /// A capture of a session that was used and left is no fault; one that ends at once is.
    #[test]
    fn a_session_that_lived() {
        let severity = |source, lived_ms| {
            let logon = Fact::LoggedOn {
                form: LogonForm::PlainNotify,
                domain: None,
                user: None,
                session_id: None,
            };
            let scene = Scene::negotiated(2).fact(Stage::Session, logon).error_info(0xB);
            let mut observations = scene.with_evidence(|e| e.observations().to_vec());
            for observation in &mut observations {
                observation.source = source;
                let error = matches!(observation.fact, Fact::SetErrorInfo { .. });
                observation.at_ms = if error { 100 + lived_ms } else { 100 };
            }
            let evidence =
                Evidence::new(&observations, None, crate::testing::now(), Policy::default());
            (CAUSE.rule)(&evidence).map(|found| found.severity)
        };
        assert_eq!(severity(Source::Capture, USED_MS), Some(Severity::Info));
        assert_eq!(severity(Source::Capture, USED_MS - 1), Some(Severity::Blocking));
        assert_eq!(severity(Source::Probe, USED_MS), Some(Severity::Blocking));
    }
}
