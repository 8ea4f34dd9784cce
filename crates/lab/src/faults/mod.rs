//! One fault a file; the slice below is the list that `lab list` shows.

use crate::Fault;

mod bastion_backend_refused;
mod bastion_backend_security;
mod cert_expired;
mod cert_intercepted;
mod cert_name_mismatch;
mod cert_not_yet_valid;
mod cert_revocation_unreachable;
mod cert_revoked;
mod cert_unknown_ca;
mod cert_weak_key;
mod cert_weak_signature;
mod cert_wrong_usage;
mod direct_only;
mod gateway_auth_rejected;
mod gateway_auth_rejected_in_packets;
mod gateway_certificate_changes;
mod gateway_certificate_expired;
mod gateway_certificate_name;
mod gateway_certificate_revoked;
mod gateway_certificate_self_signed;
mod gateway_channel_silent;
mod gateway_chatter;
mod gateway_code;
mod gateway_connection_policy_denied;
mod gateway_endless;
mod gateway_error;
mod gateway_foreign;
mod gateway_garbage;
mod gateway_hangs_up;
mod gateway_limit_reached;
mod gateway_resource_policy_denied;
mod gateway_rpc_only;
mod gateway_second_factor;
mod gateway_session_timeout;
mod gateway_target_unreachable;
mod gateway_timeout;
mod gateway_tls_terminated;
mod gateway_transport_blocked;
mod gateway_unavailable;
mod gateway_web_server;
mod healthy_ca_certificate;
mod healthy_demand_active_twice;
mod healthy_dripping;
mod healthy_ec_certificate;
mod healthy_gateway;
mod healthy_gateway_basic;
mod healthy_gateway_consent;
mod healthy_gateway_fallback;
mod healthy_gateway_http;
mod healthy_gateway_in_packets;
mod healthy_large_chain;
mod healthy_logon_tls;
mod healthy_nla;
mod healthy_no_timestamp;
mod healthy_proxy;
mod healthy_rdp_fips;
mod healthy_rdp_security;
mod healthy_revocation_list;
mod healthy_session;
mod healthy_slow;
mod healthy_spnego_only;
mod healthy_tls12_only;
mod healthy_tls13;
mod healthy_tls_only;
mod healthy_udp;
mod healthy_udp_cookie;
mod healthy_udp_late;
mod license_client_rejected;
mod license_error;
mod license_host_not_licensed;
mod license_no_license;
mod license_no_server;
mod license_protocol_error;
mod license_timeout;
mod mcs_closed;
mod mcs_garbage;
mod mcs_refused;
mod mcs_silent;
mod mcs_ultimatum;
mod nego_bad_length;
mod nego_certificate_missing;
mod nego_closed_fin;
mod nego_closed_rst;
mod nego_disconnect_request;
mod nego_entra_required;
mod nego_garbage_in_tpkt;
mod nego_half_answer;
mod nego_inconsistent_flags;
mod nego_legacy_only;
mod nego_nla_required;
mod nego_tls_not_allowed;
mod nego_tls_not_allowed_strict;
mod nego_tls_required;
mod nego_unknown_failure;
mod nego_unrequested_protocol;
mod nego_user_auth_tls;
mod net_closed_on_accept_fin;
mod net_closed_on_accept_rst;
mod net_silent_listener;
mod nla_account_disabled;
mod nla_account_expired;
mod nla_account_locked;
mod nla_account_restriction;
mod nla_alert;
mod nla_clock_skew;
mod nla_closed_at_proof;
mod nla_closed_fin;
mod nla_closed_rst;
mod nla_credentials_rejected;
mod nla_empty_tsrequest;
mod nla_garbage;
mod nla_logon_hours;
mod nla_logon_type_not_granted;
mod nla_no_logon_servers;
mod nla_ntlm_blocked;
mod nla_old_credssp;
mod nla_password_expired;
mod nla_password_must_change;
mod nla_public_key_mismatch;
mod nla_refused;
mod nla_restricted_admin_disabled;
mod nla_silent;
mod nla_silent_at_proof;
mod nla_smartcard_required;
mod nla_trust_broken;
mod nla_unknown_status;
mod nla_workstation_restriction;
mod other_name;
mod proxy_auth;
mod proxy_auth_unsupported;
mod proxy_closed;
mod proxy_failed;
mod proxy_garbage;
mod proxy_refused;
mod proxy_silent;
mod proxy_target_refused;
mod proxy_target_silent;
mod rdpsec_56_bit;
mod rdpsec_fips_mismatch;
mod rdpsec_no_common_encryption;
mod rdpsec_weak_encryption;
mod self_connection;
mod session_broker_redirect;
mod session_broker_redirect_failed;
mod session_closed;
mod session_denied_by_server;
mod session_ended_by_administrator;
mod session_ended_by_user;
mod session_fresh_credentials_required;
mod session_idle_timeout;
mod session_insufficient_privileges;
mod session_limit_reached;
mod session_logon_timeout;
mod session_no_picture;
mod session_out_of_memory;
mod session_protocol_error;
mod session_replaced;
mod session_server_failed;
mod session_server_shutting_down;
mod session_stuck;
mod session_unknown_error;
mod tls_alert_access_denied;
mod tls_alert_unrecognized_name;
mod tls_closed_after_server_hello;
mod tls_garbage;
mod tls_http_answer;
mod tls_key_unavailable_alert;
mod tls_key_unavailable_fin;
mod tls_key_unavailable_rst;
mod tls_modern_hello_dropped;
mod tls_no_common_cipher;
mod tls_no_common_cipher_71;
mod tls_no_common_version;
mod tls_silent;
mod tls_ssl3_only;
mod tls_stalls_after_server_hello;
mod tls_version_1_0;
mod tls_version_1_1;
mod tls_wrong_key;
mod udp_cookie_silent;
mod udp_silent;
mod wrong_service_ftp;
mod wrong_service_http;
mod wrong_service_https;
mod wrong_service_https_alert;
mod wrong_service_imap;
mod wrong_service_mysql;
mod wrong_service_pop3;
mod wrong_service_smb;
mod wrong_service_smtp;
mod wrong_service_ssh;
mod wrong_service_telnet;
mod wrong_service_unknown;
mod wrong_service_vnc;

