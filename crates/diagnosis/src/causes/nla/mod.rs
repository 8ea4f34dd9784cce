//! Causes in CredSSP: of the sign-in before the session.

pub mod account_disabled;
pub mod account_expired;
pub mod account_locked;
pub mod account_restriction;
pub mod clock_skew;
pub mod closed_without_answer;
pub mod credentials_rejected;
pub mod encryption_oracle;
pub mod kerberos_failed;
pub mod logon_hours;
pub mod logon_type_not_granted;
pub mod malformed;
pub mod no_logon_servers;
pub mod ntlm_blocked;
pub mod password_expired;
pub mod password_must_change;
pub mod public_key_mismatch;
pub mod refused;
pub mod restricted_admin_disabled;
pub mod smartcard_required;
pub mod timeout;
pub mod trust_broken;
pub mod workstation_restriction;
