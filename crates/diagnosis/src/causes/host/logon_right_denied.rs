//! A right of the local security policy keeps users out.

use rdpdoctor_model::{CauseId, Stage};

use crate::machine::Machine;
use crate::machine_facts::{ADMINISTRATORS, Point, REMOTE_USERS, holders, matched, members};
use crate::{Cause, Evidence, Match, Owner, Proof, Remedy, Reproduction, Risk, Severity, Where};

/// `host.logon-right-denied`
pub static CAUSE: Cause = Cause {
    id: CauseId("host.logon-right-denied"),
    stage: Stage::Host,
    owner: Owner::Host,
    title: "A right of the security policy keeps users of Remote Desktop out of {host}",
    explanation: "Two rights of the security policy decide who may sign in through Remote Desktop Services, one that allows and one that denies; with NLA the rights for access from the network count as well. A denial wins over every permission, that of administrators included.",
    excludes: &["password: it is judged before"],
    remedies: &[
        Remedy {
            id: "mend-the-right",
            place: Where::Host,
            risk: Risk::Medium,
            title: "Keep the rights as they are, then mend the one that is wrong",
            steps: &[
                "PS> secedit /export /areas USER_RIGHTS /cfg C:\\rights-before.inf",
                "PS> secpol.msc   (Local Policies, User Rights Assignment: Allow and Deny log on through Remote Desktop Services, Access and Deny access to this computer from the network)",
                "Allow holds Administrators (S-1-5-32-544) and Remote Desktop Users (S-1-5-32-555) by default; Deny nobody.",
            ],
            interrupts: "nothing; it counts from the next sign-in",
            undo: &[
                "PS> secedit /configure /db C:\\rights.sdb /cfg C:\\rights-before.inf /areas USER_RIGHTS",
            ],
            verify: "rdpdoctor host finds it no longer, and rdpdoctor check {target} -u <user> gets past 'sign-in'",
        },
        Remedy {
            id: "ask-for-the-policy",
            place: Where::Policy,
            risk: Risk::Medium,
            title: "Where a group policy sets the right, have the policy changed",
            steps: &[
                "PS> gpresult /scope computer /h gp.html   (User Rights Assignment names the policy)",
                "A denial for local accounts (S-1-5-113, S-1-5-114) is part of security baselines: ask before it is changed, or use a domain account.",
            ],
            interrupts: "nothing",
            undo: &["Set the policy back to what it was"],
            verify: "PS> gpupdate /target:computer, then rdpdoctor host finds it no longer",
        },
    ],
    references: &[
        "https://learn.microsoft.com/en-us/troubleshoot/windows-server/remote/deny-user-permissions-to-logon-to-rd-session-host",
        "https://learn.microsoft.com/en-us/previous-versions/windows/it-pro/windows-10/security/threat-protection/security-policy-settings/allow-log-on-through-remote-desktop-services",
    ],
    client_shows: &[],
    more_specific_than: &[CauseId("host.user-not-permitted")],
    reproduction: Reproduction::Test("facts_of_broken_hosts"),
    next_tests: &[],
    rule,
};

const ALLOW: &str = "SeRemoteInteractiveLogonRight";
const DENY: &str = "SeDenyRemoteInteractiveLogonRight";
const NETWORK: &str = "SeNetworkLogonRight";
const DENY_NETWORK: &str = "SeDenyNetworkLogonRight";

/// Everyone, Authenticated Users, Users: whoever can sign in at all.
const ALL: &[&str] = &["S-1-1-0", "S-1-5-11", "S-1-5-32-545"];
/// Local account, and local account that is an administrator.
const LOCAL: &[&str] = &["S-1-5-113", "S-1-5-114"];
/// Guests, and anonymous: denied on every well-kept machine.
const GUESTS: &[&str] = &["S-1-5-32-546", "S-1-5-7"];

fn rule(evidence: &Evidence<'_>) -> Option<Match> {
    let host = Machine::host(evidence);
    let points = [allowed(&host), denied(&host), from_the_network(&host)];
    matched(points.into_iter().flatten().collect())
}

fn has(holders: &[String], sids: &[&str]) -> bool {
    holders.iter().any(|sid| sids.contains(&sid.as_str()))
}

/// The right that allows.
fn allowed(host: &Machine<'_, '_>) -> Option<Point> {
    let allowed = holders(host, ALLOW)?;
    if allowed.value.is_empty() {
        let words = "Nobody holds the right to log on through Remote Desktop Services, administrators included.";
        let title = "Nobody may sign in by Remote Desktop on {host}: the right is given to none";
        return Some(Point::new(Severity::Blocking, Proof::Proven, [allowed.id()], title, words));
    }
    // The group is of no use without the right, and nobody misses it while it is empty.
    let group = members(host, REMOTE_USERS).filter(|group| !group.value.is_empty())?;
    let covered = has(allowed.value, &[REMOTE_USERS]) || has(allowed.value, ALL);
    let by_name = group.value.iter().all(|member| allowed.value.contains(member));
    (!covered && !by_name).then(|| {
        Point::new(
            Severity::Warning,
            Proof::Proven,
            [allowed.id(), group.id()],
            "The group Remote Desktop Users of {host} lacks the right to sign in",
            "The group Remote Desktop Users has members, and does not hold the right to log on through Remote Desktop Services.",
        )
    })
}

