//! A plan's words: the same on a terminal and on the page for whoever approves it.

use rdpdoctor_model::{
    Change, Lookup, Plan, RegistryData, SessionsAtWork, State, Step, UserCount, WayIn,
};

/// What is changed, from what, to what.
pub(super) struct Words {
    pub what: String,
    pub from: String,
    pub to: String,
    /// The way back; none where there is none.
    pub undo: Option<String>,
}

/// Longest text of a value that is shown.
const LONGEST: usize = 120;

pub(super) fn step(step: &Step) -> Words {
    let from = state(&step.before);
    let back = || Some(format!("put back: {from}"));
    let words = |what: String, to: String, undo: Option<String>| Words {
        what,
        from: from.clone(),
        to,
        undo,
    };
    match &step.change {
        Change::RegistryValue { key, name, data } => {
            let name = if name.is_empty() { "(default)" } else { name };
            let to = data.as_ref().map_or("taken away".to_owned(), value);
            words(format!(r"value {key}\{name}"), to, back())
        }
        Change::ServiceStart { name, start } => {
            words(format!("start of the service {name}"), start_word(u64::from(*start)), back())
        }
        Change::StartService { name } => {
            words(format!("service {name}"), "runs".to_owned(), Some("stopped again".to_owned()))
        }
        Change::RestartService { name } => {
            words(format!("service {name}"), "stopped and started".to_owned(), None)
        }
        Change::FileAccess { path, sddl } => {
            words(format!("access to {path}"), sddl.clone(), back())
        }
        Change::MoveFileAside { path } => words(
            format!("file {path}"),
            "moved aside, kept beside itself".to_owned(),
            Some("moved back".to_owned()),
        ),
        Change::RemoveCertificate { store, thumbprint } => words(
            format!("certificate {thumbprint} in the store {store}"),
            "taken out; its key stays".to_owned(),
            Some("put back into the store".to_owned()),
        ),
        Change::RemoveCredential { target } => {
            words(format!("saved credential {target}"), "removed".to_owned(), None)
        }
        Change::ResetSession { session } => words(
            format!("session {session}"),
            "reset; what is open in it is lost".to_owned(),
            None,
        ),
    }
}

fn look<T>(lookup: &Lookup<T>, words: impl Fn(&T) -> String) -> String {
    match lookup {
        Lookup::Seen { value } => words(value),
        Lookup::Absent => "not there".to_owned(),
        Lookup::Unavailable { why } => format!("could not look: {why}"),
    }
}

fn state(state: &State) -> String {
    match state {
        State::RegistryValue { data, .. } => look(data, value),
        State::ServiceStart { start } => look(start, |start| start_word(*start)),
        State::Service { current } => look(current, |current| match current {
            4 => "runs".to_owned(),
            1 => "stopped".to_owned(),
            other => format!("state {other}"),
        }),
        State::FileAccess { sddl } => look(sddl, Clone::clone),
        State::File { length } => look(length, |length| format!("{length} bytes")),
        State::Certificate { entry } => look(entry, |entry| format!("{} bytes", entry.0.len())),
        State::Credential { there } => look(there, |_| "there".to_owned()),
        State::Session { state } => look(state, |state| match state {
            0 => "active".to_owned(),
            4 => "disconnected".to_owned(),
            other => format!("state {other}"),
        }),
    }
}

fn value(data: &RegistryData) -> String {
    let text = match data {
        RegistryData::Dword(number) => number.to_string(),
        RegistryData::Qword(number) => number.to_string(),
        RegistryData::Text(text) | RegistryData::ExpandText(text) => format!("\"{text}\""),
        RegistryData::Texts(texts) => texts.join("; "),
        RegistryData::Binary(bytes) => bytes.to_string(),
    };
    if text.chars().count() <= LONGEST {
        return text;
    }
    text.chars().take(LONGEST).collect::<String>() + "..."
}

fn start_word(start: u64) -> String {
    match start {
        2 => "automatic".to_owned(),
        3 => "on demand".to_owned(),
        4 => "disabled".to_owned(),
        other => other.to_string(),
    }
}

/// Who is at work, and what a cut would mean for them.
pub(super) fn at_work(sessions: &SessionsAtWork) -> String {
    let mut parts = vec![match &sessions.users {
        Lookup::Seen { value } => users(*value),
        Lookup::Absent => "no sessions".to_owned(),
        Lookup::Unavailable { why } => format!("who is connected could not be looked at ({why})"),
    }];
    if let Some(limit) = sessions.ends_disconnected_after_ms {
        let by = if sessions.by_policy { "a policy" } else { "this machine" };
        parts.push(format!("{by} ends disconnected sessions after {}", span(limit)));
    }
    if let Some(own) = sessions.own {
        parts.push(format!("you are in session {own} yourself"));
    }
    parts.join("; ")
}

fn users(count: UserCount) -> String {
    let users = |n: u32| if n == 1 { "1 user".to_owned() } else { format!("{n} users") };
    match (count.connected, count.disconnected) {
        (0, 0) => "nobody is connected".to_owned(),
        (connected, 0) => format!("{} connected", users(connected)),
        (connected, disconnected) => {
            format!("{} connected, {disconnected} disconnected", users(connected))
        }
    }
}

/// `5 minutes`.
pub(super) fn span(milliseconds: u64) -> String {
    let seconds = milliseconds.div_ceil(1000);
    let (number, unit) = match seconds {
        s if s >= 3600 && s % 3600 == 0 => (s / 3600, "hour"),
        s if s >= 60 && s % 60 == 0 => (s / 60, "minute"),
        s => (s, "second"),
    };
    format!("{number} {unit}{}", if number == 1 { "" } else { "s" })
}

/// What follows the changes.
pub(super) fn then(plan: &Plan) -> Option<String> {
    let port = plan.handshake_port?;
    let services: Vec<String> = plan
        .escalation
        .iter()
        .filter_map(|step| match &step.change {
            Change::RestartService { name } if name == "TermService" => {
                Some(format!("{name} (cuts every session; that cannot be undone)"))
            }
            Change::RestartService { name } => Some(format!("{name} (cuts nobody)")),
            _ => None,
        })
        .collect();
    let mut text = format!("every change is read again, and port {port} is tried by a handshake");
    if !services.is_empty() {
        text += &format!(
            "; only while that fails, one after the other, are restarted: {}",
            services.join(", then ")
        );
    }
    Some(
        text + ". If it fails to the end, everything is taken back. The machine is never restarted.",
    )
}

/// What of the way in is touched, in words; none where nothing is.
pub(super) fn touched(plan: &Plan) -> Option<String> {
    let mut words: Vec<&str> = Vec::new();
    for way in plan.certain_steps().filter_map(|step| step.way_in) {
        let word = match way {
            WayIn::Listener => "the listener",
            WayIn::Port => "the port",
            WayIn::Firewall => "the firewall",
            WayIn::Network => "the network",
            WayIn::Service => "a service",
            WayIn::SignIn => "the sign-in",
        };
        if !words.contains(&word) {
            words.push(word);
        }
    }
    (!words.is_empty()).then(|| words.join(", "))
}
