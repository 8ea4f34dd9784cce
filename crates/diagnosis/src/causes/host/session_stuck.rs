//! A session that is of no use holds a place, or a user.

use rdpdoctor_model::{CauseId, Change, Fact, Lookup, Stage, WindowsSession};

use crate::machine::{LISTENER, Machine, POLICY, SERVER};
use crate::machine_facts::{Point, is_server, matched, number};
use crate::mend::Mend;
use crate::{
    Cause, Evidence, Match, Owner, Proof, Remedy, Reproduction, Risk, Seen, Severity, Where,
};

/// `host.session-stuck`
pub static CAUSE: Cause = Cause {
    id: CauseId("host.session-stuck"),
    stage: Stage::Host,
    owner: Owner::Host,
    title: "A session on {host} is stuck",
    explanation: "A session that is down, or that was left behind, is given again to the user it belongs to, who then sees a black or frozen picture; and it holds a place that others need. Resetting it ends its programs, and what was not saved in them is lost.",
    excludes: &["network, certificate, password"],
    remedies: &[Remedy {
        id: "reset-the-session",
        place: Where::Host,
        risk: Risk::High,
        title: "With the consent of its user, sign the session out; reset it where that hangs",
        steps: &[
            "PS> query session   (numbers, users, states)",
            "PS> logoff <number>",
            "PS> reset session <number>   (only if logoff hangs)",
        ],
        interrupts: "every program of that session ends; what was not saved is lost",
        undo: &["There is no way back: the user signs in anew, and opens the work that was saved"],
        verify: "query session has it no longer, and rdpdoctor check {target} -u <user> --logon gets a picture",
    }],
    references: &[
        "https://learn.microsoft.com/en-us/troubleshoot/windows-server/remote/rdp-client-disconnects-cannot-reconnect-same-session",
        "https://learn.microsoft.com/en-us/windows/win32/api/wtsapi32/ne-wtsapi32-wts_connectstate_class",
    ],
    client_shows: &[],
    more_specific_than: &[CauseId("host.session-limit")],
    reproduction: Reproduction::Test("facts_of_broken_hosts"),
    next_tests: &[],
    rule,
};

/// Sessions that are down, that should have ended, or that hold the last place. Not the one that
/// asks, and nobody who is at work.
pub static MEND: Mend = Mend {
    cause: CAUSE.id,
    remedy: "reset-the-session",
    changes: |evidence| {
        let host = Machine::host(evidence);
        let useless = judged_sessions(&host);
        let resets = useless.into_iter().filter(|found| found.may_go);
        resets.map(|found| Change::ResetSession { session: found.session.session }).collect()
    },
};

/// WTS_CONNECTSTATE_CLASS.
const ACTIVE: u32 = 0;
const DISCONNECTED: u32 = 4;
const DOWN: u32 = 8;

/// Sessions that a Windows server gives for administration, and a client edition altogether.
const FOR_ADMINISTRATION: usize = 2;

/// How long a session that nobody is signed in to may be on its way.
const PASSING_MS: i64 = 60 * 60 * 1000;

/// Sessions that are told one by one.
const TOLD: usize = 5;

/// A session that is of no use, and why.
struct Useless<'a> {
    session: &'a WindowsSession,
    severity: Severity,
    proof: Proof,
    why: String,
    /// Whether it may be ended when somebody says yes.
    may_go: bool,
}

fn rule(evidence: &Evidence<'_>) -> Option<Match> {
    let host = Machine::host(evidence);
    let listed = sessions(&host)?;
    let points = judged_sessions(&host).into_iter().take(TOLD).map(|found| {
        let name = name(found.session);
        let title = format!("{name} on {{host}} {}", found.why);
        let words = format!("{name} {}.", found.why);
        Point::new(found.severity, found.proof, [listed.id()], title, words)
    });
    matched(points.collect())
}

fn sessions<'a>(host: &Machine<'_, 'a>) -> Option<Seen<'a, &'a [WindowsSession]>> {
    host.last(|fact| match fact {
        Fact::WindowsSessions { sessions: Lookup::Seen { value } } => Some(value.as_slice()),
        _ => None,
    })
}

