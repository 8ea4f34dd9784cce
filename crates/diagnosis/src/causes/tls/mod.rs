//! Causes in the TLS handshake and in the certificate.

pub mod alert;
pub mod certificate_expired;
pub mod certificate_name_mismatch;
pub mod certificate_not_yet_valid;
pub mod certificate_revoked;
pub mod certificate_untrusted;
pub mod certificate_weak;
pub mod certificate_wrong_usage;
pub mod closed;
pub mod handshake_timeout;
pub mod intercepted;
pub mod malformed;
pub mod no_common_cipher;
pub mod no_common_version;
pub mod private_key_unavailable;
pub mod revocation_unreachable;
pub mod version_outdated;
