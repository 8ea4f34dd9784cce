//! What was seen at each stage, in one line of plain words.

mod gateway;
pub(crate) mod joined;
mod logs;
mod machine;
pub(crate) mod own;
mod path;
mod proxy;
mod rdp_file;
mod session;
mod sign_in;
mod udp;

use std::net::IpAddr;

use rdpdoctor_diagnosis::{Diagnosis, Evidence, Policy, StageReport, StageStatus};
use rdpdoctor_model::{
    Awaited, Certificate, ConnectFailure, Ending, Fact, Icmp, Lookup, Negotiation, Observation,
    Party, Purpose, ResolveFailure, SecurityLayer, SecurityLayerAnswer, ServiceKind, Stage,
    Timestamp,
};

use crate::document::{self, RunContext, StageEntry};
use crate::harmless::clean;

/// Characters of a foreign name or text that a stage's line quotes at most.
const QUOTED: usize = 80;

/// RDP Negotiation protocols (MS-RDPBCGR 2.2.1.2.1).
const PROTOCOL_TLS: u32 = 0x1;
const PROTOCOL_HYBRID: u32 = 0x2;
const PROTOCOL_RDSTLS: u32 = 0x4;
const PROTOCOL_HYBRID_EX: u32 = 0x8;
const PROTOCOL_RDSAAD: u32 = 0x10;

/// HYBRID_REQUIRED_BY_SERVER (MS-RDPBCGR 2.2.1.2.2).
const FAILURE_HYBRID_REQUIRED: u32 = 5;

/// A clock this close is right: the timestamp is taken before the answer travels.
const CLOCK_RIGHT_WITHIN_MS: u64 = 1_500;

/// A stage's name for people.
pub fn stage_label(stage: Stage) -> &'static str {
    match stage {
        Stage::RdpFile => "RDP file",
        Stage::Proxy => "proxy",
        Stage::Gateway => "gateway",
        Stage::Dns => "name",
        Stage::Tcp => "network",
        Stage::X224 => "RDP answer",
        Stage::Tls => "encryption",
        Stage::CredSsp => "sign-in",
        Stage::Mcs => "session setup",
        Stage::Licensing => "licence",
        Stage::Session => "session",
        Stage::Desktop => "desktop",
        Stage::Udp => "UDP",
        Stage::Network => "path",
        Stage::Host => "host",
        Stage::Client => "client",
    }
}

/// The stages of a document: those that reported, and behind them those of the main path that were
/// never begun.
pub(crate) fn stages(
    run: &RunContext,
    diagnosis: &Diagnosis,
    observations: &[Observation],
) -> Vec<StageEntry> {
    let evidence =
        Evidence::new(observations, Some(&run.target), run.started_at, Policy::default());
    let mut entries: Vec<StageEntry> = diagnosis
        .stages
        .iter()
        .map(|report| StageEntry {
            stage: report.stage,
            status: report.status.into(),
            elapsed_ms: whole_ms(report.elapsed_ms),
            detail: detail(report, &evidence),
        })
        .collect();
    if let Some(last_asked) = run.last_stage_asked {
        add_untried(&mut entries, last_asked);
    }
    entries
}

/// Lists the stages of the main path behind the last one that reported, up to the session and as
/// far as was asked, as skipped. Stages before it that did not report are not part of this
/// connection's path (no TLS under Standard RDP Security).
fn add_untried(entries: &mut Vec<StageEntry>, last_asked: Stage) {
    let on_main_path = |stage: Stage| (Stage::Dns..=Stage::Desktop).contains(&stage);
    // A file or a gateway that leads nowhere stops everything behind it.
    let begun = |entry: &&StageEntry| {
        entry.stage <= Stage::Desktop && entry.status != document::StageStatus::Skipped
    };
    let stopped = entries.iter().rfind(begun).filter(|entry| {
        matches!(entry.status, document::StageStatus::Failed | document::StageStatus::Unknown)
    });
    let detail = match stopped {
        Some(entry) => format!("not tested: stopped at {}", stage_label(entry.stage)),
        None => "not tested".to_owned(),
    };
    let last_listed = entries.iter().map(|e| e.stage).rfind(|stage| on_main_path(*stage));
    for stage in Stage::ALL {
        let listed = stage == Stage::CredSsp || stage == Stage::Session || stage <= last_asked;
        if on_main_path(stage) && listed && last_listed.is_none_or(|last| stage > last) {
            let status = document::StageStatus::Skipped;
            entries.push(StageEntry { stage, status, elapsed_ms: 0, detail: detail.clone() });
        }
    }
    entries.sort_by_key(|entry| entry.stage);
}

