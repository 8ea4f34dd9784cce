//! The file of the private key that Remote Desktop uses, ready to paste.

use rdpdoctor_model::{Observation, Timestamp};

use super::certificate::{Bound, bound};
use crate::machine::Machine;
use crate::{Evidence, Policy};

/// The file of the self-signed certificate's key: its name is the same on every host but for the host's
/// own id.
pub(crate) const SELF_SIGNED: &str = "\"$env:ProgramData\\Microsoft\\Crypto\\RSA\\MachineKeys\\f686aace6942fb7f7ceb231212eef4a4_$((Get-ItemProperty HKLM:\\SOFTWARE\\Microsoft\\Cryptography).MachineGuid)\"";

/// The longest path that is named.
const LONGEST: usize = 400;

/// The key's file as an expression of PowerShell: the one that was seen, else that of the self-signed
/// certificate.
pub fn key_file(observations: &[Observation]) -> String {
    let evidence = Evidence::new(observations, None, Timestamp::now(), Policy::default());
    let seen = match bound(&evidence) {
        Bound::Found(found) => found.key_file(&Machine::host(&evidence)),
        Bound::Dangling { .. } | Bound::Unknown => None,
    };
    let path = seen.map(|file| file.value.path.as_str()).filter(|path| is_plain(path));
    path.map_or_else(|| SELF_SIGNED.to_owned(), |path| format!("'{path}'"))
}

/// Whether a path can stand between single quotes: it came with the evidence, and is pasted into a shell.
fn is_plain(path: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || " \\:._-{}".contains(c);
    path.len() <= LONGEST && path.chars().all(plain)
}

#[cfg(test)]
mod tests {
    use rdpdoctor_model::Lookup;

    use super::{SELF_SIGNED, is_plain, key_file};
    use crate::testing::{Scene, certificate};
    use crate::testing_host::{KEY_ACCESS, KEY_FILE};

    #[test]
    fn the_file_that_was_seen() {
        let scene = Scene::new().pinned(None).in_store("Remote Desktop", certificate());
        let scene = scene.host_file(KEY_FILE, Lookup::seen(KEY_ACCESS));
        let named = scene.with_evidence(|evidence| key_file(evidence.observations()));
        assert_eq!(named, format!("'{KEY_FILE}'"));
    }

    #[test]
    fn without_facts_it_is_that_of_the_self_signed_certificate() {
        assert_eq!(key_file(&[]), SELF_SIGNED);
    }

    #[test]
    fn nothing_that_a_shell_would_run_is_pasted() {
        assert!(is_plain(KEY_FILE));
        for path in ["C:\\a'; calc; '", "C:\\$(calc)", "C:\\a\nb", "C:\\\u{2019}", "C:\\`a"] {
            assert!(!is_plain(path), "{path}");
        }
    }
}
