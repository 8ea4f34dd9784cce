//! A policy keeps the client from NTLM, or it speaks too old a version of it.

use rdpdoctor_model::{CauseId, Stage};

use crate::machine::Machine;
use crate::machine_facts::{LSA, NTLM, Point, matched, number};
use crate::{Cause, Evidence, Match, Owner, Proof, Remedy, Reproduction, Risk, Severity, Where};

/// `client.ntlm-policy`
pub static CAUSE: Cause = Cause {
    id: CauseId("client.ntlm-policy"),
    stage: Stage::Client,
    owner: Owner::Client,
    title: "A policy of this client decides how it signs in by NTLM",
    explanation: "Where Kerberos cannot serve, Windows signs in by NTLM: to an address instead of a name, to a computer outside of the domain, with a local account. A policy can forbid that, or leave a version that servers refuse. The right password fails then; by full name inside of the domain it works.",
    excludes: &["password: it is not judged"],
    remedies: &[
        Remedy {
            id: "use-the-name-in-the-domain",
            place: Where::Client,
            risk: Risk::Low,
            title: "Connect with the full name of the host, so that Kerberos serves",
            steps: &["$ mstsc /v:<host.domain>"],
            interrupts: "nothing",
            undo: &["nothing was changed"],
            verify: "PS> klist   (shows a ticket for TERMSRV/<host.domain>)",
        },
        Remedy {
            id: "ask-for-an-exception",
            place: Where::Policy,
            risk: Risk::Medium,
            title: "Where NTLM cannot be spared, ask for an exception for that host",
            steps: &[
                "Computer Configuration, Windows Settings, Security Settings, Local Policies, Security Options: Network security: Restrict NTLM: Add remote server exceptions for NTLM authentication: TERMSRV/<host>",
                "For a version that is too old: Network security: LAN Manager authentication level: Send NTLMv2 response only (level 3 or higher)",
            ],
            interrupts: "nothing",
            undo: &["Set the policy back to what it was"],
            verify: "rdpdoctor client finds it no longer",
        },
    ],
    references: &[
        "https://learn.microsoft.com/en-us/troubleshoot/windows-server/remote/0xc000035b-when-you-use-lmcompatibility",
        "MS-NLMP 3.1.1.1",
    ],
    client_shows: &[],
    more_specific_than: &[],
    reproduction: Reproduction::Test("facts_of_broken_clients"),
    next_tests: &[],
    rule,
};

/// Below this NTLMv1 is sent.
const SENDS_VERSION_2: u64 = 3;

fn rule(evidence: &Evidence<'_>) -> Option<Match> {
    let client = Machine::client(evidence);
    let points = [outgoing(&client), too_old(&client)];
    matched(points.into_iter().flatten().collect())
}

/// 1 only notes it, 2 refuses.
fn outgoing(client: &Machine<'_, '_>) -> Option<Point> {
    let (setting, _) =
        number(client, NTLM, "RestrictSendingNTLMTraffic").filter(|(_, level)| *level == 2)?;
    let exceptions = client.setting(NTLM, "ClientAllowedNTLMServers");
    let count = exceptions
        .as_ref()
        .and_then(|setting| setting.data.texts())
        .map_or(0, |all| all.iter().filter(|name| !name.trim().is_empty()).count());
    let words = match count {
        0 => "RestrictSendingNTLMTraffic is 2.".to_owned(),
        _ => format!("RestrictSendingNTLMTraffic is 2; {count} hosts are excepted."),
    };
    let title = "A policy keeps this client from signing in by NTLM";
    Some(Point::of_setting(Severity::Warning, Proof::Proven, &setting, title, &words))
}

fn too_old(client: &Machine<'_, '_>) -> Option<Point> {
    let (setting, level) = number(client, LSA, "LmCompatibilityLevel")
        .filter(|(_, level)| *level < SENDS_VERSION_2)?;
    let title = "This client sends NTLM version 1, which an RD Gateway refuses";
    let words = format!("LmCompatibilityLevel is {level}: a gateway answers 0xC000035B.");
    Some(Point::of_setting(Severity::Warning, Proof::Proven, &setting, title, &words))
}

#[cfg(test)]
mod tests {
    use rdpdoctor_model::{Lookup, RegistryData, Stage};

    use super::{CAUSE, LSA, NTLM};
    use crate::Severity;
    use crate::testing::Scene;

    fn judged(key: &str, name: &str, data: Lookup<u32>) -> Option<Severity> {
        let data = data.map_seen(RegistryData::Dword);
        let found = Scene::new().machine_value(Stage::Client, key, name, data).judge(&CAUSE);
        found.map(|found| found.severity)
    }

    #[test]
    fn what_may_leave_and_how_old_it_is() {
        let sending = |data| judged(NTLM, "RestrictSendingNTLMTraffic", data);
        assert_eq!(sending(Lookup::seen(2)), Some(Severity::Warning));
        assert_eq!((sending(Lookup::seen(1)), sending(Lookup::seen(0))), (None, None));
        assert_eq!((sending(Lookup::Absent), sending(Lookup::unavailable("denied"))), (None, None));
        let level = |level| judged(LSA, "LmCompatibilityLevel", Lookup::seen(level));
        assert_eq!(level(1), Some(Severity::Warning));
        assert_eq!((level(3), level(5)), (None, None));
    }
}
