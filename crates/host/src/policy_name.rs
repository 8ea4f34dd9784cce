//! The name of the group policy that set something, where the machine keeps it. Which of several policies
//! set a value it does not keep; where there is one alone that sets values of the registry, it is that.

use std::collections::BTreeSet;

use rdpdoctor_model::{Fact, RegistryData, SettingOwner};

use crate::System;

/// Policies that were applied to values of the registry, by the number of their turn
/// ([MS-GPREG] 1.9: the extension's GUID).
const HISTORY: &str =
    r"Microsoft\Windows\CurrentVersion\Group Policy\History\{35378EAC-683F-11D2-A89A-00C04FBBCFA2}";

/// More policies than that are not one.
const MOST: usize = 64;

/// Names the policies of values, where they can be named.
pub(crate) fn name(system: &dyn System, facts: &mut [Fact]) {
    let machine = only_one(system, &format!(r"HKLM\SOFTWARE\{HISTORY}"));
    let user = only_one(system, &format!(r"HKCU\Software\{HISTORY}"));
    for fact in facts {
        let Fact::RegistryValue(value) = fact else { continue };
        let of_user = value.key.to_ascii_uppercase().starts_with("HKCU");
        if let SettingOwner::GroupPolicy { name } = &mut value.owner {
            // What is not set, nobody has set.
            let set = value.data.as_seen().is_some();
            *name = if of_user { user.clone() } else { machine.clone() }.filter(|_| set);
        }
    }
}

/// The name of the policy that is alone in the history.
fn only_one(system: &dyn System, history: &str) -> Option<String> {
    let turns = system.registry_subkeys(history);
    let mut names = BTreeSet::new();
    for turn in turns.as_seen()?.iter().take(MOST) {
        let name = system.registry_value(&format!(r"{history}\{turn}"), "DisplayName");
        // One that cannot be read may be the one.
        names.insert(name.as_seen().and_then(RegistryData::text)?.to_owned());
    }
    (names.len() == 1).then(|| names.pop_first()).flatten()
}

#[cfg(test)]
mod tests {
    use rdpdoctor_model::{Fact, RegistryData, SettingOwner};

    use super::{HISTORY, name};
    use crate::collect::value;
    use crate::fake::FakeSystem;

    const POLICY: &str = r"HKLM\SOFTWARE\Policies\Microsoft\Windows NT\Terminal Services";

    fn machine(names: &[&str]) -> FakeSystem {
        let set = FakeSystem::default().with(POLICY, "UserAuthentication", RegistryData::Dword(0));
        names.iter().enumerate().fold(set, |machine, (turn, name)| {
            let key = format!(r"HKLM\SOFTWARE\{HISTORY}\{turn}");
            machine.with(&key, "DisplayName", RegistryData::Text((*name).to_owned()))
        })
    }

    fn owner(machine: &FakeSystem, of: &str) -> SettingOwner {
        let mut facts = [value(machine, POLICY, of)];
        name(machine, &mut facts);
        match &facts[0] {
            Fact::RegistryValue(value) => value.owner.clone(),
            other => panic!("another fact: {other:?}"),
        }
    }

    #[test]
    fn one_policy_alone_is_named() {
        let named = |name: &str| SettingOwner::GroupPolicy { name: Some(name.to_owned()) };
        let unnamed = SettingOwner::GroupPolicy { name: None };
        assert_eq!(owner(&machine(&["RDP baseline"]), "UserAuthentication"), named("RDP baseline"));
        // Applied again it is still one; two are two; and of what is not set nobody is the owner.
        let twice = machine(&["RDP baseline", "RDP baseline"]);
        assert_eq!(owner(&twice, "UserAuthentication"), named("RDP baseline"));
        assert_eq!(owner(&machine(&["RDP baseline", "Laptops"]), "UserAuthentication"), unnamed);
        assert_eq!(owner(&machine(&[]), "UserAuthentication"), unnamed);
        assert_eq!(owner(&machine(&["RDP baseline"]), "fDenyTSConnections"), unnamed);
        let mut closed = machine(&["RDP baseline", "Laptops"]);
        closed.unreadable.push(format!(r"hklm\software\{}\1", HISTORY.to_lowercase()));
        assert_eq!(owner(&closed, "UserAuthentication"), unnamed);
    }
}
