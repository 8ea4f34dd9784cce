//! Causes of the session behind sign-in and licence.

pub mod broker_redirect_failed;
pub mod closed;
pub mod denied_by_server;
pub mod draining;
pub mod ended_by_administrator;
pub mod ended_by_user;
pub mod error;
pub mod fresh_credentials_required;
pub mod idle_timeout;
pub mod insufficient_privileges;
pub mod limit_reached;
pub mod logon_timeout;
pub mod no_picture;
pub mod out_of_memory;
pub mod profile_load_failed;
pub mod protocol_error;
pub mod replaced;
pub mod server_failed;
pub mod server_shutting_down;
pub mod stuck;