fn detail(report: &StageReport, evidence: &Evidence<'_>) -> String {
    let reason = report.reason.as_deref().map(|reason| clean(reason, QUOTED * 2));
    if report.status == StageStatus::Skipped {
        return match reason {
            Some(reason) if reason.starts_with("not ") => reason,
            Some(reason) => format!("not tested: {reason}"),
            None => "not tested".to_owned(),
        };
    }
    let seen = match report.stage {
        Stage::RdpFile => rdp_file::words(evidence),
        Stage::Proxy => proxy::words(evidence),
        Stage::Gateway => gateway::words(evidence),
        Stage::Dns => gateway::name(evidence).or_else(|| name(evidence)),
        Stage::Tcp => gateway::network(evidence)
            .or_else(|| proxy::network(evidence))
            .or_else(|| with_way(network(evidence)?, evidence)),
        Stage::X224 => rdp_answer(evidence),
        Stage::Tls => encryption(evidence),
        Stage::CredSsp => sign_in::words(evidence),
        Stage::Mcs => session::setup(evidence),
        Stage::Licensing => session::licence(evidence),
        Stage::Session => session::session(evidence),
        Stage::Desktop => session::desktop(evidence),
        Stage::Udp => udp::words(evidence),
        Stage::Network => path::words(evidence),
        side @ (Stage::Host | Stage::Client) => machine(evidence, side),
    };
    seen.or(reason).unwrap_or_else(|| {
        match report.status {
            StageStatus::Ok => "passed",
            StageStatus::Warned => "passed, with a warning",
            StageStatus::Failed => "failed",
            StageStatus::Skipped => "not tested",
            StageStatus::Unknown => "ended without a result",
        }
        .to_owned()
    })
}

/// What was read of one side's machine, and how it stands to the connection that was seen.
fn machine(evidence: &Evidence<'_>, side: Stage) -> Option<String> {
    let read = machine::words(evidence, side).or_else(|| logs::words(evidence))?;
    Some(joined::around(read, evidence, side))
}

fn name(evidence: &Evidence<'_>) -> Option<String> {
    let answers = evidence.all(|fact| match fact {
        Fact::AddressLiteral { address } => {
            Some(format!("{address} is an address, nothing to look up"))
        }
        Fact::NameResolved { name, addresses, canonical_name, .. } => {
            let alias = canonical_name
                .as_deref()
                .map(|other| format!(" ({})", clean(other, QUOTED)))
                .unwrap_or_default();
            Some(format!("{}{alias} is {}", clean(name, QUOTED), list(addresses, 2)))
        }
        Fact::NameFailed { name, failure, elapsed_ms, .. } => {
            let name = clean(name, QUOTED);
            Some(match failure {
                ResolveFailure::NotFound => format!("{name} is not known"),
                ResolveFailure::NoAddress => format!("{name} is known, but has no address"),
                ResolveFailure::ResolverFailed => {
                    format!("no name server gave an answer for {name}")
                }
                ResolveFailure::Timeout => {
                    format!("no answer for {name} within {}", duration(*elapsed_ms))
                }
            })
        }
        _ => None,
    });
    answers.into_iter().next_back().map(|seen| seen.value)
}

