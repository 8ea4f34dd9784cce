//! The host opens a session and paints nothing.

use rdpdoctor_model::{Awaited, CauseId, Ending, Fact, Stage};

use crate::{Cause, Evidence, Match, Owner, Proof, Remedy, Reproduction, Risk, Severity, Where};

/// `session.no-picture`
pub static CAUSE: Cause = Cause {
    id: CauseId("session.no-picture"),
    stage: Stage::Session,
    owner: Owner::Host,
    title: "{host} opens a session and paints nothing",
    explanation: "The session is set up, and no picture came until the time was up: the black screen. A display driver, a policy for graphics, or a session that hangs does this.",
    excludes: &["name, route, firewall, encryption, password: all passed"],
    remedies: &[Remedy {
        id: "look-at-the-graphics",
        place: Where::Host,
        risk: Risk::Medium,
        title: "Look at the graphics of the host, then at the session",
        steps: &[
            "PS> Get-WinEvent -FilterHashtable @{LogName='System'; Level=1,2,3; ProviderName='Display','Microsoft-Windows-Dwm-Core'} -MaxEvents 10 -ErrorAction SilentlyContinue",
            "PS> Get-ItemProperty 'HKLM:\\\\SOFTWARE\\\\Policies\\\\Microsoft\\\\Windows NT\\\\Terminal Services' -Name fEnableWddmDriver, bEnumerateHWBeforeSW -ErrorAction SilentlyContinue",
            "PS> query session",
            "With the consent of its user: PS> logoff <number>",
        ],
        interrupts: "logoff ends the programs of that session, unsaved work is lost",
        undo: &["a session that was logged off cannot be brought back"],
        verify: "rdpdoctor check {target} -u <user> --logon gets past 'session'",
    }],
    references: &["MS-RDPBCGR 2.2.9.1"],
    client_shows: &[],
    more_specific_than: &[],
    reproduction: Reproduction::Lab(&["session-no-picture"]),
    next_tests: &[],
    rule,
};

/// The connection was finalised and a picture waited for, and none came.
fn rule(evidence: &Evidence<'_>) -> Option<Match> {
    let empty = evidence.main_path(|fact| match fact {
        Fact::Picture { painted_percent: 0, .. } => Some(()),
        _ => None,
    });
    let ended = evidence.ended_awaiting(Awaited::Picture);
    let silent = ended.filter(|ended| ended.value.ending == Ending::Timeout);
    let id = empty.first().map(crate::Seen::id).or_else(|| silent.map(|ended| ended.id()))?;
    Some(Match::new(Severity::Blocking, Proof::Proven, [id]).at_stage(Stage::Desktop))
}

#[cfg(test)]
mod tests {

    use super::CAUSE;
    use crate::testing::Scene;
    use rdpdoctor_model::{Awaited, Ending, Fact, Stage};

    #[test]
    fn only_a_picture_without_a_pixel() {
        let painted = |painted_percent| {
            let (width, height, updates) = (64, 64, 1);
            let picture = Fact::Picture {
                width,
                height,
                updates,
                painted_percent,
                blank: true,
                elapsed_ms: 1.0,
            };
            Scene::negotiated(2).fact(Stage::Desktop, picture).judge(&CAUSE)
        };
        assert!(painted(0).is_some());
        assert_eq!(painted(1), None);
        let ended = |how| Scene::negotiated(2).ended(how, Awaited::Picture).judge(&CAUSE);
        assert!(ended(Ending::Timeout).is_some());
        assert_eq!(ended(Ending::Fin), None);
    }
}