/// `Session 3 (CORP\jo)`
fn name(session: &WindowsSession) -> String {
    match &session.user {
        Some(user) => {
            let user: String = user.chars().take(64).collect();
            format!("Session {} ({user})", session.session)
        }
        None => format!("Session {}", session.session),
    }
}

fn judged_sessions<'a>(host: &Machine<'_, 'a>) -> Vec<Useless<'a>> {
    let Some(listed) = sessions(host) else { return Vec::new() };
    let read_at = listed.observation.at;
    let limit = limit(host);
    let mut found: Vec<Useless<'a>> = listed
        .value
        .iter()
        // Session 0 is the services'; it is disconnected always.
        .filter(|session| session.session != 0 && !session.own)
        .filter_map(|session| {
            let away = session.disconnected_at.zip(read_at).map(|(from, to)| to.millis_since(from));
            useless(session, away, limit)
        })
        .collect();
    if found.is_empty() {
        found.extend(last_place(host, listed.value));
    }
    found
}

/// Milliseconds after which the host ends disconnected sessions, where it is set to.
fn limit(host: &Machine<'_, '_>) -> Option<i64> {
    let name = "MaxDisconnectionTime";
    let set = number(host, POLICY, name).or_else(|| {
        // The listener's own value counts where it does not inherit the user's.
        (host.number(LISTENER, "fInheritMaxDisconnectionTime") == Some(0))
            .then(|| number(host, LISTENER, name))?
    });
    set.and_then(|(_, ms)| i64::try_from(ms).ok()).filter(|ms| *ms > 0)
}

fn useless(session: &WindowsSession, away: Option<i64>, limit: Option<i64>) -> Option<Useless<'_>> {
    let found = |severity, proof, why: String| {
        Some(Useless { session, severity, proof, why, may_go: true })
    };
    match (session.state, &session.user, away, limit) {
        (DOWN, ..) => found(Severity::Warning, Proof::Proven, "is down".to_owned()),
        (DISCONNECTED, Some(_), Some(away), Some(limit)) if away > limit + PASSING_MS => found(
            Severity::Warning,
            Proof::Likely,
            format!("was left {} ago, and should have ended by its time limit", span(away)),
        ),
        (DISCONNECTED, None, Some(away), _) if away > PASSING_MS => found(
            Severity::Warning,
            Proof::Likely,
            format!("was left {} ago and belongs to nobody", span(away)),
        ),
        _ => None,
    }
}

/// Where no session is broken: those that hold every place there is.
fn last_place<'a>(host: &Machine<'_, 'a>, sessions: &'a [WindowsSession]) -> Option<Useless<'a>> {
    let server = is_server(host)?;
    let used = || sessions.iter().filter(|s| s.session != 0 && s.user.is_some() && !s.own);
    if !server {
        // A client edition has one: whoever comes is asked to wait, or asks its user to go.
        let active = used().find(|session| session.state == ACTIVE)?;
        return Some(Useless {
            session: active,
            severity: Severity::Info,
            proof: Proof::Proven,
            why: "is in use, and this Windows gives one session at a time".to_owned(),
            may_go: false,
        });
    }
    let administration = host.number(SERVER, "TSAppCompat") == Some(0);
    let own = sessions.iter().any(|session| session.own && session.session != 0);
    if !administration || used().count() + usize::from(own) < FOR_ADMINISTRATION {
        return None;
    }
    let longest = used()
        .filter(|session| session.state == DISCONNECTED)
        .min_by_key(|session| session.disconnected_at);
    Some(Useless {
        session: longest.or_else(|| used().next())?,
        severity: Severity::Warning,
        proof: Proof::Likely,
        why: match longest {
            Some(_) => "was left open and holds the last of two places".to_owned(),
            None => "is in use, and both places for administration are taken".to_owned(),
        },
        may_go: longest.is_some(),
    })
}

/// `3 days`, `5 hours`, `2 minutes`
fn span(ms: i64) -> String {
    const MINUTE: i64 = 60_000;
    const HOUR: i64 = 60 * MINUTE;
    const DAY: i64 = 24 * HOUR;
    match ms {
        DAY.. => format!("{} days", ms / DAY),
        HOUR.. => format!("{} hours", ms / HOUR),
        _ => format!("{} minutes", ms.max(0) / MINUTE),
    }
}

