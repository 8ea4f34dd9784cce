//! Services of a host: whether they run, and how they are set to start.

use rdpdoctor_model::{Fact, Lookup, ObservationId, ServiceState, WindowsService};

use crate::Seen;
use crate::machine::{Machine, Setting};

/// The service of Remote Desktop.
pub(crate) const TERM_SERVICE: &str = "TermService";

/// SERVICE_AUTO_START, SERVICE_DISABLED.
pub(crate) const AUTOMATIC: u64 = 2;
pub(crate) const DISABLED: u64 = 4;

/// SERVICE_START_PENDING, SERVICE_STOP_PENDING.
const PENDING: [u32; 2] = [2, 3];

/// Where a service is set up.
pub(crate) fn key_of(name: &str) -> String {
    format!(r"HKLM\SYSTEM\CurrentControlSet\Services\{name}")
}

/// How a service is set to start.
pub(crate) fn start<'a>(host: &Machine<'_, 'a>, name: &str) -> Option<Setting<'a>> {
    host.setting(&key_of(name), "Start")
}

/// Whether a service is disabled; the observation that says so.
pub(crate) fn disabled(host: &Machine<'_, '_>, name: &str) -> Option<ObservationId> {
    let start = start(host, name)?;
    (start.data.number() == Some(DISABLED)).then_some(start.id)
}

/// What became of the question how a service is.
pub(crate) fn asked<'a>(
    host: &Machine<'_, 'a>,
    name: &str,
) -> Option<Seen<'a, &'a WindowsService>> {
    host.last(|fact| match fact {
        Fact::WindowsService(service) if service.name.eq_ignore_ascii_case(name) => Some(service),
        _ => None,
    })
}

/// How a service is, where somebody saw it.
pub(crate) fn state<'a>(host: &Machine<'_, 'a>, name: &str) -> Option<Seen<'a, &'a ServiceState>> {
    let seen = asked(host, name)?;
    let value = seen.value.state.as_seen()?;
    Some(Seen { observation: seen.observation, value })
}

/// Whether a service was seen to run.
pub(crate) fn runs(host: &Machine<'_, '_>, name: &str) -> bool {
    state(host, name).is_some_and(|seen| seen.value.current == ServiceState::RUNNING)
}

/// Whether a service was seen not to run, and is not about to.
pub(crate) fn stopped<'a>(
    host: &Machine<'_, 'a>,
    name: &str,
) -> Option<Seen<'a, &'a ServiceState>> {
    state(host, name).filter(|seen| {
        seen.value.current != ServiceState::RUNNING && !PENDING.contains(&seen.value.current)
    })
}

/// Whether a service was seen to be starting or stopping.
pub(crate) fn pending<'a>(
    host: &Machine<'_, 'a>,
    name: &str,
) -> Option<Seen<'a, &'a ServiceState>> {
    state(host, name).filter(|seen| PENDING.contains(&seen.value.current))
}

/// Whether it was looked for and there is none.
pub(crate) fn is_missing(host: &Machine<'_, '_>, name: &str) -> Option<ObservationId> {
    let seen = asked(host, name)?;
    matches!(seen.value.state, Lookup::Absent).then(|| seen.id())
}

/// Whether Remote Desktop's service holds its port. `None` where nobody could look.
pub(crate) fn listens(host: &Machine<'_, '_>) -> Option<bool> {
    let listeners = host.last(|fact| match fact {
        Fact::PortListeners(listeners) => Some(listeners),
        _ => None,
    })?;
    match &listeners.value.listeners {
        Lookup::Seen { value } => {
            let process = state(host, TERM_SERVICE).map(|seen| seen.value.process);
            Some(value.iter().any(|listener| {
                let named = |name: &String| name.eq_ignore_ascii_case(TERM_SERVICE);
                listener.services.iter().any(named)
                    || process.is_some_and(|process| process != 0 && process == listener.process)
            }))
        }
        Lookup::Absent => Some(false),
        Lookup::Unavailable { .. } => None,
    }
}