/// All faults, healthy servers first, then in the order of the stages they break.
pub static FAULTS: &[&Fault] = &[
    &healthy_nla::FAULT,
    &healthy_tls_only::FAULT,
    &healthy_tls12_only::FAULT,
    &healthy_tls13::FAULT,
    &healthy_ec_certificate::FAULT,
    &healthy_ca_certificate::FAULT,
    &healthy_revocation_list::FAULT,
    &healthy_large_chain::FAULT,
    &healthy_slow::FAULT,
    &healthy_dripping::FAULT,
    &healthy_no_timestamp::FAULT,
    &healthy_spnego_only::FAULT,
    &other_name::FAULT,
    &net_silent_listener::FAULT,
    &net_closed_on_accept_fin::FAULT,
    &net_closed_on_accept_rst::FAULT,
    &self_connection::FAULT,
    &wrong_service_ssh::FAULT,
    &wrong_service_http::FAULT,
    &wrong_service_https::FAULT,
    &wrong_service_https_alert::FAULT,
    &wrong_service_vnc::FAULT,
    &wrong_service_smb::FAULT,
    &wrong_service_ftp::FAULT,
    &wrong_service_smtp::FAULT,
    &wrong_service_pop3::FAULT,
    &wrong_service_imap::FAULT,
    &wrong_service_telnet::FAULT,
    &wrong_service_mysql::FAULT,
    &wrong_service_unknown::FAULT,
    &direct_only::FAULT,
    &healthy_proxy::FAULT,
    &proxy_auth::FAULT,
    &proxy_auth_unsupported::FAULT,
    &proxy_refused::FAULT,
    &proxy_failed::FAULT,
    &proxy_target_refused::FAULT,
    &proxy_target_silent::FAULT,
    &proxy_garbage::FAULT,
    &proxy_silent::FAULT,
    &proxy_closed::FAULT,
    &healthy_udp::FAULT,
    &udp_silent::FAULT,
    &healthy_udp_late::FAULT,
    &healthy_udp_cookie::FAULT,
    &udp_cookie_silent::FAULT,
    &nego_tls_required::FAULT,
    &nego_tls_not_allowed::FAULT,
    &nego_tls_not_allowed_strict::FAULT,
    &nego_certificate_missing::FAULT,
    &nego_inconsistent_flags::FAULT,
    &nego_nla_required::FAULT,
    &nego_user_auth_tls::FAULT,
    &nego_entra_required::FAULT,
    &nego_unknown_failure::FAULT,
    &nego_legacy_only::FAULT,
    &nego_disconnect_request::FAULT,
    &nego_unrequested_protocol::FAULT,
    &nego_bad_length::FAULT,
    &nego_garbage_in_tpkt::FAULT,
    &nego_half_answer::FAULT,
    &nego_closed_fin::FAULT,
    &nego_closed_rst::FAULT,
    &tls_key_unavailable_fin::FAULT,
    &tls_key_unavailable_rst::FAULT,
    &tls_key_unavailable_alert::FAULT,
    &tls_no_common_version::FAULT,
    &tls_ssl3_only::FAULT,
    &tls_no_common_cipher::FAULT,
    &tls_no_common_cipher_71::FAULT,
    &tls_version_1_0::FAULT,
    &tls_version_1_1::FAULT,
    &tls_silent::FAULT,
    &tls_stalls_after_server_hello::FAULT,
    &tls_garbage::FAULT,
    &tls_http_answer::FAULT,
    &tls_alert_access_denied::FAULT,
    &tls_alert_unrecognized_name::FAULT,
    &tls_closed_after_server_hello::FAULT,
    &tls_modern_hello_dropped::FAULT,
    &tls_wrong_key::FAULT,
    &cert_expired::FAULT,
    &cert_not_yet_valid::FAULT,
    &cert_name_mismatch::FAULT,
    &cert_unknown_ca::FAULT,
    &cert_weak_key::FAULT,
    &cert_weak_signature::FAULT,
    &cert_wrong_usage::FAULT,
    &cert_revoked::FAULT,
    &cert_revocation_unreachable::FAULT,
    &cert_intercepted::FAULT,
    &nla_old_credssp::FAULT,
    &nla_clock_skew::FAULT,
    &nla_closed_fin::FAULT,
    &nla_closed_rst::FAULT,
    &nla_alert::FAULT,
    &nla_silent::FAULT,
    &nla_garbage::FAULT,
    &nla_empty_tsrequest::FAULT,
    &nla_ntlm_blocked::FAULT,
    &nla_no_logon_servers::FAULT,
    &nla_refused::FAULT,
    &rdpsec_no_common_encryption::FAULT,
    &rdpsec_fips_mismatch::FAULT,
    &rdpsec_weak_encryption::FAULT,
    &rdpsec_56_bit::FAULT,
    &mcs_refused::FAULT,
    &mcs_ultimatum::FAULT,
    &mcs_garbage::FAULT,
    &mcs_closed::FAULT,
    &mcs_silent::FAULT,
    &healthy_session::FAULT,
    &healthy_demand_active_twice::FAULT,
    &healthy_logon_tls::FAULT,
    &healthy_rdp_security::FAULT,
    &healthy_rdp_fips::FAULT,
    &nla_credentials_rejected::FAULT,
    &nla_account_locked::FAULT,
    &nla_account_disabled::FAULT,
    &nla_account_expired::FAULT,
    &nla_password_expired::FAULT,
    &nla_password_must_change::FAULT,
    &nla_logon_type_not_granted::FAULT,
    &nla_account_restriction::FAULT,
    &nla_logon_hours::FAULT,
    &nla_workstation_restriction::FAULT,
    &nla_smartcard_required::FAULT,
    &nla_trust_broken::FAULT,
    &nla_restricted_admin_disabled::FAULT,
    &nla_unknown_status::FAULT,
    &nla_public_key_mismatch::FAULT,
    &nla_closed_at_proof::FAULT,
    &nla_silent_at_proof::FAULT,
    &session_insufficient_privileges::FAULT,
    &license_no_server::FAULT,
    &license_no_license::FAULT,
    &license_client_rejected::FAULT,
    &license_error::FAULT,
    &license_protocol_error::FAULT,
    &license_timeout::FAULT,
    &license_host_not_licensed::FAULT,
    &session_denied_by_server::FAULT,
    &session_replaced::FAULT,
    &session_ended_by_administrator::FAULT,
    &session_ended_by_user::FAULT,
    &session_logon_timeout::FAULT,
    &session_idle_timeout::FAULT,
    &session_fresh_credentials_required::FAULT,
    &session_out_of_memory::FAULT,
    &session_server_failed::FAULT,
    &session_server_shutting_down::FAULT,
    &session_broker_redirect_failed::FAULT,
    &session_broker_redirect::FAULT,
    &session_unknown_error::FAULT,
    &session_limit_reached::FAULT,
    &session_stuck::FAULT,
    &session_closed::FAULT,
    &bastion_backend_refused::FAULT,
    &bastion_backend_security::FAULT,
    &session_protocol_error::FAULT,
    &session_no_picture::FAULT,
    &healthy_gateway::FAULT,
    &healthy_gateway_http::FAULT,
    &healthy_gateway_fallback::FAULT,
    &healthy_gateway_consent::FAULT,
    &healthy_gateway_basic::FAULT,
    &healthy_gateway_in_packets::FAULT,
    &gateway_unavailable::FAULT,
    &gateway_web_server::FAULT,
    &gateway_foreign::FAULT,
    &gateway_endless::FAULT,
    &gateway_rpc_only::FAULT,
    &gateway_certificate_self_signed::FAULT,
    &gateway_certificate_expired::FAULT,
    &gateway_certificate_name::FAULT,
    &gateway_certificate_revoked::FAULT,
    &gateway_certificate_changes::FAULT,
    &gateway_tls_terminated::FAULT,
    &gateway_auth_rejected::FAULT,
    &gateway_auth_rejected_in_packets::FAULT,
    &gateway_second_factor::FAULT,
    &gateway_chatter::FAULT,
    &gateway_connection_policy_denied::FAULT,
    &gateway_resource_policy_denied::FAULT,
    &gateway_target_unreachable::FAULT,
    &gateway_limit_reached::FAULT,
    &gateway_transport_blocked::FAULT,
    &gateway_timeout::FAULT,
    &gateway_channel_silent::FAULT,
    &gateway_error::FAULT,
    &gateway_garbage::FAULT,
    &gateway_hangs_up::FAULT,
    &gateway_session_timeout::FAULT,
    &gateway_code::FAULT,
];

