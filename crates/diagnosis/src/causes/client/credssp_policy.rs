//! A policy of the client decides which credentials it gives, and to whom.

use rdpdoctor_model::{CauseId, Change, Stage};

use super::saved_credentials::pattern_covers;
use crate::host_view::seen_past;
use crate::machine::Machine;
use crate::machine_facts::{CREDSSP, ORACLE, Point, matched, number, values};
use crate::mend::Mend;
use crate::{Cause, Evidence, Match, Owner, Proof, Remedy, Reproduction, Risk, Severity, Where};

/// `client.credssp-policy`
pub static CAUSE: Cause = Cause {
    id: CauseId("client.credssp-policy"),
    stage: Stage::Client,
    owner: Owner::Client,
    title: "A policy of this client decides which credentials it gives to a host",
    explanation: "With NLA the client hands the credentials over before the session. Policies say to which computers it may, whether it has to do so without handing them over at all, and how it treats hosts without the CredSSP update of 2018. One of them is not as Windows has it by itself.",
    excludes: &["network, certificate"],
    remedies: &[
        Remedy {
            id: "ask-for-the-policy",
            place: Where::Policy,
            risk: Risk::Medium,
            title: "Have the policy changed for the computers that it hits",
            steps: &[
                "PS> gpresult /scope computer /h gp.html   (it names the policy)",
                "Computer Configuration, Administrative Templates, System, Credentials Delegation: Deny delegating fresh credentials; Restrict delegation of credentials to remote servers (\"Prefer Remote Credential Guard\" falls back where a host cannot)",
            ],
            interrupts: "nothing",
            undo: &["Set the policy back to what it was"],
            verify: "PS> gpupdate /target:computer, then rdpdoctor client finds it no longer",
        },
        Remedy {
            id: "take-the-setting-away",
            place: Where::Client,
            risk: Risk::Low,
            title: "Take away the setting that keeps the old flaw of CredSSP open",
            steps: &[
                "PS> Remove-ItemProperty 'HKLM:\\SOFTWARE\\Microsoft\\Windows\\CurrentVersion\\Policies\\System\\CredSSP\\Parameters' AllowEncryptionOracle",
            ],
            interrupts: "hosts that lack the update of 2018 are refused from then on: bring them up to date",
            undo: &["rdpdoctor client rollback; better bring the host up to date"],
            verify: "rdpdoctor client finds it no longer",
        },
    ],
    references: &[
        "https://learn.microsoft.com/en-us/windows/client-management/mdm/policy-csp-admx-credssp",
        "https://learn.microsoft.com/en-us/windows/security/identity-protection/remote-credential-guard",
        "https://learn.microsoft.com/en-us/troubleshoot/azure/virtual-machines/windows/credssp-encryption-oracle-remediation",
    ],
    client_shows: &[],
    more_specific_than: &[],
    reproduction: Reproduction::Test("facts_of_broken_clients"),
    next_tests: &[],
    rule,
};

const DELEGATION: &str = r"HKLM\SOFTWARE\Policies\Microsoft\Windows\CredentialsDelegation";

/// What is changed: the setting that weakens goes. None is made that would.
pub static MEND: Mend = Mend {
    cause: CAUSE.id,
    remedy: "take-the-setting-away",
    changes: |evidence| {
        let client = Machine::client(evidence);
        let open = number(&client, CREDSSP, ORACLE)
            .is_some_and(|(setting, level)| level == 2 && !setting.is_managed());
        let (key, name) = (CREDSSP.to_owned(), ORACLE.to_owned());
        let change = Change::RegistryValue { key, name, data: None };
        open.then_some(change).into_iter().collect()
    },
};

fn rule(evidence: &Evidence<'_>) -> Option<Match> {
    let client = Machine::client(evidence);
    let points = [fresh_denied(&client), guard_required(&client), oracle(&client)];
    let found = matched(points.into_iter().flatten().collect())?;
    Some(seen_past(evidence, Stage::CredSsp, found))
}

/// A password that is typed may go to no computer at all.
fn fresh_denied(client: &Machine<'_, '_>) -> Option<Point> {
    let (setting, _) =
        number(client, DELEGATION, "DenyFreshCredentials").filter(|(_, n)| *n == 1)?;
    let denied = values(client, &format!(r"{DELEGATION}\DenyFreshCredentials"));
    // A name that nobody has: only a pattern for all of them covers it.
    let all = |text: &str| pattern_covers(text, "\u{1}");
    let list = denied.iter().find(|seen| seen.value.text().is_some_and(all))?;
    let title = "A policy forbids this client to give credentials to any computer";
    let words =
        "DenyFreshCredentials covers every computer: with NLA no sign-in by password can be made.";
    let mut point = Point::of_setting(Severity::Blocking, Proof::Likely, &setting, title, words);
    point.evidence.push(list.id());
    Some(point)
}

