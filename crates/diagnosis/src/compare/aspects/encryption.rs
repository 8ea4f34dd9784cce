//! What the server says to the connection request, and who it is inside TLS.

use std::collections::BTreeSet;

use rdpdoctor_model::{
    Awaited, Certificate, Fact, Lookup, Negotiation, SecurityLayerAnswer, Stage,
};

use super::{Collector, Weight, list, word};
use crate::causes::look;
use crate::{Evidence, Seen};

pub(super) fn collect(evidence: &Evidence<'_>, out: &mut Collector) {
    negotiation(evidence, out);
    layers(evidence, out);
    handshake(evidence, out);
    certificate(evidence, out);
    endings(evidence, out);
}

/// The names of protocols in a negotiation (MS-RDPBCGR 2.2.1.1.1 and 2.2.1.2.1).
fn protocol(number: u32) -> String {
    let name = match number {
        0 => "Standard RDP Security",
        1 => "TLS without NLA",
        2 => "NLA",
        4 => "RDSTLS",
        8 => "NLA with early authorisation",
        16 => "Entra sign-in",
        _ => return format!("protocol {number:#x}"),
    };
    name.to_owned()
}

fn negotiation(evidence: &Evidence<'_>, out: &mut Collector) {
    let offered = evidence.main_path(|fact| match fact {
        Fact::ConnectionRequest { requested_protocols, .. } => Some(*requested_protocols),
        _ => None,
    });
    if let Some(seen) = offered.first() {
        let text = seen.value.map_or_else(|| "nothing".to_owned(), |mask| format!("{mask:#x}"));
        out.text((Stage::X224, "offer"), Weight::Matters, text, [seen.id()]);
    }
    let answer = (Stage::X224, "answer");
    if let Some(foreign) = look::foreign_service(evidence) {
        let text = format!("another service: {}", word(&foreign.value.0));
        out.text(answer, Weight::Matters, text, [foreign.id()]);
        return;
    }
    let Some(last) = evidence.negotiation() else { return };
    let text = match last.value {
        Negotiation::None => "Standard RDP Security, without negotiation".to_owned(),
        Negotiation::Response { selected_protocol, .. } => protocol(selected_protocol),
        Negotiation::Failure { code } => format!("refused with failure code {code}"),
    };
    out.text(answer, Weight::Matters, text, [last.id()]);
    if let Negotiation::Response { flags, .. } = last.value {
        let text = format!("{flags:#04x}");
        out.text((Stage::X224, "answer-flags"), Weight::Matters, text, [last.id()]);
    }
}

/// Each security layer that was asked for on a connection of its own.
fn layers(evidence: &Evidence<'_>, out: &mut Collector) {
    for seen in evidence.all(|fact| match fact {
        Fact::SecurityLayerOffer { layer, answer, .. } => Some((layer, answer)),
        _ => None,
    }) {
        let (layer, answer) = seen.value;
        let text = match answer {
            SecurityLayerAnswer::Accepted { selected_protocol } => {
                format!("takes {}", protocol(*selected_protocol))
            }
            SecurityLayerAnswer::Refused { code } => format!("refuses with failure code {code}"),
            // A side question may be cut off, or meet a server that takes no more at once.
            SecurityLayerAnswer::NoAnswer { .. } => continue,
        };
        let name = format!("security-layer {}", word(layer));
        out.text((Stage::X224, &name), Weight::Matters, text, [seen.id()]);
    }
}

fn handshake(evidence: &Evidence<'_>, out: &mut Collector) {
    let established = evidence.main_path(|fact| match fact {
        Fact::TlsEstablished { version, cipher, key_exchange, .. } => {
            Some((*version, cipher, key_exchange))
        }
        _ => None,
    });
    if let Some(seen) = established.last() {
        let (version, cipher, exchange) = seen.value;
        let mut add = |name, text: String| {
            out.text((Stage::Tls, name), Weight::Matters, text, [seen.id()]);
        };
        add("version", tls_version(version));
        add("cipher", cipher.clone());
        if let Some(exchange) = exchange {
            add("key-exchange", exchange.clone());
        }
    }
    for seen in evidence.all(|fact| match fact {
        Fact::TlsVersionOffer { oldest, newest, weak_suites_only, accepted } => {
            Some((*oldest, *newest, *weak_suites_only, accepted))
        }
        _ => None,
    }) {
        let (oldest, newest, weak, accepted) = seen.value;
        let text = match accepted {
            Lookup::Seen { .. } => "taken",
            Lookup::Absent => "not taken",
            Lookup::Unavailable { .. } => continue,
        };
        let weak = if weak { " weak" } else { "" };
        let name = format!("version-offer {oldest:#06x}-{newest:#06x}{weak}");
        out.text((Stage::Tls, &name), Weight::Matters, text, [seen.id()]);
    }
}

/// TLS versions as on the wire (RFC 8446 4.1.2).
fn tls_version(version: u16) -> String {
    match version {
        0x0300 => "SSL 3.0".to_owned(),
        0x0301..=0x0304 => format!("TLS 1.{}", version - 0x0301),
        other => format!("{other:#06x}"),
    }
}

fn certificate(evidence: &Evidence<'_>, out: &mut Collector) {
    let Some(seen) = evidence.server_certificate() else { return };
    let own: &Certificate = seen.value;
    let issuer = if own.self_issued { "itself" } else { own.issuer.as_str() };
    let text =
        format!("{}, valid until {}, SHA-256 {}", own.subject, own.not_after.date(), own.sha256);
    out.text((Stage::Tls, "certificate"), Weight::Identity, text, [seen.id()]);
    out.text((Stage::Tls, "issuer"), Weight::Matters, issuer, [seen.id()]);
    if let Some(chain) = look::chain(evidence).filter(|chain| chain.value.1 > 0) {
        let errors: BTreeSet<String> = chain.value.0.iter().map(|e| e.text.clone()).collect();
        let text = if errors.is_empty() { "trusted".to_owned() } else { list(&errors) };
        out.text((Stage::Tls, "trust"), Weight::Matters, text, [chain.id()]);
    }
    for seen in evidence.main_path(|fact| match fact {
        Fact::Revocation { answer: Lookup::Seen { value }, .. } => Some(value),
        _ => None,
    }) {
        out.text((Stage::Tls, "revocation"), Weight::Matters, word(seen.value), [seen.id()]);
    }
}

/// How the connection ended while something was awaited, and what alert said why.
fn endings(evidence: &Evidence<'_>, out: &mut Collector) {
    for awaited in [
        Awaited::ConnectionConfirm,
        Awaited::ServerHello,
        Awaited::HandshakeEnd,
        Awaited::NtlmChallenge,
        Awaited::PublicKeyBinding,
        Awaited::McsConnectResponse,
        Awaited::License,
        Awaited::DemandActive,
        Awaited::FontMap,
    ] {
        let Some(end) = evidence.ended_awaiting(awaited) else { continue };
        // FIN or RST is partly a race, and silence is neither.
        let text = match look::ending(end.value.ending) {
            words if words.starts_with("said") => "fell silent",
            words if words.starts_with("left") => continue,
            _ => "hung up",
        };
        let name = format!("ending-awaiting {}", word(&awaited));
        out.text((awaited.stage(), &name), Weight::Matters, text, [end.id()]);
        let alert: Option<Seen<'_, u8>> = look::alert(evidence, &[awaited]);
        if let Some(alert) = alert.filter(|alert| alert.value != 0) {
            let name = format!("alert-awaiting {}", word(&awaited));
            let text = look::alert_name(alert.value);
            out.text((awaited.stage(), &name), Weight::Matters, text, [alert.id()]);
        }
    }
}