fn network(evidence: &Evidence<'_>) -> Option<String> {
    let connected = evidence
        .main_path(|fact| match fact {
            Fact::TcpConnected { remote, round_trip_ms, .. } => Some((*remote, *round_trip_ms)),
            _ => None,
        })
        .into_iter()
        .next()
        .map(|seen| seen.value);
    let mut failures: Vec<_> = evidence
        .all(|fact| match fact {
            Fact::TcpFailed { remote, failure, icmp, elapsed_ms, .. } => {
                Some((*remote, *failure, icmp, *elapsed_ms))
            }
            _ => None,
        })
        .into_iter()
        .filter(|seen| {
            matches!(
                evidence.purpose(seen.observation),
                None | Some(Purpose::Main | Purpose::OtherAddress)
            )
        })
        .map(|seen| seen.value)
        .collect();
    if let Some((remote, round_trip_ms)) = connected {
        let others: Vec<String> = failures
            .iter()
            .filter(|failure| failure.0 != remote)
            .map(|(other, failure, ..)| {
                let who = match (other.is_ipv6(), remote.is_ipv6()) {
                    (true, false) => "IPv6".to_owned(),
                    (false, true) => "IPv4".to_owned(),
                    _ => other.ip().to_string(),
                };
                format!("{who} {}", failure_word(*failure))
            })
            .take(2)
            .collect();
        let others =
            if others.is_empty() { String::new() } else { format!(" ({})", others.join(", ")) };
        return Some(format!(
            "port {} open, round trip {}{others}",
            remote.port(),
            duration(round_trip_ms)
        ));
    }
    // The failure that says most leads, as in the judging.
    failures.sort_by_key(|(_, failure, ..)| match failure {
        ConnectFailure::Refused => 0,
        ConnectFailure::Reset => 1,
        ConnectFailure::Prohibited => 2,
        ConnectFailure::Timeout => 3,
        ConnectFailure::HostUnreachable => 4,
        ConnectFailure::NetworkUnreachable => 5,
        ConnectFailure::Other => 6,
    });
    let (remote, failure, icmp, elapsed_ms) = failures.first()?;
    let (port, address, took) = (remote.port(), remote.ip(), duration(*elapsed_ms));
    let sender = icmp.as_seen().map(|icmp| format!(" ({})", icmp_words(icmp))).unwrap_or_default();
    let words = match failure {
        ConnectFailure::Refused => format!("port {port} refused by {address} after {took}{sender}"),
        ConnectFailure::Reset => format!("{address} reset port {port} while connecting"),
        ConnectFailure::Prohibited => {
            format!("the way to {address} port {port} is forbidden{sender}")
        }
        ConnectFailure::Timeout => format!("no answer from {address} port {port} within {took}"),
        ConnectFailure::HostUnreachable => format!("no way to {address}{sender}"),
        ConnectFailure::NetworkUnreachable => {
            format!("no route to the network of {address}{sender}")
        }
        ConnectFailure::Other => format!("the system could not connect to {address} port {port}"),
    };
    Some(match failures.len() - 1 {
        0 => words,
        1 => format!("{words}; 1 more address failed"),
        more => format!("{words}; {more} more addresses failed"),
    })
}

/// With what is remarkable about the way out of this machine.
fn with_way(words: String, evidence: &Evidence<'_>) -> Option<String> {
    Some(match own::remarkable(evidence.observations()) {
        Some(way) => format!("{words}; {way}"),
        None => words,
    })
}

fn rdp_answer(evidence: &Evidence<'_>) -> Option<String> {
    let foreign = evidence.main_path(|fact| match fact {
        Fact::ForeignService { service, said, .. } => Some((*service, said)),
        _ => None,
    });
    if let Some(seen) = foreign.last() {
        let (service, said) = (service_name(seen.value.0), clean(seen.value.1, 60));
        let quoted = if said.trim().is_empty() { String::new() } else { format!(": \"{said}\"") };
        return Some(format!("answered by {service}{quoted}"));
    }
    let broken = evidence.main_path(|fact| match fact {
        Fact::X224Malformed { problem, .. } => {
            Some(format!("broken answer: {}", clean(problem, QUOTED)))
        }
        Fact::DisconnectRequest { reason } => {
            Some(format!("refused with an X.224 disconnect request, reason {reason}"))
        }
        _ => None,
    });
    if let Some(seen) = broken.into_iter().next_back() {
        return Some(seen.value);
    }
    let ended = ended_awaiting(evidence, &[Awaited::ConnectionConfirm]);
    let negotiations = evidence.negotiations();
    let Some(last) = negotiations.last() else { return ended };
    let refused_before = negotiations.iter().rev().skip(1).find_map(|seen| match seen.value {
        Negotiation::Failure { code } => Some(code),
        _ => None,
    });
    let words = match last.value {
        Negotiation::None => "Standard RDP Security only".to_owned(),
        Negotiation::Response { selected_protocol, .. } => selected(selected_protocol, evidence),
        Negotiation::Failure { code } => format!("refused: {}", failure_words(code)),
    };
    Some(match refused_before {
        Some(FAILURE_HYBRID_REQUIRED) | None => words,
        Some(code) => format!("{words}, after: {}", failure_words(code)),
    })
}

