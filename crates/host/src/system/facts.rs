//! A machine that is known by facts which were collected before.

use rdpdoctor_model::{Fact, FactsWay, FileState, Lookup, RegistryData};

use super::{System, cannot};

/// Answers from facts: the registry's values alone, which is what taking certificates apart asks for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct FactsSystem<'a> {
    facts: &'a [Fact],
}

impl<'a> FactsSystem<'a> {
    pub(crate) fn new(facts: &'a [Fact]) -> Self {
        Self { facts }
    }
}

impl System for FactsSystem<'_> {
    fn way(&self) -> FactsWay {
        FactsWay::Script
    }

    fn computer(&self) -> Lookup<String> {
        cannot(self.way(), "the name")
    }

    fn registry_value(&self, key: &str, name: &str) -> Lookup<RegistryData> {
        let found = self.facts.iter().find_map(|fact| match fact {
            Fact::RegistryValue(value)
                if value.key.eq_ignore_ascii_case(key) && value.name.eq_ignore_ascii_case(name) =>
            {
                Some(value.data.clone())
            }
            _ => None,
        });
        found.unwrap_or_else(|| cannot(self.way(), "this value"))
    }

    fn registry_values(&self, _key: &str) -> Lookup<Vec<(String, RegistryData)>> {
        cannot(self.way(), "all values of a key")
    }

    fn registry_subkeys(&self, _key: &str) -> Lookup<Vec<String>> {
        cannot(self.way(), "the keys in a key")
    }

    fn file(&self, _path: &str) -> Lookup<FileState> {
        cannot(self.way(), "files")
    }

    fn read(&self, _path: &str, _most: u64) -> Lookup<Vec<u8>> {
        cannot(self.way(), "what is in files")
    }

    fn folder(&self, _path: &str) -> Lookup<Vec<String>> {
        cannot(self.way(), "folders")
    }
}
