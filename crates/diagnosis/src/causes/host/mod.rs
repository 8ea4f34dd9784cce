//! Causes on the Windows host itself.

pub mod certificate_key_missing;
pub mod certificate_key_permissions;
pub mod listener_missing;
pub mod rdp_disabled;
pub mod service_hung;
pub mod service_stopped;
pub mod update_regression;