/// The security layer a server chose. It "requires" NLA only when it was seen to refuse less.
fn selected(protocol: u32, evidence: &Evidence<'_>) -> String {
    match protocol {
        0 => "Standard RDP Security only".to_owned(),
        PROTOCOL_TLS => "takes TLS, without sign-in before the session (no NLA)".to_owned(),
        PROTOCOL_HYBRID | PROTOCOL_HYBRID_EX => {
            let lesser = evidence.all(|fact| match fact {
                Fact::SecurityLayerOffer {
                    layer: SecurityLayer::Rdp | SecurityLayer::Tls,
                    answer,
                    ..
                } => Some(*answer),
                _ => None,
            });
            let takes_less = lesser
                .iter()
                .any(|seen| matches!(seen.value, SecurityLayerAnswer::Accepted { .. }));
            let refuses_less = lesser.iter().any(|seen| {
                seen.value == SecurityLayerAnswer::Refused { code: FAILURE_HYBRID_REQUIRED }
            });
            match (takes_less, refuses_less) {
                (true, _) => "asks for sign-in before the session (NLA), takes less too",
                (false, true) => "requires sign-in before the session (NLA)",
                (false, false) => "asks for sign-in before the session (NLA)",
            }
            .to_owned()
        }
        PROTOCOL_RDSTLS => "takes RDSTLS, as behind a connection broker".to_owned(),
        PROTOCOL_RDSAAD => "takes sign-in with Microsoft Entra".to_owned(),
        other => format!("chose protocol {other:#x}, which nobody offers"),
    }
}

/// RDP Negotiation Failure codes (MS-RDPBCGR 2.2.1.2.2).
fn failure_words(code: u32) -> String {
    let words = match code {
        1 => "it takes TLS or better only",
        2 => "it takes no TLS",
        3 => "it has no certificate for TLS",
        4 => "it found contradicting flags",
        5 => "it requires sign-in before the session (NLA)",
        6 => "it wants TLS with a client certificate",
        7 => "it requires sign-in with Microsoft Entra",
        _ => return format!("failure code {code}"),
    };
    format!("{words} (failure code {code})")
}

fn service_name(service: ServiceKind) -> &'static str {
    match service {
        ServiceKind::Ssh => "an SSH server",
        ServiceKind::Http => "a web server (HTTP)",
        ServiceKind::Tls => "a service that speaks TLS at once (HTTPS?)",
        ServiceKind::Vnc => "a VNC server",
        ServiceKind::Smb => "a file server (SMB)",
        ServiceKind::Ftp => "an FTP server",
        ServiceKind::Smtp => "a mail server (SMTP)",
        ServiceKind::Pop3 => "a mail server (POP3)",
        ServiceKind::Imap => "a mail server (IMAP)",
        ServiceKind::Telnet => "a Telnet server",
        ServiceKind::Mysql => "a MySQL server",
        ServiceKind::RdpLike => "something akin to RDP that is none",
        ServiceKind::Unknown => "something that is no Remote Desktop",
    }
}

