use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// By what an entry of the administrator's file of bastions fits what was seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum BastionMark {
    /// The name that was asked for.
    Target,
    /// A name in the certificate, or the one by which the server introduced itself.
    Name,
    /// Who issued the certificate.
    Issuer,
    /// The certificate's fingerprint.
    Fingerprint,
}
