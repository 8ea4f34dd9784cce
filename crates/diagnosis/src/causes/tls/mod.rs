//! Causes in the TLS handshake and in the certificate.

pub mod private_key_unavailable;