fn encryption(evidence: &Evidence<'_>) -> Option<String> {
    let established = evidence
        .main_path(|fact| match fact {
            Fact::TlsEstablished { version, .. } => Some(*version),
            _ => None,
        })
        .pop();
    if let Some(seen) = established {
        let certificate = evidence
            .server_certificate()
            .map(|seen| format!(", {}", certificate_words(seen.value, evidence.judged_at)))
            .unwrap_or_default();
        return Some(format!("{}{certificate}", tls_version(seen.value)));
    }
    let said = evidence.main_path(|fact| match fact {
        Fact::TlsAlert { from, description, .. } => {
            let who = match from {
                Party::Server => "ended with",
                Party::Client => "this side ended it with",
            };
            Some(format!("{who} TLS alert {description}{}", alert_name(*description)))
        }
        Fact::TlsMalformed { problem, .. } => {
            Some(format!("broken TLS answer: {}", clean(problem, QUOTED)))
        }
        _ => None,
    });
    let ended = || ended_awaiting(evidence, &[Awaited::ServerHello, Awaited::HandshakeEnd]);
    let gave_up = || {
        let reasons = evidence.main_path(|fact| match fact {
            Fact::TlsRefused { reason } => {
                Some(format!("this side gave up: {}", clean(reason, QUOTED)))
            }
            _ => None,
        });
        reasons.into_iter().next_back().map(|seen| seen.value)
    };
    let system = || {
        let failed = evidence.main_path(|fact| match fact {
            Fact::SystemTls(system) => {
                let number =
                    system.code.map_or_else(String::new, |code| format!(" ({code:#010x})"));
                Some(format!("{} of this machine gave up{number}", clean(&system.library, QUOTED)))
            }
            _ => None,
        });
        failed.into_iter().next_back().map(|seen| seen.value)
    };
    let said = said.into_iter().next_back().map(|seen| seen.value);
    said.or_else(ended).or_else(gave_up).or_else(system)
}

fn certificate_words(certificate: &Certificate, now: Timestamp) -> String {
    let holder = certificate.subject_common_name.as_deref().unwrap_or(&certificate.subject);
    let issuer = if certificate.self_issued {
        "self-signed".to_owned()
    } else {
        format!("issued by {}", clean(common_name(&certificate.issuer), 40))
    };
    let validity = if certificate.not_after < now {
        format!("expired {}", certificate.not_after.date())
    } else if certificate.not_before > now {
        format!("not valid before {}", certificate.not_before.date())
    } else {
        format!("valid to {}", certificate.not_after.date())
    };
    format!("certificate of {}, {issuer}, {validity}", clean(holder, 40))
}

/// The common name in a distinguished name, or all of it.
fn common_name(distinguished_name: &str) -> &str {
    distinguished_name
        .split(',')
        .find_map(|part| part.trim().strip_prefix("CN="))
        .unwrap_or(distinguished_name)
}

/// A TLS version by its number on the wire.
fn tls_version(version: u16) -> String {
    match version {
        0x0300 => "SSL 3.0".to_owned(),
        0x0301 => "TLS 1.0".to_owned(),
        0x0302 => "TLS 1.1".to_owned(),
        0x0303 => "TLS 1.2".to_owned(),
        0x0304 => "TLS 1.3".to_owned(),
        other => format!("TLS version {other:#06x}"),
    }
}

/// The alerts that occur in a server's refusal (RFC 8446 section 6.2, RFC 5246 section 7.2).
fn alert_name(description: u8) -> &'static str {
    match description {
        0 => " (close notify)",
        10 => " (unexpected message)",
        20 => " (bad record MAC)",
        40 => " (handshake failure)",
        42 => " (bad certificate)",
        47 => " (illegal parameter)",
        49 => " (access denied)",
        50 => " (decode error)",
        70 => " (protocol version)",
        71 => " (insufficient security)",
        80 => " (internal error)",
        112 => " (unrecognized name)",
        116 => " (certificate required)",
        _ => "",
    }
}

