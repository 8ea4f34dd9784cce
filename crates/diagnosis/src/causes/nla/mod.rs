//! Causes in CredSSP, as far as no credential is needed to see them.

pub mod clock_skew;
pub mod closed_without_answer;
pub mod encryption_oracle;
pub mod malformed;
pub mod no_logon_servers;
pub mod ntlm_blocked;
pub mod refused;
pub mod timeout;
