//! The host takes no new sessions.

use rdpdoctor_model::{CauseId, Change, RegistryData, Stage};

use crate::host_view::leading;
use crate::machine::{Machine, SERVER};
use crate::mend::Mend;
use crate::{Cause, Evidence, Match, Owner, Proof, Remedy, Reproduction, Risk, Severity, Where};

const DRAIN: &str = "TSServerDrainMode";

/// `host.draining`
pub static CAUSE: Cause = Cause {
    id: CauseId("host.draining"),
    stage: Stage::Host,
    owner: Owner::Host,
    title: "{host} is being drained: it takes no new sessions",
    explanation: "Drain mode is on. Who has a session comes back to it, and an administrator still gets in; everybody else is refused after the sign-in. Somebody does this before maintenance, and forgets it at times.",
    excludes: &["network, certificate, password"],
    remedies: &[Remedy {
        id: "end-the-drain",
        place: Where::Host,
        risk: Risk::Medium,
        title: "Ask whether it is meant; if not, let new sessions in again",
        steps: &[
            "PS> change logon /query",
            "PS> change logon /enable",
            "In a farm, the collection says it as well: Server Manager, Remote Desktop Services, the collection, Host Servers, Allow New Connections.",
        ],
        interrupts: "nothing",
        undo: &["PS> change logon /drain"],
        verify: "PS> change logon /query says that session logins are enabled",
    }],
    references: &[
        "https://learn.microsoft.com/en-us/windows-server/administration/windows-commands/change-logon",
        "https://learn.microsoft.com/en-us/troubleshoot/azure/virtual-machines/windows/troubleshoot-rdp-general-error",
    ],
    client_shows: &[],
    more_specific_than: &[CauseId("session.draining")],
    reproduction: Reproduction::Test("host_facts"),
    next_tests: &[],
    rule,
};

/// What is changed: the mode alone. It may be meant, so a program asks before.
pub static MEND: Mend = Mend {
    cause: CAUSE.id,
    remedy: "end-the-drain",
    changes: |evidence| {
        let change = Change::RegistryValue {
            key: SERVER.to_owned(),
            name: DRAIN.to_owned(),
            data: Some(RegistryData::Dword(0)),
        };
        mode(&Machine::host(evidence)).map(|_| change).into_iter().collect()
    },
};

fn mode(host: &Machine<'_, '_>) -> Option<u64> {
    host.number(SERVER, DRAIN).filter(|mode| *mode != 0)
}

/// It blocks whoever has no session; the engine raises it where somebody was refused by it.
fn rule(evidence: &Evidence<'_>) -> Option<Match> {
    let host = Machine::host(evidence);
    let mode = mode(&host)?;
    let setting = host.setting(SERVER, DRAIN)?;
    // As SessionBrokerDrainMode of Win32_TerminalServiceSetting has it.
    let until = match mode {
        1 => "until the next restart",
        2 => "until somebody ends it",
        _ => "in a mode that this version does not know",
    };
    let found = Match::new(Severity::Warning, Proof::Proven, [setting.id])
        .detailed(format!("{DRAIN} is {mode}: it is drained {until}."));
    Some(leading(evidence, &CAUSE, found))
}

#[cfg(test)]
mod tests {
    use super::{CAUSE, DRAIN, MEND, SERVER};
    use crate::testing::Scene;
    use crate::{Proof, Severity};

    #[test]
    fn on_off_and_unread() {
        for mode in [1, 2] {
            let scene = Scene::new().host_number(SERVER, DRAIN, Some(mode));
            let found = scene.judge(&CAUSE).expect("it drains");
            assert_eq!((found.severity, found.proof), (Severity::Warning, Proof::Proven));
            assert_eq!(scene.with_evidence(MEND.changes).len(), 1);
        }
        for scene in [
            Scene::new().host_number(SERVER, DRAIN, Some(0)),
            Scene::new().host_number(SERVER, DRAIN, None),
            Scene::new().host_unread(SERVER, DRAIN),
        ] {
            assert_eq!(scene.judge(&CAUSE), None);
            assert_eq!(scene.with_evidence(MEND.changes), []);
        }
    }
}