/// Servers whose point is in the session that they grant; the others can do it as well.
pub(crate) const IN_SESSION: &[&str] = &[
    "healthy-session",
    "healthy-logon-tls",
    "healthy-udp-cookie",
    "udp-cookie-silent",
    "healthy-rdp-security",
    "healthy-rdp-fips",
    "rdpsec-weak-encryption",
    "rdpsec-56-bit",
];

/// The fault of this name.
pub fn fault(name: &str) -> Option<&'static Fault> {
    FAULTS.iter().find(|fault| fault.name == name).copied()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::{FAULTS, fault};

    #[test]
    fn every_file_is_registered_under_its_own_name() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/src/faults");
        let files: BTreeSet<String> = std::fs::read_dir(folder)
            .expect("the folder is there")
            .map(|entry| entry.expect("can be read").file_name().into_string().expect("is UTF-8"))
            .filter_map(|file| file.strip_suffix(".rs").map(|stem| stem.replace('_', "-")))
            .filter(|stem| stem != "mod")
            .collect();
        let names: BTreeSet<String> = FAULTS.iter().map(|fault| fault.name.to_owned()).collect();
        assert_eq!(names, files);
        assert_eq!(FAULTS.len(), names.len(), "a fault is registered twice");
    }

    #[test]
    fn each_can_be_found_and_says_what_it_does_in_a_line() {
        for &entry in FAULTS {
            assert!(fault(entry.name).is_some_and(|found| std::ptr::eq(found, entry)));
            let length = entry.summary.chars().count();
            assert!((10..=85).contains(&length), "{}: {length}", entry.name);
            assert!(!entry.summary.contains('\n') && !entry.summary.ends_with('.'));
            let healthy = entry.name.starts_with("healthy-") || entry.name == "other-name";
            assert_eq!(entry.cause.is_none(), healthy, "{}", entry.name);
        }
        assert!(fault("no-such-fault").is_none());
    }
}
