//! The user is not among those who may use Remote Desktop.

use rdpdoctor_model::{CauseId, Fact, ObservationId, Stage};

use crate::machine::Machine;
use crate::machine_facts::{LSA, Point, REMOTE_USERS, matched, members, number};
use crate::{Cause, Evidence, Match, Owner, Proof, Remedy, Reproduction, Risk, Severity, Where};

/// `host.user-not-permitted`
pub static CAUSE: Cause = Cause {
    id: CauseId("host.user-not-permitted"),
    stage: Stage::Host,
    owner: Owner::Host,
    title: "Only administrators may use Remote Desktop on {host}",
    explanation: "Who is no administrator has to be in the group Remote Desktop Users (S-1-5-32-555; its name is another one in each language). A user who is not gets past the password and is told that the account is not authorised for remote sign-in.",
    excludes: &["password: it is judged before"],
    remedies: &[
        Remedy {
            id: "add-the-user",
            place: Where::Host,
            risk: Risk::Low,
            title: "Add the user to the group Remote Desktop Users",
            steps: &[
                "PS> Get-LocalGroupMember -SID S-1-5-32-555",
                "PS> Add-LocalGroupMember -SID S-1-5-32-555 -Member <DOMAIN\\user>",
            ],
            interrupts: "nothing; it counts from the next sign-in",
            undo: &["PS> Remove-LocalGroupMember -SID S-1-5-32-555 -Member <DOMAIN\\user>"],
            verify: "rdpdoctor check {target} -u <user> gets past 'sign-in'",
        },
        Remedy {
            id: "clear-a-full-security-log",
            place: Where::Host,
            risk: Risk::Medium,
            title: "Where a full security log lets administrators in only: keep it, clear it, reset",
            steps: &[
                "PS> wevtutil epl Security C:\\security.evtx; wevtutil cl Security",
                "PS> Set-ItemProperty 'HKLM:\\SYSTEM\\CurrentControlSet\\Control\\Lsa' CrashOnAuditFail 1",
                "Restart the machine when nobody works on it.",
            ],
            interrupts: "the restart ends every session",
            undo: &[
                "PS> Set-ItemProperty 'HKLM:\\SYSTEM\\CurrentControlSet\\Control\\Lsa' CrashOnAuditFail 2",
            ],
            verify: "a user who is no administrator signs in",
        },
    ],
    references: &[
        "https://learn.microsoft.com/en-us/troubleshoot/azure/virtual-machines/windows/troubleshoot-specific-rdp-errors",
        "MS-DTYP 2.4.2.4",
    ],
    client_shows: &[],
    more_specific_than: &[],
    reproduction: Reproduction::Test("facts_of_broken_hosts"),
    next_tests: &[],
    rule,
};

/// STATUS_LOGON_TYPE_NOT_GRANTED (MS-ERREF 2.3.1).
const NOT_GRANTED: u32 = 0xC000_015B;

/// ERRINFO_SERVER_INSUFFICIENT_PRIVILEGES (MS-RDPBCGR 2.2.5.1.1).
const INSUFFICIENT_PRIVILEGES: u32 = 9;

fn rule(evidence: &Evidence<'_>) -> Option<Match> {
    let host = Machine::host(evidence);
    let points = [nobody_else(evidence, &host), log_is_full(&host)];
    matched(points.into_iter().flatten().collect())
}

/// An empty group is usual on a server that only its administrators use; it explains a refusal.
fn nobody_else(evidence: &Evidence<'_>, host: &Machine<'_, '_>) -> Option<Point> {
    let group = members(host, REMOTE_USERS).filter(|group| group.value.is_empty())?;
    let title = "Only administrators may use Remote Desktop on {host}";
    let words = "The group Remote Desktop Users is empty.";
    Some(match refusal(evidence) {
        Some(refused) => {
            let ids = [group.id(), refused];
            let words = format!("{words} A user was refused for want of this right.");
            Point::new(Severity::Blocking, Proof::Likely, ids, title, words)
        }
        None => Point::new(Severity::Info, Proof::Proven, [group.id()], title, words),
    })
}

/// Whether the host refused somebody whose password it took.
fn refusal(evidence: &Evidence<'_>) -> Option<ObservationId> {
    let refused = evidence.all(|fact| match fact {
        Fact::EarlyAuthorization { result } if *result != 0 => Some(()),
        Fact::SetErrorInfo { code: INSUFFICIENT_PRIVILEGES } => Some(()),
        Fact::WindowsEvent(event)
            if [event.status, event.sub_status].contains(&Some(NOT_GRANTED)) =>
        {
            Some(())
        }
        _ => None,
    });
    refused.last().map(crate::Seen::id)
}

fn log_is_full(host: &Machine<'_, '_>) -> Option<Point> {
    let (setting, _) = number(host, LSA, "CrashOnAuditFail").filter(|(_, n)| *n == 2)?;
    Some(Point::of_setting(
        Severity::Warning,
        Proof::Likely,
        &setting,
        "{host} lets administrators in only: its security log was full",
        "CrashOnAuditFail is 2: the security log could not be written, and since then only administrators may sign in.",
    ))
}

#[cfg(test)]
mod tests {
    use rdpdoctor_model::{Fact, Lookup, Stage, WindowsEvent};

    use super::{CAUSE, LSA, REMOTE_USERS};
    use crate::testing::Scene;
    use crate::{Proof, Severity};

    fn group(members: Lookup<Vec<String>>) -> Scene {
        let group = REMOTE_USERS.to_owned();
        Scene::new().fact(Stage::Host, Fact::GroupMembers { group, members })
    }

    fn judged(scene: &Scene) -> Option<(Severity, Proof)> {
        scene.judge(&CAUSE).map(|found| (found.severity, found.proof))
    }

    #[test]
    fn an_empty_group_and_a_refusal() {
        assert_eq!(judged(&group(Lookup::seen(vec![]))), Some((Severity::Info, Proof::Proven)));
        let refused = |status| WindowsEvent {
            provider: "Microsoft-Windows-Security-Auditing".to_owned(),
            event_id: 4625,
            status: Some(status),
            ..WindowsEvent::default()
        };
        let blocked = group(Lookup::seen(vec![])).logged(Stage::Host, refused(0xC000_015B));
        assert_eq!(judged(&blocked), Some((Severity::Blocking, Proof::Likely)));
        let other = group(Lookup::seen(vec![])).logged(Stage::Host, refused(0xC000_006D));
        assert_eq!(judged(&other), Some((Severity::Info, Proof::Proven)));
    }

    #[test]
    fn a_group_with_members_and_one_that_nobody_read() {
        assert_eq!(judged(&group(Lookup::seen(vec!["S-1-5-21-1-2-3-1001".to_owned()]))), None);
        assert_eq!(judged(&group(Lookup::unavailable("access denied"))), None);
        assert_eq!(judged(&Scene::new()), None);
    }

    #[test]
    fn a_security_log_that_was_full() {
        let set = |n| judged(&Scene::new().host_number(LSA, "CrashOnAuditFail", n));
        assert_eq!(set(Some(2)), Some((Severity::Warning, Proof::Likely)));
        assert_eq!((set(Some(1)), set(Some(0)), set(None)), (None, None, None));
    }
}
