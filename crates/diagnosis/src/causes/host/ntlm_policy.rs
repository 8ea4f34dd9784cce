//! A policy keeps NTLM out, or makes it too old for the other end.

use rdpdoctor_model::{CauseId, Stage};

use crate::machine::Machine;
use crate::machine_facts::{LSA, NTLM, Point, matched, number};
use crate::{Cause, Evidence, Match, Owner, Proof, Remedy, Reproduction, Risk, Severity, Where};

/// `host.ntlm-policy`
pub static CAUSE: Cause = Cause {
    id: CauseId("host.ntlm-policy"),
    stage: Stage::Host,
    owner: Owner::Host,
    title: "A policy of {host} refuses sign-ins by NTLM",
    explanation: "Where Kerberos cannot serve, Windows signs in by NTLM: to an address instead of a name, with an account of the host itself, from outside of the domain. The host is set to refuse that, so such sign-ins fail with the right password. Those by Kerberos work.",
    excludes: &["password: it is not judged"],
    remedies: &[
        Remedy {
            id: "use-the-name-in-the-domain",
            place: Where::Client,
            risk: Risk::Low,
            title: "Connect with the full name, from the domain, with a domain account",
            steps: &["$ mstsc /v:<host.domain>   (Kerberos serves then, and the policy stays)"],
            interrupts: "nothing",
            undo: &["nothing was changed"],
            verify: "rdpdoctor check <host.domain> -u <user@domain> signs in by Kerberos",
        },
        Remedy {
            id: "ask-for-an-exception",
            place: Where::Policy,
            risk: Risk::High,
            title: "Where NTLM cannot be spared, ask for an exception for this host",
            steps: &[
                "Computer Configuration, Windows Settings, Security Settings, Local Policies, Security Options: Network security: Restrict NTLM (Incoming NTLM traffic; in a domain: Add server exceptions in this domain)",
            ],
            interrupts: "nothing",
            undo: &["Set the policy back to what it was"],
            verify: "rdpdoctor host finds it no longer",
        },
    ],
    references: &[
        "https://learn.microsoft.com/en-us/previous-versions/windows/it-pro/windows-10/security/threat-protection/security-policy-settings/network-security-restrict-ntlm-incoming-ntlm-traffic",
        "https://learn.microsoft.com/en-us/troubleshoot/windows-server/remote/0xc000035b-when-you-use-lmcompatibility",
    ],
    client_shows: &[],
    more_specific_than: &[],
    reproduction: Reproduction::Test("facts_of_broken_hosts"),
    next_tests: &[],
    rule,
};

const NETLOGON: &str = r"HKLM\SYSTEM\CurrentControlSet\Services\Netlogon\Parameters";

/// Below this NTLMv1 is sent (LmCompatibilityLevel, MS-NLMP 3.1.1.1).
const SENDS_VERSION_2: u64 = 3;

fn rule(evidence: &Evidence<'_>) -> Option<Match> {
    let host = Machine::host(evidence);
    let points = [incoming(&host), in_the_domain(&host), too_old(&host)];
    matched(points.into_iter().flatten().collect())
}

/// 1 refuses domain accounts, 2 all.
fn incoming(host: &Machine<'_, '_>) -> Option<Point> {
    let (setting, level) = number(host, NTLM, "RestrictReceivingNTLMTraffic")?;
    let whom = match level {
        1 => "domain accounts",
        2 => "every account",
        _ => return None,
    };
    let title = format!("A policy of {{host}} refuses sign-ins by NTLM for {whom}");
    let words = "RestrictReceivingNTLMTraffic says so.";
    Some(Point::of_setting(Severity::Warning, Proof::Proven, &setting, title, words))
}

/// On a domain controller: 1, 3, 5 and 7 refuse more and more.
fn in_the_domain(host: &Machine<'_, '_>) -> Option<Point> {
    let (setting, level) = number(host, NETLOGON, "RestrictNTLMInDomain")?;
    let title = "The domain controller {host} refuses NTLM in its domain";
    let words = "RestrictNTLMInDomain says so; exceptions stand in DCAllowedNTLMServers.";
    matches!(level, 1 | 3 | 5 | 7)
        .then(|| Point::of_setting(Severity::Warning, Proof::Proven, &setting, title, words))
}

fn too_old(host: &Machine<'_, '_>) -> Option<Point> {
    let (setting, _) =
        number(host, LSA, "LmCompatibilityLevel").filter(|(_, level)| *level < SENDS_VERSION_2)?;
    Some(Point::of_setting(
        Severity::Info,
        Proof::Proven,
        &setting,
        "{host} still sends NTLM version 1",
        "LmCompatibilityLevel is below 3: as a client this machine sends NTLM version 1, which an RD Gateway refuses with 0xC000035B.",
    ))
}

#[cfg(test)]
mod tests {
    use rdpdoctor_model::{Lookup, Stage};

    use super::{CAUSE, LSA, NETLOGON, NTLM};
    use crate::testing::Scene;
    use crate::{Proof, Severity};

    fn judged(key: &str, name: &str, number: Option<u32>) -> Option<(Severity, Proof)> {
        let found = Scene::new().host_number(key, name, number).judge(&CAUSE);
        found.map(|found| (found.severity, found.proof))
    }

    #[test]
    fn levels_that_refuse() {
        let warned = Some((Severity::Warning, Proof::Proven));
        for (number, found) in [(None, None), (Some(0), None), (Some(1), warned), (Some(2), warned)]
        {
            assert_eq!(judged(NTLM, "RestrictReceivingNTLMTraffic", number), found, "{number:?}");
        }
        assert_eq!(judged(NETLOGON, "RestrictNTLMInDomain", Some(7)), warned);
        assert_eq!(judged(NETLOGON, "RestrictNTLMInDomain", Some(0)), None);
        let unread = Lookup::unavailable("access denied");
        let scene =
            Scene::new().machine_value(Stage::Host, NTLM, "RestrictReceivingNTLMTraffic", unread);
        assert_eq!(scene.judge(&CAUSE), None);
    }

    #[test]
    fn a_version_that_is_too_old() {
        let level = |level| judged(LSA, "LmCompatibilityLevel", Some(level));
        assert_eq!(level(2), Some((Severity::Info, Proof::Proven)));
        assert_eq!((level(3), level(5)), (None, None));
    }
}
