use std::net::IpAddr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Timestamp;

/// What an X.509 certificate says of itself (RFC 5280), as far as a diagnosis reads it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Certificate {
    /// The subject's distinguished name, RFC 4514 order as sent.
    pub subject: String,
    /// The subject's last common name.
    pub subject_common_name: Option<String>,
    /// The issuer's distinguished name.
    pub issuer: String,
    /// Serial number, lower-case hexadecimal.
    pub serial: String,
    /// Valid from this moment on.
    pub not_before: Timestamp,
    /// Valid up to this moment.
    pub not_after: Timestamp,
    /// DNS names of the subject alternative name extension.
    pub dns_names: Vec<String>,
    /// IP addresses of the same extension.
    pub ip_addresses: Vec<IpAddr>,
    /// The public key.
    pub public_key: PublicKey,
    /// The signature algorithm's name (`sha256WithRSAEncryption`) or its object identifier.
    pub signature_algorithm: String,
    /// Key usage bits by their names in RFC 5280 4.2.1.3; `None` without the extension.
    pub key_usage: Option<Vec<String>>,
    /// Extended key usages, `serverAuth` and the like by name, others by object identifier; `None`
    /// without the extension.
    pub extended_key_usage: Option<Vec<String>>,
    /// Basic constraints say that it may issue.
    pub is_ca: bool,
    /// Subject and issuer are the same name.
    pub self_issued: bool,
    /// Where revocation lists are, as the certificate says.
    pub crl_urls: Vec<String>,
    /// Where an OCSP responder is, as the certificate says.
    pub ocsp_urls: Vec<String>,
    /// SHA-1 over the DER, lower-case hexadecimal: the thumbprint Windows shows.
    pub sha1: String,
    /// SHA-256 over the DER, lower-case hexadecimal.
    pub sha256: String,
    /// Length of the DER in bytes.
    pub length: usize,
}

/// Kind and size of a public key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PublicKey {
    /// `RSA`, `EC`, `DSA`, `Ed25519` or the algorithm's object identifier.
    pub algorithm: String,
    /// Size of the modulus or the field, in bits, where it could be read.
    pub bits: Option<u32>,
}
