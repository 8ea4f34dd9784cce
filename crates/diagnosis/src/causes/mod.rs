//! The catalogue: one cause a file, `<area>/<name>.rs`, and its line in the list below.

mod advice;
mod at_gateway;
pub mod client;
pub mod cloud;
pub mod dns;
pub mod gateway;
pub mod host;
pub mod license;
pub(crate) mod logged;
pub(crate) mod look;
pub mod mcs;
pub mod nego;
pub mod net;
pub mod nla;
pub(crate) mod own;
pub mod pam;
pub(crate) mod rdp_file;
pub mod rdpsec;
pub(crate) mod said;
pub mod session;
pub mod tls;
pub mod udp;

use rdpdoctor_model::CauseId;

use crate::{Cause, Evidence, NextTest};

/// The tests that tell a cause from others by what was seen this time; they go before those that its file
/// names for all times.
pub(crate) fn separating(
    evidence: &Evidence<'_>,
    cause: CauseId,
) -> impl Iterator<Item = NextTest> {
    let all = [
        logged::separating(evidence, cause),
        client::rdp_file_fragile_settings::separating(evidence, cause),
        udp::blocked::separating(evidence, cause),
    ];
    all.into_iter().flatten()
}

/// Every cause, in the order in which equals are ranked.
pub static CATALOGUE: &[&Cause] = &[
    // gateway
    &gateway::unreachable::CAUSE,
    &gateway::not_a_gateway::CAUSE,
    &gateway::certificate::CAUSE,
    &gateway::tls_terminated::CAUSE,
    &gateway::auth_rejected::CAUSE,
    &gateway::second_factor::CAUSE,
    &gateway::connection_policy_denied::CAUSE,
    &gateway::resource_policy_denied::CAUSE,
    &gateway::target_unreachable::CAUSE,
    &gateway::limit_reached::CAUSE,
    &gateway::transport_blocked::CAUSE,
    &gateway::timeout::CAUSE,
    &gateway::error::CAUSE,
    // dns
    &dns::name_not_found::CAUSE,
    &dns::no_address::CAUSE,
    &dns::resolver_failed::CAUSE,
    &dns::client_differs::CAUSE,
    &dns::stale_address::CAUSE,
    &dns::other_name::CAUSE,
    &dns::hosts_override::CAUSE,
    &dns::broken_ipv6::CAUSE,
    // net
    &net::host_unreachable::CAUSE,
    &net::no_answer::CAUSE,
    &net::port_blocked::CAUSE,
    &net::refused::CAUSE,
    &net::prohibited::CAUSE,
    &net::wrong_service::CAUSE,
    &net::silent_listener::CAUSE,
    &net::closed_on_accept::CAUSE,
    &net::middlebox_reset::CAUSE,
    &net::mtu_blackhole::CAUSE,
    &net::packet_loss::CAUSE,
    &net::high_latency::CAUSE,
    &net::idle_cut::CAUSE,
    &net::path_changed::CAUSE,
    &net::interrupted::CAUSE,
    &net::self_connection::CAUSE,
    &net::exposed_to_internet::CAUSE,
    &net::proxy_auth::CAUSE,
    &net::proxy_refused::CAUSE,
    // nego
    &nego::nla_required::CAUSE,
    &nego::tls_required::CAUSE,
    &nego::tls_not_allowed::CAUSE,
    &nego::server_certificate_missing::CAUSE,
    &nego::inconsistent_flags::CAUSE,
    &nego::user_auth_tls_required::CAUSE,
    &nego::entra_required::CAUSE,
    &nego::legacy_security_only::CAUSE,
    &nego::malformed_response::CAUSE,
    &nego::timeout::CAUSE,
    &nego::closed_after_request::CAUSE,
    &nego::direct_only::CAUSE,
    // tls
    &tls::private_key_unavailable::CAUSE,
    &tls::no_common_version::CAUSE,
    &tls::no_common_cipher::CAUSE,
    &tls::version_outdated::CAUSE,
    &tls::handshake_timeout::CAUSE,
    &tls::malformed::CAUSE,
    &tls::alert::CAUSE,
    &tls::closed::CAUSE,
    &tls::intercepted::CAUSE,
    &tls::certificate_expired::CAUSE,
    &tls::certificate_not_yet_valid::CAUSE,
    &tls::certificate_name_mismatch::CAUSE,
    &tls::certificate_untrusted::CAUSE,
    &tls::certificate_weak::CAUSE,
    &tls::certificate_wrong_usage::CAUSE,
    &tls::certificate_revoked::CAUSE,
    &tls::revocation_unreachable::CAUSE,
    // nla
    &nla::encryption_oracle::CAUSE,
    &nla::clock_skew::CAUSE,
    &nla::ntlm_blocked::CAUSE,
    &nla::no_logon_servers::CAUSE,
    &nla::account_locked::CAUSE,
    &nla::account_disabled::CAUSE,
    &nla::account_expired::CAUSE,
    &nla::password_expired::CAUSE,
    &nla::password_must_change::CAUSE,
    &nla::logon_type_not_granted::CAUSE,
    &nla::logon_hours::CAUSE,
    &nla::workstation_restriction::CAUSE,
    &nla::smartcard_required::CAUSE,
    &nla::account_restriction::CAUSE,
    &nla::credentials_rejected::CAUSE,
    &nla::trust_broken::CAUSE,
    &nla::public_key_mismatch::CAUSE,
    &nla::restricted_admin_disabled::CAUSE,
    &nla::kerberos_failed::CAUSE,
    &nla::closed_without_answer::CAUSE,
    &nla::timeout::CAUSE,
    &nla::malformed::CAUSE,
    &nla::refused::CAUSE,
    // mcs
    &rdpsec::no_common_encryption::CAUSE,
    &rdpsec::fips_mismatch::CAUSE,
    &rdpsec::weak_encryption::CAUSE,
    &mcs::refused::CAUSE,
    &mcs::malformed::CAUSE,
    &mcs::closed::CAUSE,
    &mcs::timeout::CAUSE,
    // license
    &license::no_server::CAUSE,
    &license::no_license::CAUSE,
    &license::host_not_licensed::CAUSE,
    &license::grace_expired::CAUSE,
    &license::client_rejected::CAUSE,
    &license::timeout::CAUSE,
    &license::protocol_error::CAUSE,
    &license::error::CAUSE,
    // session
    &session::insufficient_privileges::CAUSE,
    &session::denied_by_server::CAUSE,
    &session::limit_reached::CAUSE,
    &session::draining::CAUSE,
    &session::profile_load_failed::CAUSE,
    &session::replaced::CAUSE,
    &session::ended_by_administrator::CAUSE,
    &session::ended_by_user::CAUSE,
    &session::logon_timeout::CAUSE,
    &session::idle_timeout::CAUSE,
    &session::fresh_credentials_required::CAUSE,
    &session::out_of_memory::CAUSE,
    &session::server_failed::CAUSE,
    &session::server_shutting_down::CAUSE,
    &session::broker_redirect_failed::CAUSE,
    &session::stuck::CAUSE,
    &session::protocol_error::CAUSE,
    &session::no_picture::CAUSE,
    &session::closed::CAUSE,
    &session::error::CAUSE,
    // udp
    &udp::blocked::CAUSE,
    &udp::cookie_unanswered::CAUSE,
    &udp::unstable::CAUSE,
    // pam
    &pam::backend_refused::CAUSE,
    &pam::backend_security_mismatch::CAUSE,
    &pam::in_path::CAUSE,
    // cloud
    &cloud::rule_blocks::CAUSE,
    // host
    &host::edition_unsupported::CAUSE,
    &host::rdp_disabled::CAUSE,
    &host::service_disabled::CAUSE,
    &host::service_hung::CAUSE,
    &host::service_stopped::CAUSE,
    &host::listener_missing::CAUSE,
    &host::port_taken::CAUSE,
    &host::port_changed::CAUSE,
    &host::network_public::CAUSE,
    &host::firewall_blocks::CAUSE,
    &host::certificate_key_missing::CAUSE,
    &host::certificate_key_permissions::CAUSE,
    &host::certificate_binding_broken::CAUSE,
    &host::certificate_expired::CAUSE,
    &host::tls_disabled::CAUSE,
    &host::cipher_policy::CAUSE,
    &host::security_layer::CAUSE,
    &host::nla_policy::CAUSE,
    &host::fips::CAUSE,
    &host::session_limit::CAUSE,
    &host::draining::CAUSE,
    &host::clock_skew::CAUSE,
    &host::disk_full::CAUSE,
    &host::pending_reboot::CAUSE,
    &host::sleeps::CAUSE,
    &host::nic_power_saving::CAUSE,
    &host::third_party_filter::CAUSE,
    &host::logon_right_denied::CAUSE,
    &host::user_not_permitted::CAUSE,
    &host::account_unusable::CAUSE,
    &host::license_grace_expired::CAUSE,
    &host::credssp_policy::CAUSE,
    &host::ntlm_policy::CAUSE,
    &host::kerberos_policy::CAUSE,
    &host::session_stuck::CAUSE,
    &host::profile_corrupt::CAUSE,
    &host::shell_replaced::CAUSE,
    &host::input_devices_blocked::CAUSE,
    &host::update_regression::CAUSE,
    &host::udp_policy::CAUSE,
    &host::graphics_policy::CAUSE,
    &host::farm_settings::CAUSE,
    &host::sign_in_agent::CAUSE,
    // client
    &client::rdp_file_invalid::CAUSE,
    &client::rdp_file_weakens_security::CAUSE,
    &client::rdp_file_fragile_settings::CAUSE,
    &client::no_network::CAUSE,
    &client::firewall_blocks::CAUSE,
    &client::vpn_path::CAUSE,
    &client::app_blocked::CAUSE,
    &client::nla_unsupported::CAUSE,
    &client::tls_policy::CAUSE,
    &client::credssp_policy::CAUSE,
    &client::credssp_outdated::CAUSE,
    &client::saved_credentials::CAUSE,
    &client::ntlm_policy::CAUSE,
    &client::cache_corrupt::CAUSE,
    &client::outdated::CAUSE,
    &client::gateway_settings::CAUSE,
    &client::update_regression::CAUSE,
    &client::udp_policy::CAUSE,
];