#[cfg(test)]
mod tests {
    use rdpdoctor_model::{Change, Fact, Lookup, RegistryData, Stage, WindowsSession};

    use super::{CAUSE, DISCONNECTED, DOWN, MEND, POLICY, SERVER};
    use crate::machine_facts::VERSION;
    use crate::testing::{Scene, now};
    use crate::{Proof, Severity};

    const HOUR: i64 = 3_600_000;

    fn session(session: u32, state: u32, user: Option<&str>, away: Option<i64>) -> WindowsSession {
        WindowsSession {
            session,
            state,
            station: String::new(),
            user: user.map(str::to_owned),
            idle_ms: None,
            signed_in_at: None,
            disconnected_at: away.map(|ms| now().plus_millis(-ms)),
            client_address: None,
            client_name: None,
            own: false,
        }
    }

    fn scene(kind: &str, sessions: Lookup<Vec<WindowsSession>>) -> Scene {
        let kind = Lookup::seen(RegistryData::Text(kind.to_owned()));
        Scene::new()
            .machine_value(Stage::Host, VERSION, "InstallationType", kind)
            .fact(Stage::Host, Fact::WindowsSessions { sessions })
    }

    fn judged(scene: &Scene) -> Option<(Severity, Proof)> {
        scene.judge(&CAUSE).map(|found| (found.severity, found.proof))
    }

    fn resets(scene: &Scene) -> Vec<Change> {
        scene.with_evidence(|evidence| (MEND.changes)(evidence))
    }

    #[test]
    fn a_session_that_is_down_and_one_that_should_have_ended() {
        let services = || session(0, DISCONNECTED, None, Some(99 * HOUR));
        let down = scene("Server", Lookup::seen(vec![services(), session(3, DOWN, None, None)]));
        assert_eq!(judged(&down), Some((Severity::Warning, Proof::Proven)));
        assert_eq!(resets(&down), [Change::ResetSession { session: 3 }]);

        let left = |away| {
            scene("Server", Lookup::seen(vec![services(), session(2, 4, Some("CORP\\jo"), away)]))
                .host_number(POLICY, "MaxDisconnectionTime", Some(60_000))
        };
        assert_eq!(judged(&left(Some(5 * HOUR))), Some((Severity::Warning, Proof::Likely)));
        assert_eq!(judged(&left(Some(30_000))), None);
        assert_eq!(judged(&left(None)), None, "nobody knows since when");
        let unlimited =
            scene("Server", Lookup::seen(vec![session(2, 4, Some("jo"), Some(99 * HOUR))]));
        assert_eq!(judged(&unlimited), None);
    }

    #[test]
    fn the_last_place() {
        let two = || {
            vec![
                session(2, 4, Some("CORP\\jo"), Some(HOUR)),
                session(3, 4, Some("CORP\\ann"), Some(9 * HOUR)),
            ]
        };
        let full =
            |mode| scene("Server", Lookup::seen(two())).host_number(SERVER, "TSAppCompat", mode);
        assert_eq!(judged(&full(Some(0))), Some((Severity::Warning, Proof::Likely)));
        assert_eq!(resets(&full(Some(0))), [Change::ResetSession { session: 3 }]);
        assert_eq!(judged(&full(Some(1))), None, "a session host has room");
        assert_eq!(judged(&full(None)), None);

        let active = scene("Client", Lookup::seen(vec![session(1, 0, Some("PC42\\ann"), None)]));
        assert_eq!(judged(&active), Some((Severity::Info, Proof::Proven)));
        assert!(resets(&active).is_empty(), "somebody is at work");
        let left = scene("Client", Lookup::seen(vec![session(1, 4, Some("ann"), Some(HOUR))]));
        assert_eq!(judged(&left), None);
    }

    #[test]
    fn sessions_that_nobody_could_list() {
        let unread = scene("Server", Lookup::unavailable("access denied"));
        assert_eq!((judged(&unread), resets(&unread)), (None, Vec::new()));
    }
}
