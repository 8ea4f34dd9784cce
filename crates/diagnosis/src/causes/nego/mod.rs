//! Causes in the security negotiation (MS-RDPBCGR 2.2.1.2).

pub mod closed_after_request;
pub mod direct_only;
pub mod entra_required;
pub mod inconsistent_flags;
pub mod legacy_security_only;
pub mod malformed_response;
pub mod nla_required;
pub mod server_certificate_missing;
pub mod timeout;
pub mod tls_not_allowed;
pub mod tls_required;
pub mod user_auth_tls_required;
