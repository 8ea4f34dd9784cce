//! The host takes no more sessions, or ends them by itself.

use rdpdoctor_model::{CauseId, Fact, ObservationId, Stage, WindowsSession};

use crate::host_view::{WINDOWS, leading};
use crate::machine::{LISTENER, Machine, POLICY, SERVER};
use crate::{Cause, Evidence, Match, Owner, Proof, Remedy, Reproduction, Risk, Severity, Where};

/// What stands for no limit: in the listener's key, and in the policy.
const UNLIMITED: [u64; 2] = [0xFFFF_FFFF, 999_999];

/// Sessions for administration that a server without the role of a session host takes.
const FOR_ADMINISTRATION: usize = 2;

/// As few half-open connections as a scan of the port uses up.
const FEW_HALF_OPEN: u64 = 100;

/// Sessions that end sooner than this surprise their users.
const SHORT_MS: u64 = 15 * 60_000;

/// WTSActive, WTSDisconnected (WTS_CONNECTSTATE_CLASS).
const TAKES_PLACE: [u32; 2] = [0, 4];

/// `host.session-limit`
pub static CAUSE: Cause = Cause {
    id: CauseId("host.session-limit"),
    stage: Stage::Host,
    owner: Owner::Host,
    title: "{host} takes no more sessions",
    explanation: "The number of sessions is limited: by the edition (one on Windows for desks, two for administration on a server), by a policy or by the listener's own setting. Who has a session comes back to it; everybody else is refused, or asked to send somebody away. Sessions that nobody uses count as well.",
    excludes: &["network, certificate, password"],
    remedies: &[
        Remedy {
            id: "end-what-nobody-uses",
            place: Where::Host,
            risk: Risk::High,
            title: "Ask who still needs a session, and sign off what nobody does",
            steps: &[
                "PS> quser   (who, since when, how long idle)",
                "PS> logoff <session id>   (with the user's consent: what is not saved is lost)",
            ],
            interrupts: "the session that is signed off",
            undo: &["There is none: what was open in the session is lost."],
            verify: "rdpdoctor check {target} --logon gets a session",
        },
        Remedy {
            id: "raise-the-limit",
            place: Where::Policy,
            risk: Risk::Low,
            title: "Raise the limit where it is set",
            steps: &[
                "Computer Configuration, Administrative Templates, Windows Components, Remote Desktop Services, Remote Desktop Session Host, Connections: Limit number of connections; Session Time Limits beside it",
                "On the machine itself: PS> Set-ItemProperty 'HKLM:\\SYSTEM\\CurrentControlSet\\Control\\Terminal Server\\WinStations\\RDP-Tcp' MaxInstanceCount 0xffffffff",
            ],
            interrupts: "nothing",
            undo: &["Set the number back to what it was before."],
            verify: "rdpdoctor host finds it no longer",
        },
    ],
    references: &[
        "https://learn.microsoft.com/en-us/troubleshoot/azure/virtual-machines/windows/troubleshoot-rdp-intermittent-connectivity",
        "https://learn.microsoft.com/en-us/troubleshoot/windows-server/remote/troubleshoot-remote-desktop-disconnected-errors",
    ],
    client_shows: &[],
    more_specific_than: &[
        CauseId("session.limit-reached"),
        CauseId("session.idle-timeout"),
        CauseId("session.logon-timeout"),
    ],
    reproduction: Reproduction::Test("host_facts"),
    next_tests: &[],
    rule,
};

fn rule(evidence: &Evidence<'_>) -> Option<Match> {
    let host = Machine::host(evidence);
    let found = most_sessions(&host)
        .or_else(|| administrators(&host))
        .or_else(|| half_open(&host))
        .or_else(|| short_lived(&host))?;
    Some(leading(evidence, &CAUSE, found))
}

/// The sessions that take a place, and their observation.
fn sessions<'a>(host: &Machine<'_, 'a>) -> Option<(Vec<&'a WindowsSession>, ObservationId)> {
    let seen = host.last(|fact| match fact {
        Fact::WindowsSessions { sessions } => sessions.as_seen(),
        _ => None,
    })?;
    let taken =
        |session: &&WindowsSession| TAKES_PLACE.contains(&session.state) && session.user.is_some();
    Some((seen.value.iter().filter(taken).collect(), seen.id()))
}

/// A number that somebody set.
fn most_sessions(host: &Machine<'_, '_>) -> Option<Match> {
    let setting = host.effective(POLICY, LISTENER, "MaxInstanceCount")?;
    let most = setting.data.number().filter(|number| !UNLIMITED.contains(number))?;
    let managed = setting.is_managed();
    let words = format!("At most {most} connections are taken (MaxInstanceCount).");
    if most == 0 {
        let found = Match::new(Severity::Blocking, Proof::Proven, [setting.id]);
        return Some(found.managed(managed).detailed(words));
    }
    if let Some((taken, id)) = sessions(host) {
        // The one at the console needs no connection.
        let remote = |session: &&&WindowsSession| !session.station.eq_ignore_ascii_case("console");
        let taken = taken.iter().filter(remote).count();
        if u64::try_from(taken).unwrap_or(u64::MAX) >= most {
            let found = Match::new(Severity::Warning, Proof::Proven, [setting.id, id]);
            let words = format!("{words} {taken} are there.");
            return Some(found.managed(managed).detailed(words));
        }
    }
    let found = Match::new(Severity::Info, Proof::Proven, [setting.id])
        .titled("The number of sessions on {host} is limited");
    Some(found.managed(managed).detailed(words))
}

