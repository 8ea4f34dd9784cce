//! A machine of which only collected facts are known: enough for a plan, never for a change.

use rdpdoctor_model::{
    Fact, FactsOf, FactsWay, FileState, Lookup, RegistryData, SavedCredential, ServiceState,
    WindowsSession,
};

use crate::System;

/// Answers from facts. What is not among them nobody looked at.
#[derive(Debug, Clone, Copy)]
pub struct KnownFacts<'a>(pub &'a [Fact]);

impl KnownFacts<'_> {
    fn find<T>(&self, pick: impl Fn(&Fact) -> Option<Lookup<T>>) -> Lookup<T> {
        let found = self.0.iter().rev().find_map(pick);
        found.unwrap_or_else(|| Lookup::unavailable("it is not among the facts"))
    }

    fn of(&self) -> Option<&FactsOf> {
        self.0.iter().find_map(|fact| match fact {
            Fact::FactsOf(of) => Some(of),
            _ => None,
        })
    }
}

impl System for KnownFacts<'_> {
    fn way(&self) -> FactsWay {
        self.of().map_or(FactsWay::Script, |of| of.way)
    }

    fn computer(&self) -> Lookup<String> {
        let name = self.of().and_then(|of| of.computer.clone());
        name.map_or_else(|| Lookup::unavailable("the facts do not say"), Lookup::seen)
    }

    fn registry_value(&self, key: &str, name: &str) -> Lookup<RegistryData> {
        self.find(|fact| match fact {
            Fact::RegistryValue(value)
                if value.key.eq_ignore_ascii_case(key) && value.name.eq_ignore_ascii_case(name) =>
            {
                Some(value.data.clone())
            }
            _ => None,
        })
    }

    fn registry_values(&self, _key: &str) -> Lookup<Vec<(String, RegistryData)>> {
        Lookup::unavailable("whether that is all of them the facts do not say")
    }

    fn registry_subkeys(&self, key: &str) -> Lookup<Vec<String>> {
        self.find(|fact| match fact {
            Fact::RegistryKey(known) if known.key.eq_ignore_ascii_case(key) => {
                Some(known.subkeys.clone())
            }
            _ => None,
        })
    }

    fn file(&self, path: &str) -> Lookup<FileState> {
        self.find(|fact| match fact {
            Fact::WindowsFile(file) if file.path.eq_ignore_ascii_case(path) => {
                Some(file.state.clone())
            }
            _ => None,
        })
    }

    fn read(&self, _path: &str, _most: u64) -> Lookup<Vec<u8>> {
        Lookup::unavailable("what is in files is not among the facts")
    }

    fn folder(&self, _path: &str) -> Lookup<Vec<String>> {
        Lookup::unavailable("folders are not among the facts")
    }

    fn service(&self, name: &str) -> Lookup<ServiceState> {
        self.find(|fact| match fact {
            Fact::WindowsService(service) if service.name.eq_ignore_ascii_case(name) => {
                Some(service.state.clone())
            }
            _ => None,
        })
    }

    fn sessions(&self) -> Lookup<Vec<WindowsSession>> {
        self.find(|fact| match fact {
            Fact::WindowsSessions { sessions } => Some(sessions.clone()),
            _ => None,
        })
    }

    fn saved_credentials(&self) -> Lookup<Vec<SavedCredential>> {
        self.find(|fact| match fact {
            Fact::SavedCredentials { entries } => Some(entries.clone()),
            _ => None,
        })
    }
}
