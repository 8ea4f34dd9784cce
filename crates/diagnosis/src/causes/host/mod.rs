//! Causes on the Windows host itself.

pub mod account_unusable;
pub mod certificate_key_missing;
pub mod certificate_key_permissions;
pub mod credssp_policy;
pub mod farm_settings;
pub mod graphics_policy;
pub mod input_devices_blocked;
pub mod kerberos_policy;
pub mod license_grace_expired;
pub mod listener_missing;
pub mod logon_right_denied;
pub mod ntlm_policy;
pub mod profile_corrupt;
pub mod rdp_disabled;
pub mod service_hung;
pub mod service_stopped;
pub mod session_stuck;
pub mod shell_replaced;
pub mod sign_in_agent;
pub mod udp_policy;
pub mod update_regression;
pub mod user_not_permitted;
