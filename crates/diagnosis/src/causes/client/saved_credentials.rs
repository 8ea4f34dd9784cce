//! Credentials that the client keeps are not the right ones, or may not be used.

use rdpdoctor_model::{CauseId, Change, Fact, ObservationId, SavedCredential, Stage, WindowsEvent};

use crate::causes::{logged, nla};
use crate::machine::{Machine, POLICY};
use crate::machine_facts::{OWN_CLIENT, Point, matched, number, values};
use crate::mend::Mend;
use crate::{
    Cause, Evidence, Match, NextTest, Owner, Proof, Remedy, Reproduction, Risk, Seen, Severity,
    Where,
};

/// `client.saved-credentials`
pub static CAUSE: Cause = Cause {
    id: CauseId("client.saved-credentials"),
    stage: Stage::Client,
    owner: Owner::User,
    title: "Credentials that this client keeps may be out of date",
    explanation: "The credential manager keeps a user and a password for a computer, and the client sends them without asking. After the password was changed that fails each time, and counts towards a lockout. A policy can also forbid that they are kept or sent.",
    excludes: &["network, certificate"],
    remedies: &[
        Remedy {
            id: "remove-the-entry-by-its-name",
            place: Where::Client,
            risk: Risk::Medium,
            title: "Remove the one entry, and type the current password",
            steps: &[
                "PS> cmdkey /list   (entries for Remote Desktop begin with TERMSRV/)",
                "PS> cmdkey /delete:TERMSRV/<computer>",
                "PS> mstsc /v:<computer> /prompt",
            ],
            interrupts: "the client asks for the password once",
            undo: &["The password cannot be had back: tick \"Remember me\" at the next sign-in"],
            verify: "the sign-in works, and rdpdoctor client finds it no longer",
        },
        Remedy {
            id: "ask-for-the-policy",
            place: Where::Policy,
            risk: Risk::Medium,
            title: "Where a policy forbids it, type the password, or have the policy changed",
            steps: &[
                "Computer Configuration, Administrative Templates, System, Credentials Delegation: Allow and Deny delegating saved credentials (also: with NTLM-only server authentication): TERMSRV/<computer>",
                "Computer Configuration, Administrative Templates, Windows Components, Remote Desktop Services, Remote Desktop Connection Client: Do not allow passwords to be saved",
            ],
            interrupts: "nothing",
            undo: &["Set the policy back to what it was"],
            verify: "PS> gpupdate /target:computer, then rdpdoctor client finds it no longer",
        },
    ],
    references: &[
        "https://learn.microsoft.com/en-us/windows-server/administration/windows-commands/cmdkey",
        "https://learn.microsoft.com/en-us/windows/client-management/mdm/policy-csp-admx-credssp",
    ],
    client_shows: &[],
    more_specific_than: &[],
    reproduction: Reproduction::Test("facts_of_broken_clients"),
    next_tests: &[NextTest {
        why: "with a typed password: tells a stale entry from a wrong account",
        command: "mstsc /v:{host} /prompt",
    }],
    rule,
};

/// What is changed: entries that the client's own log says were refused, each by its name.
pub static MEND: Mend = Mend {
    cause: CAUSE.id,
    remedy: "remove-the-entry-by-its-name",
    changes: |evidence| {
        let client = Machine::client(evidence);
        let Some(kept) = kept(&client) else { return Vec::new() };
        let refused = refused_entry(evidence, &client, kept.value);
        let entry =
            refused.map(|(entry, ..)| Change::RemoveCredential { target: entry.target.clone() });
        entry.into_iter().collect()
    },
};

const DELEGATION: &str = r"HKLM\SOFTWARE\Policies\Microsoft\Windows\CredentialsDelegation";
const PROVIDER: &str = "Microsoft-Windows-TerminalServices-ClientActiveXCore";

/// The client connects to a server, and names it.
const CONNECTING: u32 = 1024;

/// Passwords seldom live that long in a company.
const LONG_MS: i64 = 365 * 24 * 60 * 60 * 1000;

/// Entries that are told one by one.
const TOLD: usize = 3;