/// How the last connection of the main path ended while one of `awaited` was due.
fn ended_awaiting(evidence: &Evidence<'_>, awaited: &[Awaited]) -> Option<String> {
    let ends = evidence.main_path(|fact| match fact {
        Fact::StreamEnded { ending, awaited: was, unfinished, after_ms, .. }
            if awaited.contains(was) =>
        {
            Some((*ending, *was, *unfinished, *after_ms))
        }
        _ => None,
    });
    let (ending, awaited, unfinished, after_ms) = ends.last()?.value;
    let on = match awaited {
        Awaited::ConnectionConfirm => "on the first RDP message",
        Awaited::ServerHello => "on the first encrypted message",
        Awaited::HandshakeEnd => "in the middle of the TLS handshake",
        Awaited::NtlmChallenge => "on the first sign-in message",
        Awaited::PublicKeyBinding => "on the sign-in itself",
        Awaited::EarlyAuthorization => "when asked whether this user may log on",
        Awaited::McsConnectResponse => "on the request for a session",
        Awaited::McsAttachUserConfirm | Awaited::McsChannelJoinConfirm => {
            "while the channels were set up"
        }
        Awaited::License => "after the logon data",
        Awaited::DemandActive => "after licensing",
        Awaited::FontMap => "while the session was set up",
        Awaited::Picture => "before there was a picture",
        Awaited::GatewayAnswer
        | Awaited::GatewayHandshake
        | Awaited::GatewayAuthentication
        | Awaited::GatewayTunnel
        | Awaited::GatewayAuthorization
        | Awaited::GatewayChannel
        | Awaited::GatewayData => "at the gateway",
        Awaited::Disconnect => "when asked to end the session",
        Awaited::ProxyGreeting | Awaited::ProxyAnswer => "before the proxy answered",
        Awaited::Nothing => "at the end",
    };
    let (took, bytes) = (duration(after_ms), bytes(unfinished));
    Some(match ending {
        Ending::Fin => format!("hung up {on} (FIN after {took}, {bytes})"),
        Ending::Reset => format!("cut the connection {on} (RST after {took}, {bytes})"),
        Ending::Timeout => format!("fell silent {on} (waited {took}, {bytes})"),
        Ending::ClosedByClient => format!("closed by this side {on}"),
        Ending::Cancelled => format!("stopped {on}, after {took}"),
        Ending::Failed => format!("the connection failed {on} after {took}"),
    })
}

/// One word for a failed connection beside one that worked.
fn failure_word(failure: ConnectFailure) -> &'static str {
    match failure {
        ConnectFailure::Refused => "refused",
        ConnectFailure::Reset => "reset",
        ConnectFailure::Timeout => "silent",
        ConnectFailure::HostUnreachable | ConnectFailure::NetworkUnreachable => "unreachable",
        ConnectFailure::Prohibited => "forbidden",
        ConnectFailure::Other => "failed",
    }
}

/// An ICMP message with its sender, where known.
pub(crate) fn icmp_words(icmp: &Icmp) -> String {
    let version = if icmp.ip_version == 6 { "v6" } else { "" };
    let from = icmp.from.map(|from| format!(" from {from}")).unwrap_or_default();
    format!("ICMP{version} type {} code {}{from}", icmp.kind, icmp.code)
}

/// A look-up in words.
pub(crate) fn lookup_words<T>(lookup: &Lookup<T>, seen: impl Fn(&T) -> String) -> String {
    match lookup {
        Lookup::Seen { value } => seen(value),
        Lookup::Absent => "none".to_owned(),
        Lookup::Unavailable { why } => format!("could not look: {}", clean(why, QUOTED)),
    }
}

/// A duration as one says it.
pub(crate) fn duration(ms: f64) -> String {
    if ms < 1.0 {
        "under 1 ms".to_owned()
    } else if ms < 1_000.0 {
        format!("{ms:.0} ms")
    } else if ms < 10_000.0 {
        format!("{:.1} s", ms / 1_000.0)
    } else {
        format!("{:.0} s", ms / 1_000.0)
    }
}

fn bytes(count: u64) -> String {
    if count == 1 { "1 byte".to_owned() } else { format!("{count} bytes") }
}

/// Milliseconds, rounded; 0 for what is no duration.
fn whole_ms(ms: f64) -> u64 {
    std::time::Duration::try_from_secs_f64((ms + 0.5) / 1_000.0)
        .ok()
        .and_then(|duration| u64::try_from(duration.as_millis()).ok())
        .unwrap_or(0)
}

/// `a`, `a and b`, `a, b and 3 more`.
fn list(addresses: &[IpAddr], most: usize) -> String {
    let all: Vec<String> = addresses.iter().map(ToString::to_string).collect();
    match all.as_slice() {
        [] => "without an address".to_owned(),
        [one] => one.clone(),
        [one, two] => format!("{one} and {two}"),
        many => format!("{} and {} more", many[..most].join(", "), many.len() - most),
    }
}

#[cfg(test)]
mod tests {
    use rdpdoctor_model::{
        Awaited, Ending, Fact, Mechanism, Negotiation, Party, Purpose, ResolveFailure,
        SecurityLayer, SecurityLayerAnswer, Stage, StageOutcome,
    };

    use crate::testing::{self, Scene, certificate, run};

