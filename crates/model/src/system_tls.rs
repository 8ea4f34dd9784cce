//! What the TLS of the system itself came to.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Lookup;

/// The TLS of the system itself, which other programs of this machine go by, did not get through.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SystemTls {
    /// Which one: `Schannel`.
    pub library: String,
    /// Its error, as Windows numbers it; none: it had none to tell.
    pub code: Option<u32>,
    /// What a library that goes by no setting of this machine agreed to with the same server, on another
    /// connection: the suite's name. Absent: it was refused as well.
    pub other: Lookup<String>,
}