fn rule(evidence: &Evidence<'_>) -> Option<Match> {
    let client = Machine::client(evidence);
    let mut points: Vec<Point> = never_kept(&client).into_iter().collect();
    if let Some(kept) = kept(&client).filter(|kept| !kept.value.is_empty()) {
        let refused = refused(evidence, &client, &kept);
        // What was refused is told once, not again for its age.
        let named = refused.is_some();
        points.extend(refused);
        points.extend(not_delegated(&client, &kept));
        points.extend(other_user(&client, &kept));
        if !named {
            points.extend(old(&kept));
        }
    }
    matched(points)
}

fn kept<'a>(client: &Machine<'_, 'a>) -> Option<Seen<'a, &'a [SavedCredential]>> {
    client.last(|fact| match fact {
        Fact::SavedCredentials { entries } => entries.as_seen().map(Vec::as_slice),
        _ => None,
    })
}

/// The computer that an entry is for: `TERMSRV/pc42`, or `Domain:target=TERMSRV/pc42`.
fn computer(entry: &SavedCredential) -> Option<&str> {
    let target = entry.target.rsplit_once("target=").map_or(&*entry.target, |(_, target)| target);
    let (service, computer) = target.split_once('/')?;
    service.eq_ignore_ascii_case("TERMSRV").then_some(computer)
}

/// The same computer, by one name or the other.
fn same(one: &str, other: &str) -> bool {
    let host = |name: &str| name.split(':').next().unwrap_or_default().to_ascii_lowercase();
    let (one, other) = (host(one), host(other));
    let is_address = |name: &str| name.parse::<std::net::IpAddr>().is_ok();
    if is_address(&one) || is_address(&other) {
        return one == other;
    }
    let (first, second) = (one.split('.').next(), other.split('.').next());
    // A short name stands for its long one.
    one == other || (first == second && (!one.contains('.') || !other.contains('.')))
}

fn short(text: &str) -> String {
    text.chars().take(80).collect()
}

/// An entry for a computer whose sign-in failed by what the client's own log says. What `check -u`
/// sends is typed, and says nothing of what is kept.
fn refused_entry<'a>(
    evidence: &Evidence<'a>,
    client: &Machine<'_, 'a>,
    kept: &'a [SavedCredential],
) -> Option<(&'a SavedCredential, Vec<ObservationId>, Proof)> {
    let rejected = logged::by_event(evidence, nla::credentials_rejected::CAUSE.id)?;
    let last = rejected.evidence.last()?;
    let seen = client.all(|fact| match fact {
        Fact::WindowsEvent(event) if event.provider == PROVIDER => Some(&**event),
        _ => None,
    });
    let at = seen.iter().position(|event| event.id() == *last)?;
    let server = seen.get(..at)?.iter().rev().find_map(|event| server(event.value));
    let for_remote_desktop = kept.iter().filter(|entry| computer(entry).is_some());
    match server {
        Some(server) => for_remote_desktop
            .clone()
            .find(|entry| computer(entry).is_some_and(|name| same(name, server)))
            .map(|entry| (entry, rejected.evidence.clone(), Proof::Likely)),
        // Nobody says which computer it was; with a single entry it can be no other.
        None => {
            let mut all = for_remote_desktop;
            let only = all.next()?;
            all.next().is_none().then_some((only, rejected.evidence.clone(), Proof::Possible))
        }
    }
}

fn server(event: &WindowsEvent) -> Option<&str> {
    event.server_name.as_deref().filter(|_| event.event_id == CONNECTING)
}

fn refused(
    evidence: &Evidence<'_>,
    client: &Machine<'_, '_>,
    kept: &Seen<'_, &[SavedCredential]>,
) -> Option<Point> {
    let (entry, mut ids, proof) = refused_entry(evidence, client, kept.value)?;
    ids.push(kept.id());
    let name = short(&entry.target);
    let title = format!("The credentials kept as {name} were refused: they may be out of date");
    let words =
        format!("An entry {name} is kept, and the client's log has a sign-in that was refused.");
    Some(Point::new(Severity::Warning, proof, ids, title, words))
}

/// Entries are kept, and a policy forbids to send them.
fn not_delegated(client: &Machine<'_, '_>, kept: &Seen<'_, &[SavedCredential]>) -> Option<Point> {
    let (setting, _) =
        number(client, DELEGATION, "DenySavedCredentials").filter(|(_, n)| *n == 1)?;
    let denied = values(client, &format!(r"{DELEGATION}\DenySavedCredentials"));
    let covers = |name: &str| {
        kept.value.iter().filter_map(computer).any(|computer| pattern_covers(name, computer))
    };
    let list = denied.iter().find(|seen| seen.value.text().is_some_and(covers))?;
    let words = "A policy forbids to send saved credentials (DenySavedCredentials).";
    let title = "A policy forbids this client to send the credentials it keeps";
    let mut point = Point::of_setting(Severity::Warning, Proof::Likely, &setting, title, words);
    point.evidence.extend([list.id(), kept.id()]);
    Some(point)
}