    /// The words of `stage` when these facts were seen in it.
    fn words(stage: Stage, outcome: StageOutcome, scene: Scene) -> String {
        let document = scene.ended(stage, outcome).document();
        let entry = document.stages.into_iter().find(|entry| entry.stage == stage);
        entry.expect("the stage is listed").detail
    }

    fn confirm(negotiation: Negotiation) -> Fact {
        Fact::ConnectionConfirm { negotiation }
    }

    fn response(selected_protocol: u32) -> Fact {
        confirm(Negotiation::Response { flags: 0, selected_protocol })
    }

    #[test]
    fn names() {
        let failed = |failure| {
            let name = "pc42".into();
            let fact = Fact::NameFailed { name, failure, text: String::new(), elapsed_ms: 5_000.0 };
            words(Stage::Dns, StageOutcome::Stopped, Scene::new().fact(Stage::Dns, fact))
        };
        assert_eq!(failed(ResolveFailure::NotFound), "pc42 is not known");
        assert_eq!(failed(ResolveFailure::Timeout), "no answer for pc42 within 5.0 s");
        let fact = Fact::NameResolved {
            name: "pc42".into(),
            addresses: ["10.0.0.1", "10.0.0.2", "fd00::1"].map(|a| a.parse().expect("one")).into(),
            canonical_name: Some("farm.example".into()),
            elapsed_ms: 1.0,
        };
        assert_eq!(
            words(Stage::Dns, StageOutcome::Passed, Scene::new().fact(Stage::Dns, fact)),
            "pc42 (farm.example) is 10.0.0.1, 10.0.0.2 and 1 more"
        );
    }

    #[test]
    fn who_is_logged_on() {
        let signing_in = |facts: Vec<Fact>| {
            let (library, package) = ("SSPI".to_owned(), "Negotiate".to_owned());
            let (user, service) = ("CORP\\jo".to_owned(), "TERMSRV/pc42".to_owned());
            let began = Fact::SystemSignIn { library, package, user, service };
            let scene = Scene::new().connected().fact(Stage::CredSsp, began);
            let scene =
                facts.into_iter().fold(scene, |scene, fact| scene.fact(Stage::CredSsp, fact));
            words(Stage::CredSsp, StageOutcome::Passed, scene)
        };
        let mechanism = Mechanism::Kerberos;
        let sent = Fact::CredentialSent { mechanism };
        let bound = Fact::PublicKeyBinding { mechanism, matches: true };
        assert_eq!(
            signing_in(vec![sent, bound]),
            "signed in by Kerberos as CORP\\jo, who is logged on"
        );
        let (library, package) = ("SSPI".to_owned(), "Negotiate".to_owned());
        let failed = Fact::SystemSignInFailed { library, package, code: 0x8009_030E };
        assert_eq!(
            signing_in(vec![failed]),
            "Windows did not sign in: 0x8009030E, SEC_E_NO_CREDENTIALS"
        );
    }

    #[test]
    fn the_answer_to_the_first_message() {
        let x224 = |facts: Vec<Fact>| {
            let scene = Scene::new().connected();
            let scene = facts.into_iter().fold(scene, |scene, fact| scene.fact(Stage::X224, fact));
            words(Stage::X224, StageOutcome::Passed, scene)
        };
        let offer = |answer| Fact::SecurityLayerOffer {
            layer: SecurityLayer::Tls,
            requested_protocols: 1,
            answer,
        };
        let nla = "sign-in before the session (NLA)";
        assert_eq!(x224(vec![response(2)]), format!("asks for {nla}"));
        let refused = SecurityLayerAnswer::Refused { code: 5 };
        assert_eq!(x224(vec![response(8), offer(refused)]), format!("requires {nla}"));
        let accepted = SecurityLayerAnswer::Accepted { selected_protocol: 1 };
        assert_eq!(
            x224(vec![response(2), offer(accepted)]),
            format!("asks for {nla}, takes less too")
        );
        assert_eq!(x224(vec![confirm(Negotiation::None)]), "Standard RDP Security only");
        assert_eq!(
            x224(vec![confirm(Negotiation::Failure { code: 2 }), response(0)]),
            "Standard RDP Security only, after: it takes no TLS (failure code 2)"
        );
        assert_eq!(
            x224(vec![confirm(Negotiation::Failure { code: 3 })]),
            "refused: it has no certificate for TLS (failure code 3)"
        );
        assert_eq!(
            x224(vec![confirm(Negotiation::Failure { code: 99 })]),
            "refused: failure code 99"
        );
    }