/// The right that denies.
fn denied(host: &Machine<'_, '_>) -> Option<Point> {
    let denied = holders(host, DENY)?;
    let point = |severity, title, words: &str| {
        Some(Point::new(severity, Proof::Proven, [denied.id()], title, words))
    };
    let name = "Deny log on through Remote Desktop Services";
    if has(denied.value, ALL) {
        let words = format!("{name} holds everybody, and a denial wins.");
        point(
            Severity::Blocking,
            "Everybody is denied the sign-in by Remote Desktop on {host}",
            &words,
        )
    } else if has(denied.value, &[ADMINISTRATORS, REMOTE_USERS]) {
        let words = format!(
            "{name} holds the group Administrators or Remote Desktop Users, and a denial wins."
        );
        point(
            Severity::Warning,
            "A group that uses Remote Desktop is denied the sign-in on {host}",
            &words,
        )
    } else if has(denied.value, LOCAL) {
        let words = format!("{name} holds the host's own accounts; domain accounts may.");
        point(
            Severity::Info,
            "Local accounts are denied the sign-in by Remote Desktop on {host}",
            &words,
        )
    } else {
        let others = denied.value.iter().filter(|sid| !GUESTS.contains(&sid.as_str())).count();
        if others == 0 {
            return None;
        }
        let words = format!("{name} holds {others} accounts or groups.");
        point(Severity::Info, "Some are denied the sign-in by Remote Desktop on {host}", &words)
    }
}

/// NLA signs in from the network first (logon type 3). That these rights count there is what people
/// report, and no specification says it: it never blocks.
fn from_the_network(host: &Machine<'_, '_>) -> Option<Point> {
    let denied = holders(host, DENY_NETWORK).filter(|denied| has(denied.value, ALL));
    let none = holders(host, NETWORK).filter(|allowed| allowed.value.is_empty());
    let right = denied.or(none)?;
    Some(Point::new(
        Severity::Warning,
        Proof::Likely,
        [right.id()],
        "{host} lets nobody in from the network, and NLA signs in that way first",
        "The rights for access from the network let nobody in; NLA signs in that way before the session.",
    ))
}

#[cfg(test)]
mod tests {
    use rdpdoctor_model::{Fact, Lookup, Stage};

    use super::{ALLOW, CAUSE, DENY, DENY_NETWORK, NETWORK};
    use crate::testing::Scene;
    use crate::{Proof, Severity};

    fn right(scene: Scene, right: &str, holders: Lookup<&[&str]>) -> Scene {
        let holders = holders.map_seen(|all| all.iter().map(|sid| (*sid).to_owned()).collect());
        scene.fact(Stage::Host, Fact::AccountRight { right: right.to_owned(), holders })
    }

    fn users(members: &[&str]) -> Scene {
        let group = "S-1-5-32-555".to_owned();
        let members = Lookup::seen(members.iter().map(|sid| (*sid).to_owned()).collect());
        Scene::new().fact(Stage::Host, Fact::GroupMembers { group, members })
    }

    fn judged(scene: &Scene) -> Option<(Severity, Proof)> {
        scene.judge(&CAUSE).map(|found| (found.severity, found.proof))
    }

    #[test]
    fn the_right_that_allows() {
        let jo = "S-1-5-21-1-2-3-1001";
        let usual: &[&str] = &["S-1-5-32-544", "S-1-5-32-555"];
        let of = |members: &[&str], holders| judged(&right(users(members), ALLOW, holders));
        assert_eq!(of(&[jo], Lookup::seen(usual)), None);
        assert_eq!(of(&[jo], Lookup::Absent), Some((Severity::Blocking, Proof::Proven)));
        let administrators: &[&str] = &["S-1-5-32-544"];
        let lacking = of(&[jo], Lookup::seen(administrators));
        assert_eq!(lacking, Some((Severity::Warning, Proof::Proven)));
        assert_eq!(of(&[], Lookup::seen(administrators)), None, "nobody misses it");
        let by_name: &[&str] = &["S-1-5-32-544", jo];
        assert_eq!(of(&[jo], Lookup::seen(by_name)), None);
        assert_eq!(of(&[jo], Lookup::unavailable("access denied")), None);
    }

    #[test]
    fn the_right_that_denies() {
        let of = |sids: &[&str]| judged(&right(Scene::new(), DENY, Lookup::seen(sids)));
        assert_eq!(of(&["S-1-1-0"]), Some((Severity::Blocking, Proof::Proven)));
        assert_eq!(of(&["S-1-5-32-544"]), Some((Severity::Warning, Proof::Proven)));
        assert_eq!(of(&["S-1-5-114"]), Some((Severity::Info, Proof::Proven)));
        assert_eq!(of(&["S-1-5-32-546"]), None, "guests");
        assert_eq!(of(&[]), None);
        assert_eq!(judged(&right(Scene::new(), DENY, Lookup::unavailable("denied"))), None);
    }

    #[test]
    fn rights_from_the_network_never_block() {
        let warned = Some((Severity::Warning, Proof::Likely));
        let everybody: &[&str] = &["S-1-1-0"];
        let of = |name, holders| judged(&right(Scene::new(), name, holders));
        assert_eq!(of(DENY_NETWORK, Lookup::seen(everybody)), warned);
        assert_eq!(of(NETWORK, Lookup::Absent), warned);
        assert_eq!(of(NETWORK, Lookup::seen(everybody)), None);
        assert_eq!(of(DENY_NETWORK, Lookup::Absent), None);
    }
}
