//! An update waits for a restart.

use rdpdoctor_model::{CauseId, Lookup, Stage};

use crate::host_view::key;
use crate::machine::Machine;
use crate::{Cause, Evidence, Match, Owner, Proof, Remedy, Reproduction, Risk, Severity, Where};

/// Keys that are there only while a restart is due.
const DUE: &[(&str, &str)] = &[
    (
        r"HKLM\SOFTWARE\Microsoft\Windows\CurrentVersion\Component Based Servicing\RebootPending",
        "components of Windows were exchanged",
    ),
    (
        r"HKLM\SOFTWARE\Microsoft\Windows\CurrentVersion\WindowsUpdate\Auto Update\RebootRequired",
        "an update was installed",
    ),
];

/// `host.pending-reboot`
pub static CAUSE: Cause = Cause {
    id: CauseId("host.pending-reboot"),
    stage: Stage::Host,
    owner: Owner::Host,
    title: "{host} waits for a restart after an update",
    explanation: "An update is half applied until the restart: some programs of Remote Desktop may be new and others old, and what does not fit together fails in odd ways. It is the first thing to do before other repairs.",
    excludes: &["network, password"],
    remedies: &[Remedy {
        id: "restart-it",
        place: Where::Host,
        risk: Risk::Medium,
        title: "Tell who is signed in, and restart the machine",
        steps: &["PS> quser", "PS> Restart-Computer"],
        interrupts: "every session ends",
        undo: &["nothing to undo: an update that was begun is only finished"],
        verify: "$ rdpdoctor check {target} --wait 15m",
    }],
    references: &[
        "https://learn.microsoft.com/en-us/windows/deployment/update/how-windows-update-works",
    ],
    client_shows: &[],
    more_specific_than: &[],
    reproduction: Reproduction::Test("host_facts"),
    next_tests: &[],
    rule,
};

fn rule(evidence: &Evidence<'_>) -> Option<Match> {
    let host = Machine::host(evidence);
    let due: Vec<_> = DUE
        .iter()
        .filter_map(|(path, words)| {
            let seen = key(&host, path)?;
            matches!(seen.value.subkeys, Lookup::Seen { .. }).then(|| (seen.id(), *words))
        })
        .collect();
    let words: Vec<&str> = due.iter().map(|(_, words)| *words).collect();
    let ids = due.iter().map(|(id, _)| id.clone());
    (!due.is_empty()).then(|| {
        Match::new(Severity::Warning, Proof::Proven, ids)
            .detailed(format!("Windows says that {}.", words.join(" and that ")))
    })
}

#[cfg(test)]
mod tests {
    use rdpdoctor_model::Lookup;

    use super::{CAUSE, DUE};
    use crate::testing::Scene;
    use crate::{Proof, Severity};

    #[test]
    fn due_not_due_and_unread() {
        for (path, _) in DUE {
            let judged = |subkeys| {
                let found = Scene::new().host_key(path, subkeys).judge(&CAUSE);
                found.map(|found| (found.severity, found.proof))
            };
            let due = Some((Severity::Warning, Proof::Proven));
            assert_eq!(judged(Lookup::seen(Vec::new())), due);
            assert_eq!(judged(Lookup::Absent), None);
            assert_eq!(judged(Lookup::unavailable("access denied")), None);
        }
    }
}