/// `TERMSRV/*`, `TERMSRV/*.corp.example`, `*`
pub(super) fn pattern_covers(pattern: &str, computer: &str) -> bool {
    let pattern = pattern.trim().to_ascii_lowercase();
    let Some(name) = pattern.strip_prefix("termsrv/").or((pattern == "*").then_some("*")) else {
        return false;
    };
    let computer = computer.to_ascii_lowercase();
    match name.strip_prefix('*') {
        Some(end) => computer.ends_with(end),
        None => computer == name,
    }
}

fn never_kept(client: &Machine<'_, '_>) -> Option<Point> {
    let (setting, _) = number(client, POLICY, "DisablePasswordSaving").filter(|(_, n)| *n == 1)?;
    Some(Point::of_setting(
        Severity::Info,
        Proof::Proven,
        &setting,
        "A policy keeps this client from saving passwords: it asks each time",
        "DisablePasswordSaving is 1: the client asks for the password each time.",
    ))
}

/// The client remembers another user for the computer than the entry has.
fn other_user(client: &Machine<'_, '_>, kept: &Seen<'_, &[SavedCredential]>) -> Option<Point> {
    let hints = client.all(|fact| match fact {
        Fact::RegistryValue(value) if value.name.eq_ignore_ascii_case("UsernameHint") => {
            let start = format!(r"{OWN_CLIENT}\Servers\").to_ascii_lowercase();
            let computer = value.key.to_ascii_lowercase().strip_prefix(&start)?.to_owned();
            Some((computer, value.data.as_seen()?.text()?))
        }
        _ => None,
    });
    kept.value.iter().find_map(|entry| {
        let (name, user) = (computer(entry)?, entry.user.as_deref()?);
        let hint = hints.iter().find(|hint| same(&hint.value.0, name))?;
        let other = !hint.value.1.eq_ignore_ascii_case(user) && !hint.value.1.is_empty();
        let words = format!(
            "For {} {} is kept, and {} was the last to sign in.",
            short(name),
            short(user),
            short(hint.value.1)
        );
        let title =
            "This client keeps another user for a computer than the last one that signed in";
        other.then(|| {
            Point::new(Severity::Info, Proof::Possible, [kept.id(), hint.id()], title, words)
        })
    })
}

fn old(kept: &Seen<'_, &[SavedCredential]>) -> Vec<Point> {
    let read_at = kept.observation.at;
    let age = |entry: &SavedCredential| Some(read_at?.millis_since(entry.written_at?));
    let old = kept
        .value
        .iter()
        .filter(|entry| computer(entry).is_some() && age(entry).is_some_and(|age| age > LONG_MS));
    old.take(TOLD)
        .map(|entry| {
            let words = format!("{} was last written more than a year ago.", short(&entry.target));
            let title = CAUSE.title;
            Point::new(Severity::Info, Proof::Possible, [kept.id()], title, words)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use rdpdoctor_model::{
        Change, Fact, Lookup, RegistryData, SavedCredential, Stage, WindowsEvent,
    };

    use super::{CAUSE, DELEGATION, MEND, POLICY, PROVIDER, pattern_covers, same};
    use crate::testing::{Scene, now};
    use crate::{Proof, Severity};

    fn entry(target: &str, user: &str, days_ago: i64) -> SavedCredential {
        SavedCredential {
            target: target.to_owned(),
            user: Some(user.to_owned()),
            written_at: Some(now().plus_millis(-days_ago * 86_400_000)),
        }
    }

    fn kept(scene: Scene, entries: Lookup<Vec<SavedCredential>>) -> Scene {
        scene.fact(Stage::Client, Fact::SavedCredentials { entries })
    }

    /// The client's log: it connects to a computer, and is refused (1009: by credentials).
    fn refused(scene: Scene, server: Option<&str>) -> Scene {
        let event = |event_id, server_name: Option<&str>| WindowsEvent {
            provider: PROVIDER.to_owned(),
            event_id,
            server_name: server_name.map(str::to_owned),
            ..WindowsEvent::default()
        };
        scene.logged(Stage::Client, event(1024, server)).logged(Stage::Client, event(1009, None))
    }

    fn judged(scene: &Scene) -> Option<(Severity, Proof)> {
        scene.judge(&CAUSE).map(|found| (found.severity, found.proof))
    }

    #[test]
    fn an_entry_that_was_refused() {
        let two = || {
            let other = entry("TERMSRV/other", "jo", 3);
            Lookup::seen(vec![entry("Domain:target=TERMSRV/pc42", "CORP\\jo", 3), other])
        };
        let scene = kept(refused(Scene::new(), Some("pc42.corp.example")), two());
        assert_eq!(judged(&scene), Some((Severity::Warning, Proof::Likely)));
        let target = "Domain:target=TERMSRV/pc42".to_owned();
        let changes = scene.with_evidence(|evidence| (MEND.changes)(evidence));
        assert_eq!(changes, [Change::RemoveCredential { target }]);

        assert_eq!(judged(&kept(refused(Scene::new(), Some("pc43")), two())), None);
        assert_eq!(judged(&kept(refused(Scene::new(), None), two())), None, "which of the two?");
        let one = Lookup::seen(vec![entry("TERMSRV/pc42", "jo", 3)]);
        let scene = kept(refused(Scene::new(), None), one);
        assert_eq!(judged(&scene), Some((Severity::Warning, Proof::Possible)));
        assert_eq!(judged(&kept(Scene::new(), two())), None, "nothing was refused");
        assert_eq!(judged(&refused(Scene::new(), Some("pc42"))), None, "nothing is kept");
        let unread = kept(refused(Scene::new(), None), Lookup::unavailable("a disk"));
        assert_eq!(judged(&unread), None);
    }

    #[test]
    fn age_and_users() {
        let old = kept(Scene::new(), Lookup::seen(vec![entry("TERMSRV/pc42", "jo", 400)]));
        assert_eq!(judged(&old), Some((Severity::Info, Proof::Possible)));
        let web = kept(Scene::new(), Lookup::seen(vec![entry("https://example", "jo", 400)]));
        assert_eq!(judged(&web), None);
        let hinted = |hint: &str| {
            let key = r"HKCU\SOFTWARE\Microsoft\Terminal Server Client\Servers\pc42";
            let data = Lookup::seen(RegistryData::Text(hint.to_owned()));
            let scene = Scene::new().machine_value(Stage::Client, key, "UsernameHint", data);
            judged(&kept(scene, Lookup::seen(vec![entry("TERMSRV/pc42", "CORP\\jo", 3)])))
        };
        assert_eq!(hinted("CORP\\ann"), Some((Severity::Info, Proof::Possible)));
        assert_eq!(hinted("corp\\jo"), None);
    }

    #[test]
    fn policies_that_forbid() {
        let policy = Scene::new().machine_value(
            Stage::Client,
            POLICY,
            "DisablePasswordSaving",
            Lookup::seen(RegistryData::Dword(1)),
        );
        assert_eq!(judged(&policy), Some((Severity::Info, Proof::Proven)));
        let denied = |pattern: &str| {
            let list = format!(r"{DELEGATION}\DenySavedCredentials");
            let text = Lookup::seen(RegistryData::Text(pattern.to_owned()));
            let on = Lookup::seen(RegistryData::Dword(1));
            let scene = Scene::new()
                .machine_value(Stage::Client, DELEGATION, "DenySavedCredentials", on)
                .machine_value(Stage::Client, &list, "1", text);
            judged(&kept(scene, Lookup::seen(vec![entry("TERMSRV/pc42", "jo", 3)])))
        };
        assert_eq!(denied("TERMSRV/*"), Some((Severity::Warning, Proof::Likely)));
        assert_eq!(denied("HTTP/*"), None);
    }

    #[test]
    fn names_and_patterns() {
        assert!(same("pc42", "PC42.corp.example") && same("10.0.0.1", "10.0.0.1"));
        assert!(!same("pc42.a.example", "pc42.b.example") && !same("10.0.0.1", "10.0.0.2"));
        assert!(pattern_covers("TERMSRV/*.corp.example", "pc42.corp.example"));
        assert!(!pattern_covers("TERMSRV/*.corp.example", "pc42"));
        assert!(pattern_covers("*", "pc42") && !pattern_covers("", "pc42"));
    }
}
