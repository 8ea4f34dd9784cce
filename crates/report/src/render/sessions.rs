//! The sessions of a host, a line each.

use rdpdoctor_model::{Fact, Lookup, Timestamp, WindowsSession};

use crate::Document;
use crate::harmless::clean;

/// Sessions that are listed; a farm's host has a few hundred.
const MOST: usize = 1_000;

/// Characters of a name.
const NAME: usize = 64;

/// Every session that the last look found, or why there was none; nothing when nobody looked.
pub(super) fn lines(document: &Document) -> Vec<String> {
    let mut looks =
        document.observations.iter().filter_map(|observation| match &observation.fact {
            Fact::WindowsSessions { sessions } => Some((sessions, observation.at)),
            _ => None,
        });
    let Some((sessions, read_at)) = looks.next_back() else { return Vec::new() };
    match sessions {
        Lookup::Seen { value } if value.is_empty() => vec!["none".to_owned()],
        Lookup::Seen { value } => {
            value.iter().take(MOST).map(|session| line(session, read_at)).collect()
        }
        Lookup::Absent => vec!["none".to_owned()],
        Lookup::Unavailable { why } => vec![format!("could not be listed: {}", clean(why, 200))],
    }
}

/// `3  disconnected 2 days ago  CORP\jo  without input for 2 days, signed in 5 days ago, from 10.0.0.9`
fn line(session: &WindowsSession, read_at: Option<Timestamp>) -> String {
    let since = |at: Option<Timestamp>| Some(span(read_at?.millis_since(at?)));
    let mut state = state(session.state).to_owned();
    if let Some(span) = since(session.disconnected_at) {
        state.push_str(&format!(" {span} ago"));
    }
    let user = match &session.user {
        Some(user) => clean(user, NAME),
        None => "nobody signed in".to_owned(),
    };
    let mut parts = vec![format!("{:>3}  {state}  {user}", session.session)];
    let station = clean(&session.station, NAME);
    if !station.is_empty() {
        parts.push(station);
    }
    if let Some(idle) = session.idle_ms {
        let idle = span(i64::try_from(idle).unwrap_or(i64::MAX));
        parts.push(format!("without input for {idle}"));
    }
    if let Some(span) = since(session.signed_in_at) {
        parts.push(format!("signed in {span} ago"));
    }
    if let Some(address) = session.client_address {
        parts.push(format!("from {address}"));
    }
    if let Some(name) = &session.client_name {
        parts.push(clean(name, NAME));
    }
    if session.own {
        parts.push("the one that asks".to_owned());
    }
    parts.join(", ")
}

/// WTS_CONNECTSTATE_CLASS.
fn state(state: u32) -> &'static str {
    match state {
        0 => "active",
        1 => "connected",
        2 => "connecting",
        3 => "shadowing",
        4 => "disconnected",
        5 => "idle",
        6 => "listening",
        7 => "being reset",
        8 => "down",
        9 => "beginning",
        _ => "in an unknown state",
    }
}

/// `2 days`, `1 hour`
fn span(ms: i64) -> String {
    let minutes = ms.max(0) / 60_000;
    let (count, unit) = match minutes {
        0..=119 => (minutes, "minute"),
        120..=2_879 => (minutes / 60, "hour"),
        _ => (minutes / 1_440, "day"),
    };
    format!("{count} {unit}{}", if count == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use rdpdoctor_model::{Timestamp, WindowsSession};

    use super::{line, span};

    #[test]
    fn a_line_says_who_and_since_when() {
        let now: Timestamp = "2026-11-21T12:00:00Z".parse().expect("a moment");
        let session = WindowsSession {
            session: 3,
            state: 4,
            station: String::new(),
            user: Some("CORP\\jo\u{1b}[31m".to_owned()),
            idle_ms: Some(7_200_000),
            signed_in_at: Some(now.plus_millis(-3 * 86_400_000)),
            disconnected_at: Some(now.plus_millis(-60_000)),
            client_address: "10.0.0.9".parse().ok(),
            client_name: None,
            own: false,
        };
        let text = line(&session, Some(now));
        assert!(!text.contains('\u{1b}'), "{text}");
        for part in
            ["  3  disconnected 1 minute ago", "CORP\\jo", "2 hours", "3 days ago", "from 10.0.0.9"]
        {
            assert!(text.contains(part), "{part}: {text}");
        }
        assert!(line(&session, None).contains("disconnected  CORP"), "no moment, no age");
    }

    #[test]
    fn spans() {
        assert_eq!(span(-5), "0 minutes");
        assert_eq!(span(119 * 60_000), "119 minutes");
        assert_eq!(span(i64::MAX).split(' ').count(), 2);
    }
}
