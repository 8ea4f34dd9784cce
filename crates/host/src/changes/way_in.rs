//! What of the way into a machine a change touches: after such a change nobody may be able to come
//! back, and the machine has to take it back by itself.

use rdpdoctor_model::{Change, WayIn};

use super::normal;

/// Parts of keys, the first that fits decides.
const KEYS: [(&str, WayIn); 9] = [
    (r"\control\terminal server", WayIn::Listener),
    (r"\policies\microsoft\windows nt\terminal services", WayIn::Listener),
    (r"\services\sharedaccess", WayIn::Firewall),
    (r"\policies\microsoft\windowsfirewall", WayIn::Firewall),
    (r"\services\tcpip", WayIn::Network),
    (r"\currentversion\networklist", WayIn::Network),
    (r"\control\securityproviders", WayIn::Listener),
    (r"\control\lsa", WayIn::SignIn),
    (r"\cryptography\configuration", WayIn::Listener),
];

/// What the change touches of the way in.
pub(super) fn touched(change: &Change) -> Option<WayIn> {
    match change {
        Change::RegistryValue { key, name, .. } => by_value(&normal::key(key), name),
        Change::ServiceStart { .. }
        | Change::StartService { .. }
        | Change::RestartService { .. } => Some(WayIn::Service),
        Change::FileAccess { path, .. } | Change::MoveFileAside { path } => {
            path.to_ascii_lowercase().contains(r"\microsoft\crypto\").then_some(WayIn::Listener)
        }
        Change::RemoveCertificate { .. } => Some(WayIn::Listener),
        Change::RemoveCredential { .. } | Change::ResetSession { .. } => None,
    }
}

fn by_value(key: &str, name: &str) -> Option<WayIn> {
    if name.eq_ignore_ascii_case("PortNumber") {
        return Some(WayIn::Port);
    }
    if name.eq_ignore_ascii_case("UserAuthentication") {
        return Some(WayIn::SignIn);
    }
    if key.ends_with(r"\terminal services\client") {
        return None;
    }
    if let Some((_, way)) = KEYS.iter().find(|(part, _)| key.contains(part)) {
        return Some(*way);
    }
    key.starts_with(r"hklm\system\currentcontrolset\services\").then_some(WayIn::Service)
}
