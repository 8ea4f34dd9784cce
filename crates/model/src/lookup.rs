use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The three answers to every question: seen, seen to be absent, could not look.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "lookup", rename_all = "kebab-case")]
pub enum Lookup<T> {
    /// It was looked for and is there.
    Seen {
        /// What was seen.
        value: T,
    },
    /// It was looked for and is not there.
    Absent,
    /// Nobody could look, so nothing follows from it.
    Unavailable {
        /// Why not, in words that complete "could not look: ...".
        why: String,
    },
}

impl<T> Lookup<T> {
    /// Shorthand for [`Lookup::Seen`].
    pub fn seen(value: T) -> Self {
        Self::Seen { value }
    }

    /// Shorthand for [`Lookup::Unavailable`].
    pub fn unavailable(why: impl Into<String>) -> Self {
        Self::Unavailable { why: why.into() }
    }

    /// The value, where one was seen.
    pub fn as_seen(&self) -> Option<&T> {
        match self {
            Self::Seen { value } => Some(value),
            Self::Absent | Self::Unavailable { .. } => None,
        }
    }

    /// The same answer about what follows from the value.
    pub fn map_seen<U>(self, change: impl FnOnce(T) -> U) -> Lookup<U> {
        match self {
            Self::Seen { value } => Lookup::Seen { value: change(value) },
            Self::Absent => Lookup::Absent,
            Self::Unavailable { why } => Lookup::Unavailable { why },
        }
    }

    /// Whether it was looked for and found absent.
    pub fn is_absent(&self) -> bool {
        matches!(self, Self::Absent)
    }
}
