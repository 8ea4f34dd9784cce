use rdpdoctor_diagnosis::codes::{Table, name_of};
use rdpdoctor_diagnosis::{Evidence, encryption_method_name};
use rdpdoctor_model::{Awaited, Fact, SessionOrigin};

use super::{QUOTED, clean, ended_awaiting};

/// STATUS_VALID_CLIENT (MS-RDPBCGR 2.2.1.12.1.3): no error at all.
const STATUS_VALID_CLIENT: u32 = 7;

/// LOGON_MSG_RECONNECT_OPTIONS and LOGON_MSG_SESSION_CONTINUE (MS-RDPBCGR 2.2.10.1.1.4.1.1).
const LOGON_GOES_ON: [u32; 2] = [0xFFFF_FFFC, 0xFFFF_FFFE];

/// MCS, and the encryption where it is not TLS'.
pub(super) fn setup(evidence: &Evidence<'_>) -> Option<String> {
    let encryption = evidence.main_path(|fact| match fact {
        Fact::ServerSecurityData { encryption_method, .. } => {
            encryption_method_name(*encryption_method)
        }
        _ => None,
    });
    let words = connected(evidence)?;
    Some(match encryption.last() {
        Some(seen) => format!("{words}, {}", seen.value),
        None => words,
    })
}

fn connected(evidence: &Evidence<'_>) -> Option<String> {
    let said = evidence.main_path(|fact| match fact {
        Fact::McsConnectResponse { result: 0, .. } => Some("answers".to_owned()),
        Fact::McsConnectResponse { result, .. } => Some(format!("refused, MCS result {result}")),
        Fact::McsDisconnectUltimatum { reason } => {
            Some(format!("ended by the server, MCS reason {reason}"))
        }
        Fact::McsChannelJoinConfirm { result: 0, .. } => Some("channels joined".to_owned()),
        Fact::McsMalformed { problem, .. } => {
            Some(format!("broken answer: {}", clean(problem, QUOTED)))
        }
        _ => None,
    });
    let ended = || {
        ended_awaiting(
            evidence,
            &[
                Awaited::McsConnectResponse,
                Awaited::McsAttachUserConfirm,
                Awaited::McsChannelJoinConfirm,
            ],
        )
    };
    // What ends the connection behind the client info belongs to the session.
    let begun = evidence.main_path(|f| matches!(f, Fact::ClientInfoSent { .. }).then_some(()));
    if !begun.is_empty() {
        return Some("channels joined".to_owned());
    }
    said.into_iter().next_back().map(|seen| seen.value).or_else(ended)
}

/// Licensing.
pub(super) fn licence(evidence: &Evidence<'_>) -> Option<String> {
    let said = evidence.main_path(|fact| match fact {
        Fact::LicenseError { code: STATUS_VALID_CLIENT, .. } => Some("none needed".to_owned()),
        Fact::LicenseError { code, .. } => Some(format!("licensing error {code}")),
        Fact::LicenseMessage { message_type: 3 | 4 } => Some("granted".to_owned()),
        Fact::LicenseMalformed { problem, .. } => {
            Some(format!("broken answer: {}", clean(problem, QUOTED)))
        }
        _ => None,
    });
    let ended = || ended_awaiting(evidence, &[Awaited::License]);
    said.into_iter().next_back().map(|seen| seen.value).or_else(ended)
}

/// The session behind it.
pub(super) fn session(evidence: &Evidence<'_>) -> Option<String> {
    let error = evidence.main_path(|fact| match fact {
        Fact::SetErrorInfo { code } if *code != 0 => Some(*code),
        _ => None,
    });
    if let Some(seen) = error.last() {
        let name = name_of(Table::Errinfo, seen.value).unwrap_or("an error without a name here");
        return Some(format!("ended with {:#06X}, {name}", seen.value));
    }
    let told = evidence.main_path(|fact| match fact {
        Fact::LogonNotification { notification_type, .. }
            if !LOGON_GOES_ON.contains(notification_type) =>
        {
            Some(*notification_type)
        }
        _ => None,
    });
    if let Some(seen) = told.last() {
        let name = name_of(Table::LogonInfo, seen.value)
            .or_else(|| name_of(Table::Ntstatus, seen.value))
            .unwrap_or("a notification without a name here");
        return Some(format!("logon answered with {:#010X}, {name}", seen.value));
    }
    let left = evidence.main_path(|fact| match fact {
        Fact::SessionLeft { session_id, user, session_origin } => {
            Some((*session_id, user.clone(), *session_origin))
        }
        _ => None,
    });
    if let Some(seen) = left.last() {
        let (session, user, origin) = &seen.value;
        let number = session.map_or(String::new(), |number| format!(" {number}"));
        let whose = user.as_ref().map_or(String::new(), |user| format!(" of {}", clean(user, 60)));
        let was = match origin {
            SessionOrigin::New => "made by this check",
            SessionOrigin::Resumed => "there before",
            SessionOrigin::Unknown => "new or there before: not said",
        };
        let end = session.map_or("query session".to_owned(), |number| format!("logoff {number}"));
        return Some(format!(
            "session{number}{whose} left disconnected, {was}; to end it there: {end}"
        ));
    }
    let said = evidence.main_path(|fact| match fact {
        Fact::SessionMalformed { problem, .. } => {
            Some(format!("broken answer: {}", clean(problem, QUOTED)))
        }
        Fact::FontMap => Some("set up".to_owned()),
        _ => None,
    });
    let ended = || ended_awaiting(evidence, &[Awaited::DemandActive, Awaited::FontMap]);
    said.into_iter().next_back().map(|seen| seen.value).or_else(ended)
}

/// The first picture.
pub(super) fn desktop(evidence: &Evidence<'_>) -> Option<String> {
    let painted = evidence.main_path(|fact| match fact {
        Fact::Picture { width, height, painted_percent, blank, .. } => {
            let blank = if *blank { ", all of one colour" } else { "" };
            Some(format!("{width} x {height}, {painted_percent} of 100 painted{blank}"))
        }
        _ => None,
    });
    let ended = || ended_awaiting(evidence, &[Awaited::Picture]);
    painted.into_iter().next_back().map(|seen| seen.value).or_else(ended)
}