/// Two sessions on a server that is no session host. Whether it is one, TSAppCompat says.
fn administrators(host: &Machine<'_, '_>) -> Option<Match> {
    let kind = host.setting(WINDOWS, "InstallationType")?;
    let server = kind.data.text()?.to_ascii_lowercase().starts_with("server");
    // Without the value the role cannot be told: a session host may have lost it.
    let role = host.setting(SERVER, "TSAppCompat")?;
    let for_administration = role.data.number() == Some(0);
    let (taken, id) = sessions(host)?;
    let full = taken.len() >= FOR_ADMINISTRATION;
    (server && for_administration && full).then(|| {
        Match::new(Severity::Warning, Proof::Likely, [id, kind.id, role.id]).detailed(format!(
            "It takes two sessions for administration, and {} are there.",
            taken.len()
        ))
    })
}

/// Few half-open connections: a scan uses them up.
fn half_open(host: &Machine<'_, '_>) -> Option<Match> {
    let setting = host.setting(SERVER, "MaxOutstandingConnections")?;
    let most = setting.data.number().filter(|number| *number < FEW_HALF_OPEN)?;
    let found = Match::new(Severity::Info, Proof::Possible, [setting.id])
        .titled("{host} takes few connections at a time before they are signed in")
        .detailed(format!(
            "MaxOutstandingConnections is {most}: scans of the port can use them up (event 1006)."
        ));
    Some(found)
}

/// Limits of time that end sessions by themselves.
fn short_lived(host: &Machine<'_, '_>) -> Option<Match> {
    const LIMITS: [(&str, &str); 2] =
        [("MaxIdleTime", "without input"), ("MaxConnectionTime", "however busy")];
    let (setting, words) = LIMITS.iter().find_map(|(name, words)| {
        let setting = host.setting(POLICY, name)?;
        let limit = setting.data.number().filter(|ms| *ms > 0 && *ms < SHORT_MS)?;
        let minutes = limit.div_ceil(60_000);
        Some((setting, format!("Sessions end after {minutes} minutes {words} ({name}).")))
    })?;
    let found = Match::new(Severity::Info, Proof::Proven, [setting.id])
        .titled("Sessions on {host} end by themselves after a short while")
        .managed(true)
        .detailed(words);
    Some(found)
}

#[cfg(test)]
mod tests {
    use rdpdoctor_model::{Fact, Lookup, Stage, WindowsSession};

    use super::{CAUSE, LISTENER, POLICY, SERVER, WINDOWS};
    use crate::testing::Scene;
    use crate::{Proof, Severity};

    fn session(number: u32, state: u32, station: &str) -> WindowsSession {
        WindowsSession {
            session: number,
            state,
            station: station.to_owned(),
            user: Some(format!(r"CORP\user{number}")),
            idle_ms: None,
            signed_in_at: None,
            disconnected_at: None,
            client_address: None,
            client_name: None,
            own: false,
        }
    }

    fn with(scene: Scene, sessions: &[(u32, &str)]) -> Option<(Severity, Proof)> {
        let sessions =
            (1..).zip(sessions).map(|(number, (state, station))| session(number, *state, station));
        let sessions = Lookup::seen(sessions.collect());
        judged(&scene.fact(Stage::Host, Fact::WindowsSessions { sessions }))
    }

    fn judged(scene: &Scene) -> Option<(Severity, Proof)> {
        scene.judge(&CAUSE).map(|found| (found.severity, found.proof))
    }

    #[test]
    fn a_number_that_is_reached() {
        let most = |number| Scene::new().host_number(LISTENER, "MaxInstanceCount", Some(number));
        let one = [(0, "RDP-Tcp#1")];
        assert_eq!(with(most(1), &one), Some((Severity::Warning, Proof::Proven)));
        assert_eq!(with(most(1), &[(0, "Console")]), Some((Severity::Info, Proof::Proven)));
        assert_eq!(with(most(5), &one), Some((Severity::Info, Proof::Proven)));
        assert_eq!(judged(&most(0)), Some((Severity::Blocking, Proof::Proven)));
        assert_eq!(with(most(0xFFFF_FFFF), &one), None);
        let policy = most(1).host_number(POLICY, "MaxInstanceCount", Some(999_999));
        assert_eq!(with(policy, &one), None, "the policy's number counts");
        assert_eq!(judged(&Scene::new().host_unread(LISTENER, "MaxInstanceCount")), None);
    }

    #[test]
    fn two_on_a_server_for_administration() {
        let server = |role| {
            Scene::new().host_text(WINDOWS, "InstallationType", "Server").host_number(
                SERVER,
                "TSAppCompat",
                role,
            )
        };
        let two = [(0, "RDP-Tcp#1"), (4, "")];
        assert_eq!(with(server(Some(0)), &two), Some((Severity::Warning, Proof::Likely)));
        assert_eq!(with(server(None), &two), None, "the role cannot be told");
        assert_eq!(with(server(Some(1)), &two), None, "a session host");
        assert_eq!(with(server(Some(0)), &two[..1]), None);
        assert_eq!(with(Scene::new(), &two), None);
    }

    #[test]
    fn half_open_connections_and_limits_of_time() {
        let judged = |scene: Scene| judged(&scene);
        let half = |n| Scene::new().host_number(SERVER, "MaxOutstandingConnections", Some(n));
        assert_eq!(judged(half(5)), Some((Severity::Info, Proof::Possible)));
        assert_eq!(judged(half(3_000)), None);
        let idle = |ms| Scene::new().host_number(POLICY, "MaxIdleTime", Some(ms));
        assert_eq!(judged(idle(300_000)), Some((Severity::Info, Proof::Proven)));
        assert_eq!(judged(idle(3_600_000)), None);
        assert_eq!(judged(idle(0)), None);
    }
}