/// RestrictedRemoteAdministrationType: 1 Restricted Admin, 2 Remote Credential Guard, 3 whichever the
/// host can.
fn guard_required(client: &Machine<'_, '_>) -> Option<Point> {
    number(client, DELEGATION, "RestrictedRemoteAdministration").filter(|(_, on)| *on == 1)?;
    let (setting, kind) = number(client, DELEGATION, "RestrictedRemoteAdministrationType")?;
    let what = match kind {
        1 => "Restricted Admin",
        2 => "Remote Credential Guard",
        _ => return None,
    };
    let title = format!("A policy lets this client connect by {what} only");
    let words = format!("Hosts that do not take {what} are refused (0xE09).");
    Some(Point::of_setting(Severity::Warning, Proof::Likely, &setting, title, &words))
}

fn oracle(client: &Machine<'_, '_>) -> Option<Point> {
    let (setting, level) = number(client, CREDSSP, ORACLE)?;
    let (severity, title, words) = match level {
        0 => (
            Severity::Info,
            "This client refuses hosts that lack the CredSSP update of 2018",
            "AllowEncryptionOracle is 0: hosts without the update are refused, as they should be.",
        ),
        2 => (
            Severity::Warning,
            "This client is set to leave a mended flaw of CredSSP open",
            "AllowEncryptionOracle is 2: CVE-2018-0886 can be used against whoever signs in here.",
        ),
        _ => return None,
    };
    Some(Point::of_setting(severity, Proof::Proven, &setting, title, words))
}

#[cfg(test)]
mod tests {
    use rdpdoctor_model::{Lookup, RegistryData, Stage};

    use super::{CAUSE, CREDSSP, DELEGATION, MEND, ORACLE};
    use crate::testing::Scene;
    use crate::{Proof, Severity};

    fn number(scene: Scene, key: &str, name: &str, number: u32) -> Scene {
        scene.machine_value(Stage::Client, key, name, Lookup::seen(RegistryData::Dword(number)))
    }

    fn judged(scene: &Scene) -> Option<(Severity, Proof)> {
        scene.judge(&CAUSE).map(|found| (found.severity, found.proof))
    }

    #[test]
    fn lists_of_denied_computers() {
        let denied = |pattern: &str, on| {
            let list = format!(r"{DELEGATION}\DenyFreshCredentials");
            let text = Lookup::seen(RegistryData::Text(pattern.to_owned()));
            let scene = number(Scene::new(), DELEGATION, "DenyFreshCredentials", on);
            judged(&scene.machine_value(Stage::Client, &list, "1", text))
        };
        let blocked = Some((Severity::Blocking, Proof::Likely));
        assert_eq!((denied("TERMSRV/*", 1), denied("*", 1)), (blocked, blocked));
        assert_eq!(denied("TERMSRV/*.corp.example", 1), None);
        assert_eq!(denied("TERMSRV/*", 0), None);
    }

    #[test]
    fn modes_that_are_required() {
        let kind = |on, kind| {
            let scene = number(Scene::new(), DELEGATION, "RestrictedRemoteAdministration", on);
            judged(&number(scene, DELEGATION, "RestrictedRemoteAdministrationType", kind))
        };
        assert_eq!(kind(1, 2), Some((Severity::Warning, Proof::Likely)));
        assert_eq!((kind(1, 3), kind(0, 2)), (None, None));
    }

    #[test]
    fn the_mend_only_takes_away() {
        let level = |level| number(Scene::new(), CREDSSP, ORACLE, level).unmanaged();
        assert_eq!(judged(&level(2)), Some((Severity::Warning, Proof::Proven)));
        assert_eq!(judged(&level(0)), Some((Severity::Info, Proof::Proven)));
        assert_eq!(judged(&level(1)), None);
        let changes = |n| level(n).with_evidence(|evidence| (MEND.changes)(evidence)).len();
        assert_eq!((changes(2), changes(0)), (1, 0));
        let unread = Lookup::unavailable("access denied");
        let scene = Scene::new().machine_value(Stage::Client, CREDSSP, ORACLE, unread);
        assert_eq!(judged(&scene), None);
    }
}
