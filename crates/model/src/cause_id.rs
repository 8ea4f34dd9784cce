use schemars::JsonSchema;
use serde::Serialize;

/// The stable identifier of a cause, `area.kebab-case`, named after what is wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, JsonSchema)]
#[serde(transparent)]
pub struct CauseId(pub &'static str);

impl CauseId {
    /// The part before the first dot: `tls` of `tls.closed`.
    pub fn area(self) -> &'static str {
        self.0.split('.').next().unwrap_or(self.0)
    }

    /// The part behind the first dot: `closed` of `tls.closed`.
    pub fn name(self) -> &'static str {
        self.0.split_once('.').map_or(self.0, |(_, name)| name)
    }
}

impl std::fmt::Display for CauseId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.0)
    }
}
