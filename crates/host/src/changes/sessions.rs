//! Who is at work on the machine while it is changed, and what limits end their sessions.

use rdpdoctor_model::{Lookup, RegistryData, SessionsAtWork, UserCount, WindowsSession};

use crate::System;
use crate::collect::LISTENER;

const POLICY: &str = r"HKLM\SOFTWARE\Policies\Microsoft\Windows NT\Terminal Services";

/// WTSActive, WTSDisconnected.
const ACTIVE: u32 = 0;
const DISCONNECTED: u32 = 4;

/// Reads it.
pub(super) fn at_work(system: &dyn System) -> SessionsAtWork {
    let sessions = system.sessions();
    let own = sessions.as_seen().into_iter().flatten().find(|session| session.own);
    let (ends_disconnected_after_ms, by_policy) = disconnected_limit(system);
    SessionsAtWork {
        own: own.map(|session| session.session),
        users: sessions.map_seen(|all| UserCount {
            connected: count(&all, ACTIVE),
            disconnected: count(&all, DISCONNECTED),
        }),
        ends_disconnected_after_ms,
        by_policy,
    }
}

fn count(sessions: &[WindowsSession], state: u32) -> u32 {
    let of_users = sessions.iter().filter(|s| s.state == state && s.user.is_some());
    u32::try_from(of_users.count()).unwrap_or(u32::MAX)
}

/// MaxDisconnectionTime, in milliseconds; 0 is never.
fn disconnected_limit(system: &dyn System) -> (Option<u64>, bool) {
    let limit = |key: &str| {
        let value: Lookup<RegistryData> = system.registry_value(key, "MaxDisconnectionTime");
        value.as_seen().and_then(RegistryData::number)
    };
    match limit(POLICY) {
        Some(limit) => ((limit > 0).then_some(limit), limit > 0),
        None => (limit(LISTENER).filter(|limit| *limit > 0), false),
    }
}
