//! The updates that are installed, by what Component Based Servicing keeps of its packages. That of a
//! cumulative update is named by its build; its number stands in its manifest beside.

use std::collections::BTreeSet;

use rdpdoctor_model::{Lookup, RegistryData};

use crate::System;

const PACKAGES: &str =
    r"HKLM\SOFTWARE\Microsoft\Windows\CurrentVersion\Component Based Servicing\Packages";

/// CBS_STATE: installed.
const INSTALLED: u64 = 0x70;

/// What is read of a manifest: the number stands in its first element.
const MANIFEST: u64 = 4_096;

/// Manifests that are opened: one a month for some years.
const MOST_MANIFESTS: usize = 128;

/// The beginning of a manifest, by its name and how many bytes of it are wanted.
pub(super) type ReadManifest<'a> = &'a dyn Fn(&str, u64) -> Lookup<Vec<u8>>;

/// `KB5034439` and the like, sorted.
pub(super) fn installed(system: &dyn System, manifest: ReadManifest<'_>) -> Lookup<Vec<String>> {
    let names = match system.registry_subkeys(PACKAGES) {
        Lookup::Seen { value } => value,
        Lookup::Absent => return Lookup::unavailable("the registry holds no list of packages"),
        Lookup::Unavailable { why } => return Lookup::Unavailable { why },
    };
    let (mut updates, mut manifests) = (BTreeSet::new(), 0);
    for name in names.iter().filter(|name| name.starts_with("Package_for_")) {
        let own = number(name);
        let rollup = own.is_none() && name.starts_with("Package_for_RollupFix");
        if (own.is_none() && !rollup) || !is_installed(system, name) {
            continue;
        }
        if rollup && manifests < MOST_MANIFESTS {
            manifests += 1;
            let text = manifest(&format!("{name}.mum"), MANIFEST);
            let text = text.as_seen().map(|bytes| String::from_utf8_lossy(bytes).into_owned());
            updates.extend(text.as_deref().and_then(identifier));
        }
        updates.extend(own);
    }
    Lookup::seen(updates.into_iter().collect())
}

fn is_installed(system: &dyn System, package: &str) -> bool {
    let state = system.registry_value(&format!(r"{PACKAGES}\{package}"), "CurrentState");
    state.as_seen().and_then(RegistryData::number) == Some(INSTALLED)
}

/// The first `KB` with digits behind it.
fn number(text: &str) -> Option<String> {
    let (_, rest) = text.split_once("KB")?;
    let digits: String = rest.chars().take_while(char::is_ascii_digit).take(9).collect();
    (digits.len() >= 6).then(|| format!("KB{digits}"))
}

/// `<package identifier="KB5034129" ...>`.
fn identifier(manifest: &str) -> Option<String> {
    let (_, rest) = manifest.split_once("identifier=\"")?;
    rest.starts_with("KB").then(|| number(rest)).flatten()
}

#[cfg(test)]
mod tests {
    use super::{identifier, number};

    #[test]
    fn numbers_of_updates() {
        let package = "Package_for_KB5034439~31bf3856ad364e35~amd64~~10.0.1.2";
        assert_eq!(number(package).as_deref(), Some("KB5034439"));
        assert_eq!(number("Package_for_RollupFix~31bf3856ad364e35~amd64~~20348.2227.1.7"), None);
        assert_eq!(number("Package_for_KB12"), None);
        let manifest =
            r#"<assembly><package identifier="KB5034129" releaseType="Security Update">"#;
        assert_eq!(identifier(manifest).as_deref(), Some("KB5034129"));
        assert_eq!(identifier(r#"<package identifier="Foundation KB1234567">"#), None);
    }
}
