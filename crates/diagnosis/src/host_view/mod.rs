//! What the facts of a host come to, for the rules of several causes: the certificate that is bound,
//! who may read a file, what the firewall lets in, which TLS is left.

pub(crate) mod access;
pub(crate) mod certificate;
pub(crate) mod inbound;
pub(crate) mod key_file;
mod leads;
pub(crate) mod renewal;
pub(crate) mod schannel;
pub(crate) mod service;

pub(crate) use leads::{came_past, leading, seen_past};
use rdpdoctor_model::{DEFAULT_PORT, Fact, RegistryKey, WindowsFile};

use crate::Seen;
use crate::machine::{LISTENER, Machine};

/// Where Windows says what it is.
pub(crate) const WINDOWS: &str = r"HKLM\SOFTWARE\Microsoft\Windows NT\CurrentVersion";

/// The port that the listener is set to; the usual one where nobody could look.
pub(crate) fn port(host: &Machine<'_, '_>) -> u16 {
    let port = host.number(LISTENER, "PortNumber").and_then(|port| u16::try_from(port).ok());
    port.unwrap_or(DEFAULT_PORT)
}

/// A key of the registry, whatever became of the question.
pub(crate) fn key<'a>(host: &Machine<'_, 'a>, path: &str) -> Option<Seen<'a, &'a RegistryKey>> {
    host.last(|fact| match fact {
        Fact::RegistryKey(key) if key.key.eq_ignore_ascii_case(path) => Some(&**key),
        _ => None,
    })
}

/// A file, whatever became of the question.
pub(crate) fn file<'a>(host: &Machine<'_, 'a>, path: &str) -> Option<Seen<'a, &'a WindowsFile>> {
    host.last(|fact| match fact {
        Fact::WindowsFile(file) if file.path.eq_ignore_ascii_case(path) => Some(&**file),
        _ => None,
    })
}

/// Files and folders whose path ends like this, in lower case.
pub(crate) fn files_ending<'a>(
    host: &Machine<'_, 'a>,
    end: &str,
) -> Vec<Seen<'a, &'a WindowsFile>> {
    host.all(|fact| match fact {
        Fact::WindowsFile(file) if file.path.to_ascii_lowercase().ends_with(end) => Some(&**file),
        _ => None,
    })
}