    #[test]
    fn encryption_and_its_certificate() {
        let tls = |certificate| {
            let document = Scene::new().connected().negotiated().encrypted(certificate).document();
            document.stages.into_iter().find(|e| e.stage == Stage::Tls).expect("listed").detail
        };
        assert_eq!(
            tls(certificate()),
            "TLS 1.3, certificate of PC42, self-signed, valid to 2027-03-01"
        );
        let mut other = certificate();
        other.self_issued = false;
        other.issuer = "C=DE,O=Acme,CN=Acme Issuing CA".into();
        other.not_after = "2026-11-20T00:00:00Z".parse().expect("a moment");
        assert_eq!(
            tls(other.clone()),
            "TLS 1.3, certificate of PC42, issued by Acme Issuing CA, expired 2026-11-20"
        );
        other.not_before = "2026-11-22T00:00:00Z".parse().expect("a moment");
        other.not_after = "2027-11-22T00:00:00Z".parse().expect("a moment");
        assert!(tls(other).ends_with("not valid before 2026-11-22"));
    }

    #[test]
    fn how_a_stage_was_ended() {
        let ended = |ending| {
            let scene = Scene::new().connected().negotiated().stream_ended(
                Stage::Tls,
                ending,
                Awaited::ServerHello,
            );
            words(Stage::Tls, StageOutcome::Stopped, scene)
        };
        let on = "on the first encrypted message";
        assert_eq!(ended(Ending::Fin), format!("hung up {on} (FIN after 17 ms, 0 bytes)"));
        assert_eq!(
            ended(Ending::Reset),
            format!("cut the connection {on} (RST after 17 ms, 0 bytes)")
        );
        assert_eq!(ended(Ending::Timeout), format!("fell silent {on} (waited 17 ms, 0 bytes)"));

        let alert = Fact::TlsAlert {
            from: Party::Server,
            level: 2,
            description: 40,
            awaited: Awaited::ServerHello,
        };
        let scene = Scene::new().connected().negotiated().fact(Stage::Tls, alert).stream_ended(
            Stage::Tls,
            Ending::Fin,
            Awaited::ServerHello,
        );
        assert_eq!(
            words(Stage::Tls, StageOutcome::Stopped, scene),
            "ended with TLS alert 40 (handshake failure)"
        );
    }

    #[test]
    fn a_side_question_says_nothing_about_the_main_path() {
        let scene = Scene::new()
            .connected()
            .negotiated()
            .stream_ended(Stage::Tls, Ending::Timeout, Awaited::ServerHello)
            .connection(Purpose::PlainClientHello, "10.20.4.42:3389")
            .stream_ended(Stage::Tls, Ending::Reset, Awaited::ServerHello);
        assert!(words(Stage::Tls, StageOutcome::Stopped, scene).starts_with("fell silent"));
    }

    #[test]
    fn what_was_never_begun_is_listed_as_such() {
        let listed = |document: crate::Document| -> Vec<(Stage, String)> {
            let skipped = crate::document::StageStatus::Skipped;
            let entries = document.stages.into_iter().filter(|e| e.status == skipped);
            entries.map(|e| (e.stage, e.detail)).collect()
        };
        let stopped = "not tested: stopped at encryption".to_owned();
        assert_eq!(
            listed(testing::dropped_hello(None)),
            [(Stage::CredSsp, stopped.clone()), (Stage::Session, stopped)]
        );
        assert_eq!(listed(testing::healthy()), [(Stage::Session, "not tested".to_owned())]);
        // Under Standard RDP Security neither TLS nor CredSSP is on the path.
        let legacy = Scene::new()
            .connected()
            .fact(Stage::X224, confirm(Negotiation::None))
            .ended(Stage::X224, StageOutcome::Passed)
            .ended(Stage::Mcs, StageOutcome::Passed);
        assert_eq!(listed(legacy.document()), [(Stage::Session, "not tested".to_owned())]);
        let mut nobody_asked = run("pc42");
        nobody_asked.last_stage_asked = None;
        assert_eq!(listed(Scene::new().connected().judged(nobody_asked, Vec::new())), []);
    }
}
