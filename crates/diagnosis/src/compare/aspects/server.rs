//! Who the server is behind the encryption, and what it says to the sign-in and the session.

use rdpdoctor_model::{Fact, Party, Stage, UdpReply};

use super::{Collector, Key, Weight, word};
use crate::causes::look;
use crate::codes::{self, Table};
use crate::{Evidence, windows_release};

/// uUdpVer of version 3, whose SYN shows a session's cookie (MS-RDPEUDP 2.2.2.9).
const VERSION_3: u16 = 0x0101;

pub(super) fn collect(evidence: &Evidence<'_>, out: &mut Collector) {
    challenge(evidence, out);
    sign_in(evidence, out);
    session(evidence, out);
    datagrams(evidence, out);
}

fn challenge(evidence: &Evidence<'_>, out: &mut Collector) {
    for seen in evidence.main_path(Some) {
        let Fact::NtlmChallenge {
            netbios_computer,
            dns_computer,
            netbios_domain,
            dns_domain,
            version,
            ..
        } = seen.value
        else {
            continue;
        };
        let id = || [seen.id()];
        if let Some(computer) = dns_computer.as_ref().or(netbios_computer.as_ref()) {
            let name = (Stage::CredSsp, "computer");
            out.text(name, Weight::Identity, computer.to_lowercase(), id());
        }
        if let Some(domain) = dns_domain.as_ref().or(netbios_domain.as_ref()) {
            let name = (Stage::CredSsp, "domain");
            out.text(name, Weight::Identity, domain.to_lowercase(), id());
        }
        if let Some(version) = version {
            let numbers = format!("{}.{}.{}", version.major, version.minor, version.build);
            let release = windows_release(version.major, version.minor, version.build);
            let text = release.map_or(numbers.clone(), |r| format!("{numbers} ({})", r.name));
            out.text((Stage::CredSsp, "build"), Weight::Matters, text, id());
        }
    }
    if let Some(seen) = look::clock_offset(evidence) {
        let text = match seen.value.abs() {
            0..60_000 => "less than a minute off".to_owned(),
            _ => format!("{} the machine that checked", look::clock_words(seen.value)),
        };
        let name = (Stage::CredSsp, "clock");
        out.keyed(name, Weight::Matters, Key::Clock(seen.value), text, [seen.id()]);
    }
}

fn sign_in(evidence: &Evidence<'_>, out: &mut Collector) {
    for seen in evidence.main_path(Some) {
        let id = [seen.id()];
        match seen.value {
            Fact::TsRequest { from: Party::Server, version, .. } => {
                let name = (Stage::CredSsp, "credssp-version");
                out.text(name, Weight::Matters, version.to_string(), id);
            }
            Fact::CredentialSent { mechanism } => {
                let name = (Stage::CredSsp, "mechanism");
                out.text(name, Weight::Matters, word(mechanism), id);
            }
            Fact::PublicKeyBinding { matches, .. } => {
                let text = if *matches { "proves its key" } else { "proves another key" };
                out.text((Stage::CredSsp, "key-binding"), Weight::Matters, text, id);
            }
            Fact::KerberosError { code, .. } => {
                let name = (Stage::CredSsp, "kerberos-error");
                out.text(name, Weight::Matters, code.to_string(), id);
            }
            Fact::SystemSignInFailed { code, .. } => {
                let name = (Stage::CredSsp, "system-sign-in");
                out.text(name, Weight::Matters, Table::Ntstatus.write(*code), id);
            }
            Fact::EarlyAuthorization { result } => {
                let name = (Stage::CredSsp, "early-authorisation");
                out.text(name, Weight::Matters, format!("{result:#x}"), id);
            }
            _ => {}
        }
    }
    let result = (Stage::CredSsp, "sign-in");
    if let Some(error) = look::credssp_error(evidence) {
        let name = codes::name_of(Table::Ntstatus, error.value).unwrap_or("unknown status");
        let text = format!("refused: {name} ({:#010x})", error.value);
        out.text(result, Weight::Matters, text, [error.id()]);
    } else if look::signed_in(evidence) {
        out.text(result, Weight::Matters, "accepted", []);
    }
}

fn session(evidence: &Evidence<'_>, out: &mut Collector) {
    let mut add = |stage, name: &str, text: String, id| {
        out.text((stage, name), Weight::Matters, text, [id]);
    };
    for seen in evidence.main_path(Some) {
        let id = seen.id();
        match seen.value {
            Fact::McsConnectResponse { result, multitransport_flags, .. } => {
                add(Stage::Mcs, "result", result.to_string(), id.clone());
                let text = multitransport_flags.map_or_else(
                    || "not offered".to_owned(),
                    |flags| format!("offered, {flags:#x}"),
                );
                add(Stage::Udp, "multitransport", text, id);
            }
            Fact::MultitransportRequest { requested_protocol, .. } => {
                let text = format!("asked for, protocol {requested_protocol}");
                add(Stage::Udp, "transport", text, id);
            }
            Fact::ServerSecurityData { encryption_method, encryption_level, .. } => {
                let text = format!("method {encryption_method:#x}, level {encryption_level}");
                add(Stage::Mcs, "encryption", text, id);
            }
            Fact::McsDisconnectUltimatum { reason } => {
                add(Stage::Mcs, "ultimatum", format!("reason {reason}"), id);
            }
            Fact::LicenseError { from: Party::Server, code, .. } => {
                add(Stage::Licensing, "answer", format!("code {code:#x}"), id);
            }
            Fact::SetErrorInfo { code } if *code != 0 => {
                add(Stage::Session, "error-info", format!("{code:#x}"), id);
            }
            Fact::LoggedOn { user: Some(user), domain, .. } => {
                let domain = domain.as_deref().map(|d| format!("{d}\\")).unwrap_or_default();
                add(Stage::Session, "account", format!("{domain}{user}"), id);
            }
            Fact::Redirection { targets, .. } => {
                add(Stage::Session, "redirection", targets.join(", "), id);
            }
            _ => {}
        }
    }
}

/// What came for the handshakes by UDP; one that nobody waited for says nothing.
fn datagrams(evidence: &Evidence<'_>, out: &mut Collector) {
    for seen in evidence.all(Some) {
        let Fact::UdpProbe { offered, reply, .. } = seen.value else { continue };
        let name = match offered {
            Some(VERSION_3) => "answer with a session's cookie",
            _ => "answer",
        };
        let text = match reply {
            UdpReply::SynAck { .. } => "answered",
            UdpReply::Rejected { .. } => "rejected",
            UdpReply::Malformed { .. } => "something else",
            UdpReply::Silence => "no answer",
            UdpReply::NotAwaited => continue,
        };
        out.text((Stage::Udp, name), Weight::Matters, text, [seen.id()]);
    }
}
