//! How a machine that is made up looks as JSON: lists, for a key of JSON is one text.

use std::collections::BTreeMap;

use rdpdoctor_model::{FileState, Hex, RegistryData};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

pub(super) mod registry {
    use super::{BTreeMap, Deserialize, Deserializer, RegistryData, Serialize, Serializer};

    #[derive(Serialize, Deserialize)]
    struct Value {
        key: String,
        name: String,
        data: RegistryData,
    }

    type Registry = BTreeMap<(String, String), RegistryData>;

    pub fn serialize<S: Serializer>(registry: &Registry, serializer: S) -> Result<S::Ok, S::Error> {
        let values = registry.iter().map(|((key, name), data)| Value {
            key: key.clone(),
            name: name.clone(),
            data: data.clone(),
        });
        serializer.collect_seq(values)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Registry, D::Error> {
        let values = Vec::<Value>::deserialize(from)?;
        let all = values.into_iter();
        Ok(all.map(|v| ((v.key.to_lowercase(), v.name.to_lowercase()), v.data)).collect())
    }
}

pub(super) mod files {
    use super::{BTreeMap, Deserialize, Deserializer, FileState, Hex, Serialize, Serializer};

    #[derive(Serialize, Deserialize)]
    struct File {
        path: String,
        state: FileState,
        #[serde(default)]
        bytes: Hex,
    }

    type Files = BTreeMap<String, (FileState, Vec<u8>)>;

    pub fn serialize<S: Serializer>(files: &Files, serializer: S) -> Result<S::Ok, S::Error> {
        let all = files.iter().map(|(path, (state, bytes))| File {
            path: path.clone(),
            state: state.clone(),
            bytes: Hex(bytes.clone()),
        });
        serializer.collect_seq(all)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Files, D::Error> {
        let files = Vec::<File>::deserialize(from)?.into_iter();
        Ok(files.map(|file| (file.path.to_lowercase(), (file.state, file.bytes.0))).collect())
    }
}
