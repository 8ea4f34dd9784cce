use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Fact, Stage, Timestamp};

/// `o1`, `o2`, ...: the name by which findings cite an observation.
#[derive(
    Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(transparent)]
pub struct ObservationId(pub String);

impl ObservationId {
    /// The id of the `number`th observation, counted from 1.
    pub fn numbered(number: usize) -> Self {
        Self(format!("o{number}"))
    }
}

impl std::fmt::Display for ObservationId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// Who looked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Source {
    /// The live probe.
    Probe,
    /// Facts read on the Windows host.
    Host,
    /// Facts read on the machine in front of the user.
    Client,
    /// A packet capture.
    Capture,
    /// A Windows event log.
    EventLog,
    /// An `.rdp` file.
    RdpFile,
    /// A cloud's rule listing.
    Cloud,
    /// What the user saw and told.
    User,
}

/// Where in a file an observation comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Origin {
    /// The file as it was named.
    pub file: String,
    /// The frame of a capture or the record of a log, as its own tools count.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub frame: Option<u64>,
}

/// One typed fact with its provenance.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Observation {
    /// Its name within the document.
    pub id: ObservationId,
    /// Who looked.
    pub source: Source,
    /// The stage it belongs to.
    pub stage: Stage,
    /// When, by the wall clock of whoever looked; `None` when nobody knows.
    pub at: Option<Timestamp>,
    /// Milliseconds since the beginning of the check, of the capture, of the log.
    pub at_ms: u64,
    /// The file it was read from; absent for what was seen live.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub origin: Option<Origin>,
    /// The number of the connection (see [`Fact::Connection`]) it was seen on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub connection: Option<u32>,
    /// What was seen.
    #[serde(flatten)]
    pub fact: Fact,
}

#[cfg(test)]
mod tests {
    use super::Observation;
    use crate::Fact;

    /// A fact's fields stand beside the observation's own in a document, so no name may be both.
    #[test]
    fn no_field_of_a_fact_is_one_of_the_observation() {
        let fields = |schema: schemars::Schema| -> Vec<String> {
            let properties = schema.get("properties").and_then(|value| value.as_object());
            properties.into_iter().flatten().map(|(name, _)| name.clone()).collect()
        };
        let own = fields(schemars::schema_for!(Observation));
        assert!(
            own.contains(&"source".to_owned()) && own.contains(&"origin".to_owned()),
            "{own:?}"
        );
        let facts = schemars::schema_for!(Fact);
        let kinds = facts.get("anyOf").or(facts.get("oneOf")).and_then(|value| value.as_array());
        let kinds = kinds.expect("one schema a kind");
        assert!(kinds.len() > 60, "{} kinds", kinds.len());
        for kind in kinds {
            for (name, _) in kind["properties"].as_object().into_iter().flatten() {
                assert!(!own.contains(name), "{name} in {}", kind["properties"]["kind"]);
            }
        }
    }
}
