//! A known trouble after an update.

use rdpdoctor_model::{CauseId, Stage};

use crate::causes::logged;
use crate::{Cause, Evidence, Match, Owner, Remedy, Reproduction, Risk, Where};

/// `host.update-regression`
pub static CAUSE: Cause = Cause {
    id: CauseId("host.update-regression"),
    stage: Stage::Host,
    owner: Owner::Directory,
    title: "An update of {host} brought a known fault",
    explanation: "Some updates of Windows change what a host accepts, and a sign-in or a session that worked before fails since then. One of them leaves a trace in the log: since updates of late 2025 Windows refuses sign-in between machines that were cloned without generalising them and so share one machine SID.",
    excludes: &["password, account"],
    remedies: &[Remedy {
        id: "give-it-an-own-identity",
        place: Where::Host,
        risk: Risk::High,
        title: "Give the cloned machine an identity of its own",
        steps: &[
            "PS> Get-WinEvent -FilterHashtable @{LogName='System'; Id=6167} -MaxEvents 5 | Format-List TimeCreated, Message",
            "On both machines: PS> (Get-CimInstance Win32_UserAccount -Filter \"LocalAccount=True\" | Select-Object -First 1).SID   (the same but for the last number: clones)",
            "Build one of them anew from an image that was generalised (sysprep /generalize), then join it to the domain.",
        ],
        interrupts: "building a machine anew",
        undo: &["restore the machine from the copy that was made before"],
        verify: "no new event 6167, and the sign-in works",
    }],
    references: &["https://softantenna.com/blog/windows-11-sid-changes"],
    client_shows: &[],
    more_specific_than: &[],
    reproduction: Reproduction::Test("event_logs_of_windows"),
    next_tests: &[],
    rule,
};

/// What the host wrote down decides; no live connection tells it.
fn rule(evidence: &Evidence<'_>) -> Option<Match> {
    let found = logged::by_event(evidence, CAUSE.id)?;
    Some(found.titled("Since an update the host refuses the sign-in of cloned machines"))
}

#[cfg(test)]
mod tests {
    use rdpdoctor_model::{Stage, WindowsEvent};

    use super::CAUSE;
    use crate::testing::Scene;
    use crate::{Proof, Severity};

    fn logged(provider: &str, event_id: u32, more: WindowsEvent) -> Option<(Severity, Proof)> {
        let event = WindowsEvent { provider: provider.to_owned(), event_id, ..more };
        let found = Scene::new().logged(Stage::CredSsp, event).judge(&CAUSE);
        found.map(|found| (found.severity, found.proof))
    }

    #[test]
    fn its_events_and_no_others() {
        let none = WindowsEvent::default;
        let found = logged("LsaSrv", 6167, none());
        assert_eq!(found, Some((Severity::Warning, Proof::Likely)));
        assert_eq!(logged("LsaSrv", 6037, none()), None);
    }
}
