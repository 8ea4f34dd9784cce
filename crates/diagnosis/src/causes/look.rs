//! What several rules look at in the same way.

use std::net::IpAddr;

use rdpdoctor_model::{
    Awaited, Certificate, ChainError, DnsOutcome, Ending, Fact, Lookup, Negotiation, ObservationId,
    Party, ProxyReply, Purpose, ResolveFailure, ServiceKind,
};

use crate::codes::{self, Table};
use crate::evidence::StreamEnd;
use crate::{Evidence, Match, Policy, Proof, Seen, Severity, Trust};

/// The NTLM challenge's names: NetBIOS computer, DNS computer, DNS domain.
pub(crate) struct NtlmNames<'a> {
    pub(crate) netbios: Option<&'a str>,
    pub(crate) dns: Option<&'a str>,
    pub(crate) domain: Option<&'a str>,
}

/// The names by which the server introduced itself.
pub(crate) fn ntlm_names<'a>(evidence: &Evidence<'a>) -> Option<Seen<'a, NtlmNames<'a>>> {
    evidence
        .main_path(|fact| match fact {
            Fact::NtlmChallenge { netbios_computer, dns_computer, dns_domain, .. } => {
                Some(NtlmNames {
                    netbios: netbios_computer.as_deref(),
                    dns: dns_computer.as_deref(),
                    domain: dns_domain.as_deref(),
                })
            }
            _ => None,
        })
        .pop()
}

/// The part before the first dot, in lower case.
pub(crate) fn first_label(name: &str) -> String {
    name.split('.').next().unwrap_or(name).to_lowercase()
}

/// Errors of the chain, if it was looked at.
pub(crate) fn chain<'a>(evidence: &Evidence<'a>) -> Option<Seen<'a, (&'a [ChainError], usize)>> {
    evidence
        .main_path(|fact| match fact {
            Fact::CertificateChain { errors, roots, .. } => Some((errors.as_slice(), *roots)),
            _ => None,
        })
        .pop()
}

/// X509_V_ERR_CERT_HAS_EXPIRED.
pub(crate) const EXPIRED: i32 = 10;

/// Errors with causes of their own, which say nothing about who issued the certificate:
/// X509_V_ERR_UNABLE_TO_GET_CRL, CERT_NOT_YET_VALID, CERT_HAS_EXPIRED, CERT_REVOKED,
/// INVALID_PURPOSE, HOSTNAME_MISMATCH, IP_ADDRESS_MISMATCH, EE_KEY_TOO_SMALL, CA_KEY_TOO_SMALL,
/// CA_MD_TOO_WEAK.
const NOT_ABOUT_TRUST: [i32; 10] = [3, 9, EXPIRED, 23, 26, 62, 64, 66, 67, 68];

/// X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT.
const SELF_SIGNED: i32 = 18;

/// Errors of the chain that mean that its issuer is not trusted.
pub(crate) fn untrusted(errors: &[ChainError]) -> bool {
    errors.iter().any(|error| !NOT_ABOUT_TRUST.contains(&error.code))
}

/// What every Windows host has unless somebody gave it another.
pub(crate) fn self_signed(certificate: &Certificate, errors: &[ChainError]) -> bool {
    certificate.self_issued
        && (errors.iter().any(|error| error.code == SELF_SIGNED) || !untrusted(errors))
}

/// Whether the chain leads to a root that this machine trusts; its dates and usage aside.
pub(crate) fn trusted(evidence: &Evidence<'_>) -> bool {
    chain(evidence).is_some_and(|seen| seen.value.1 > 0 && !untrusted(seen.value.0))
}

/// How a finding about the certificate weighs: `--trust strict` makes each block.
pub(crate) fn certificate_severity(policy: Policy, otherwise: Severity) -> Severity {
    if policy.trust == Trust::Strict { Severity::Blocking } else { otherwise }
}

/// A fatal alert, or a close_notify, of the server while the client waited for `awaited`. Of
/// several, the one that gives a reason.
pub(crate) fn alert<'a>(evidence: &Evidence<'a>, awaited: &[Awaited]) -> Option<Seen<'a, u8>> {
    let alerts = evidence.main_path(|fact| match fact {
        Fact::TlsAlert { from: Party::Server, level, description, awaited: waiting } => {
            (awaited.contains(waiting) && (*level == 2 || *description == 0))
                .then_some(*description)
        }
        _ => None,
    });
    alerts.into_iter().max_by_key(|seen| seen.value != 0)
}

/// The name of an alert (RFC 8446 6, RFC 5246 7.2).
pub(crate) fn alert_name(description: u8) -> &'static str {
    codes::name_of(Table::TlsAlert, u32::from(description)).unwrap_or("unknown alert")
}

/// Whether something came on the main path that is no TLS, or breaks its rules.
pub(crate) fn broken_tls(evidence: &Evidence<'_>) -> bool {
    !evidence.main_path(|f| matches!(f, Fact::TlsMalformed { .. }).then_some(())).is_empty()
}

/// By how many milliseconds the server's clock is ahead of the one that recorded its challenge;
/// negative when it is behind.
pub(crate) fn clock_offset<'a>(evidence: &Evidence<'a>) -> Option<Seen<'a, i64>> {
    let seen = evidence
        .main_path(|fact| match fact {
            Fact::NtlmChallenge { timestamp: Some(timestamp), .. } => Some(*timestamp),
            _ => None,
        })
        .pop()?;
    let value = seen.value.millis_since(seen.observation.at?);
    Some(Seen { observation: seen.observation, value })
}

/// `3 minutes behind`, `2 hours ahead of`.
pub(crate) fn clock_words(offset_ms: i64) -> String {
    let minutes = offset_ms.abs() / 60_000;
    let size = match minutes {
        2880.. => format!("{} days", minutes / 1440),
        120.. => format!("{} hours", minutes / 60),
        _ => format!("{minutes} minutes"),
    };
    format!("{size} {}", if offset_ms < 0 { "behind" } else { "ahead of" })
}

/// How a stream ended, in words.
pub(crate) fn ending(ending: Ending) -> &'static str {
    match ending {
        Ending::Fin => "closed the connection (FIN)",
        Ending::Reset => "reset the connection (RST)",
        Ending::Timeout => "said nothing more",
        _ => "left the connection",
    }
}

/// What a plain second ClientHello met.
pub(crate) enum PlainHello {
    NotTried,
    Answered(ObservationId),
    Alerted(ObservationId, u8),
    Dropped(ObservationId),
    Other,
}

/// What says that a server knows no TLS without a negotiation (MS-RDPBCGR 5.4.2.2): it answers a ClientHello
/// with a packet of its own protocol, or hangs up on it and takes TLS behind a negotiation.
pub(crate) fn wants_negotiation(evidence: &Evidence<'_>) -> Option<Vec<ObservationId>> {
    /// Version and reserved byte of TPKT (RFC 1006 6), in which only Remote Desktop speaks here.
    const TPKT: [u8; 2] = [3, 0];
    let direct = evidence.main_path(|f| matches!(f, Fact::DirectApproach).then_some(())).pop()?;
    let answered = evidence.main_path(|fact| match fact {
        Fact::TlsMalformed { bytes, .. } if bytes.0.starts_with(&TPKT) => Some(()),
        _ => None,
    });
    if let Some(packet) = answered.first().filter(|_| !evidence.tls_established()) {
        return Some(vec![direct.id(), packet.id()]);
    }
    let ended = evidence
        .ended_awaiting(Awaited::ServerHello)
        .filter(|end| matches!(end.value.ending, Ending::Fin | Ending::Reset))?;
    match plain_hello(evidence) {
        PlainHello::Answered(second) => Some(vec![direct.id(), ended.id(), second]),
        _ => None,
    }
}

/// The end of a connection that began with TLS at once, of which nobody tells whether the host hung up on
/// TLS or on not being asked first: the plain second hello, which asks first, was not tried or says nothing.
pub(crate) fn may_want_negotiation<'a>(evidence: &Evidence<'a>) -> Option<Vec<ObservationId>> {
    let direct = evidence.main_path(|f| matches!(f, Fact::DirectApproach).then_some(())).pop()?;
    let ended = evidence.ended_awaiting(Awaited::ServerHello)?;
    let hung_up = matches!(ended.value.ending, Ending::Fin | Ending::Reset);
    let said = ended.value.received > 0 || broken_tls(evidence);
    let open = matches!(plain_hello(evidence), PlainHello::NotTried | PlainHello::Other);
    (hung_up && !said && open).then(|| vec![direct.id(), ended.id()])
}

/// What a plain second ClientHello met.
pub(crate) fn plain_hello(evidence: &Evidence<'_>) -> PlainHello {
    let purpose = Purpose::PlainClientHello;
    let tried = evidence.on(purpose, |f| matches!(f, Fact::ClientHello { .. }).then_some(()));
    let ended = evidence.on(purpose, |fact| match fact {
        Fact::StreamEnded { ending, awaited: Awaited::ServerHello, .. } => Some(*ending),
        _ => None,
    });
    let answered = evidence.on(purpose, |f| matches!(f, Fact::ServerHello { .. }).then_some(()));
    let alerted = evidence.on(purpose, |fact| match fact {
        Fact::TlsAlert { from: Party::Server, level: 2, description, .. } => Some(*description),
        _ => None,
    });
    if let Some(seen) = answered.first() {
        PlainHello::Answered(seen.id())
    } else if let Some(seen) = alerted.first() {
        PlainHello::Alerted(seen.id(), seen.value)
    } else if let Some(seen) = ended.iter().find(|s| matches!(s.value, Ending::Fin | Ending::Reset))
    {
        PlainHello::Dropped(seen.id())
    } else if tried.is_empty() && ended.is_empty() {
        PlainHello::NotTried
    } else {
        PlainHello::Other
    }
}

/// The alert with which the server refuses a client that takes nothing older than TLS 1.2.
pub(crate) fn alert_to_modern<'a>(evidence: &Evidence<'a>) -> Option<Seen<'a, u8>> {
    let asked = evidence.on(Purpose::TlsVersion, |fact| match fact {
        Fact::TlsVersionOffer { oldest: 0x0303, newest: 0x0304, .. } => Some(()),
        _ => None,
    });
    let connection = asked.first()?.observation.connection;
    evidence
        .on(Purpose::TlsVersion, |fact| match fact {
            Fact::TlsAlert { from: Party::Server, level: 2, description, .. } => Some(*description),
            _ => None,
        })
        .into_iter()
        .find(|alert| alert.observation.connection == connection)
}

/// A known foreign service, on the main path or where the service was asked.
pub(crate) fn foreign_service<'a>(
    evidence: &Evidence<'a>,
) -> Option<Seen<'a, (ServiceKind, &'a str)>> {
    let pick = |fact: &'a Fact| match fact {
        Fact::ForeignService { service, said, .. } => Some((*service, said.as_str())),
        _ => None,
    };
    let main = evidence.main_path(pick).pop();
    let asked = evidence.on(Purpose::ServiceProbe, pick).pop();
    main.or(asked.filter(|seen| seen.value.0 != ServiceKind::Unknown))
}

/// Whether something was said on the main path that is no Connection Confirm.
pub(crate) fn broken_answer(evidence: &Evidence<'_>) -> bool {
    !evidence
        .main_path(|fact| {
            matches!(
                fact,
                Fact::X224Malformed { .. }
                    | Fact::DisconnectRequest { .. }
                    | Fact::ForeignService { .. }
            )
            .then_some(())
        })
        .is_empty()
}

/// How the connection on which the service was asked ended before a byte was sent: `Some(true)`
/// when the server hung up by itself, `Some(false)` when it stayed, `None` when none was made.
pub(crate) fn hangs_up_unasked(evidence: &Evidence<'_>) -> Option<(bool, ObservationId)> {
    evidence
        .on(Purpose::ServiceProbe, |fact| match fact {
            Fact::StreamEnded { ending, sent, received, .. } => {
                Some(matches!(ending, Ending::Fin | Ending::Reset) && *sent == 0 && *received == 0)
            }
            _ => None,
        })
        .pop()
        .map(|seen| (seen.value, seen.id()))
}

/// A proof as the rules use it most: sure when `sure`, else only possible.
pub(crate) fn proven_if(sure: bool) -> Proof {
    if sure { Proof::Proven } else { Proof::Possible }
}

/// The last negotiation is the failure `code`: the server states the cause by itself.
pub(crate) fn negotiation_failure(evidence: &Evidence<'_>, code: u32) -> Option<Match> {
    let last = evidence.negotiation()?;
    (last.value == Negotiation::Failure { code })
        .then(|| Match::new(Severity::Blocking, Proof::Proven, [last.id()]))
}

/// Whether somebody signed in. What was refused before, on a connection that tried Kerberos, counts
/// no more then.
pub(crate) fn signed_in(evidence: &Evidence<'_>) -> bool {
    !evidence
        .main_path(|f| matches!(f, Fact::PublicKeyBinding { matches: true, .. }).then_some(()))
        .is_empty()
}

/// The error status in a server's TSRequest, where the sign-in did not succeed.
pub(crate) fn credssp_error<'a>(evidence: &Evidence<'a>) -> Option<Seen<'a, u32>> {
    if signed_in(evidence) {
        return None;
    }
    evidence
        .main_path(|fact| match fact {
            Fact::TsRequest { from: Party::Server, error_code, .. } => {
                error_code.filter(|&c| c != 0)
            }
            _ => None,
        })
        .pop()
}

/// What the client waits for in the sign-in, one after the other.
pub(crate) const SIGN_IN_STEPS: [Awaited; 3] =
    [Awaited::NtlmChallenge, Awaited::PublicKeyBinding, Awaited::EarlyAuthorization];

/// How the connection ended in the middle of the sign-in.
pub(crate) fn sign_in_ended<'a>(evidence: &Evidence<'a>) -> Option<Seen<'a, StreamEnd>> {
    let steps = SIGN_IN_STEPS.into_iter();
    // Behind the proof of the password only the authorisation is waited for.
    let open = steps.filter(|s| *s == Awaited::EarlyAuthorization || !signed_in(evidence));
    open.rev().find_map(|awaited| evidence.ended_awaiting(awaited))
}

/// What had been sent when it ended.
pub(crate) fn sign_in_step(awaited: Awaited) -> &'static str {
    match awaited {
        Awaited::PublicKeyBinding => "The proof of the password had been sent.",
        Awaited::EarlyAuthorization => "The password had been accepted.",
        _ => "No user name and no password had been sent.",
    }
}

/// The observation that the system's resolver failed in this way.
pub(crate) fn name_failed(evidence: &Evidence<'_>, how: ResolveFailure) -> Option<ObservationId> {
    evidence
        .all(|fact| match fact {
            Fact::NameFailed { failure, .. } => (*failure == how).then_some(()),
            _ => None,
        })
        .pop()
        .map(|seen| seen.id())
}

/// Whether the DNS itself has addresses for the name.
pub(crate) fn dns_records(evidence: &Evidence<'_>) -> bool {
    let records = evidence.all(|fact| match fact {
        Fact::DnsAnswer { outcome: DnsOutcome::Records, .. } => Some(()),
        _ => None,
    });
    !records.is_empty()
}

/// Whether the DNS says that the name exists without an address.
pub(crate) fn dns_says_no_data(evidence: &Evidence<'_>) -> bool {
    let answers = evidence.all(|fact| match fact {
        Fact::DnsAnswer { outcome, .. } => Some(outcome),
        _ => None,
    });
    !answers.is_empty() && answers.iter().all(|seen| *seen.value == DnsOutcome::NoData)
}

/// What the hosts file gives the name, where it gives something that leads off this machine.
pub(crate) fn hosts_entry<'a>(evidence: &Evidence<'a>) -> Option<Seen<'a, &'a Vec<IpAddr>>> {
    evidence
        .all(|fact| match fact {
            Fact::HostsFile { entries: Lookup::Seen { value }, .. } => Some(value),
            _ => None,
        })
        .into_iter()
        .find(|seen| seen.value.iter().any(|address| !address.is_loopback()))
}

/// The answers to the questions after signs of life.
pub(crate) fn life<'a>(evidence: &Evidence<'a>) -> Vec<Seen<'a, &'a Lookup<String>>> {
    evidence.all(|fact| match fact {
        Fact::LifeSign { answer, .. } => Some(answer),
        _ => None,
    })
}

/// The ICMP message behind a failed connection, as a sentence that begins with a space.
pub(crate) fn icmp(evidence: &Evidence<'_>) -> Option<String> {
    let seen = evidence
        .all(|fact| match fact {
            Fact::TcpFailed { icmp: Lookup::Seen { value }, .. } => Some(value),
            _ => None,
        })
        .into_iter()
        .next()?;
    let from = seen.value.from.map(|from| format!(" from {from}")).unwrap_or_default();
    Some(format!(" It was ICMP type {} code {}{from}.", seen.value.kind, seen.value.code))
}

/// The proxy as its URL has it, and whether there is a user to sign in with.
pub(crate) fn proxy(evidence: &Evidence<'_>) -> (String, bool) {
    let chosen = evidence.all(|fact| match fact {
        Fact::ProxyChosen { scheme, proxy_host, proxy_port, has_user, .. } => {
            let host = if proxy_host.contains(':') {
                format!("[{proxy_host}]")
            } else {
                proxy_host.clone()
            };
            Some((format!("{}://{host}:{proxy_port}", scheme.id()), *has_user))
        }
        _ => None,
    });
    chosen.into_iter().next_back().map_or_else(|| ("(not named)".to_owned(), false), |s| s.value)
}

/// The last answer of the proxy.
pub(crate) fn proxy_answer<'a>(evidence: &Evidence<'a>) -> Option<Seen<'a, &'a ProxyReply>> {
    evidence
        .all(|fact| match fact {
            Fact::ProxyAnswer { reply, .. } => Some(reply),
            _ => None,
        })
        .pop()
}

/// Whether an answer of a proxy is a step on the way: more was to follow.
pub(crate) fn goes_on(reply: &ProxyReply, has_user: bool) -> bool {
    match reply {
        ProxyReply::SocksMethod { method: 0 } | ProxyReply::SocksSignIn { status: 0 } => true,
        ProxyReply::SocksMethod { method: 2 } => has_user,
        _ => false,
    }
}

/// Whether a proxy made the connection to the target.
pub(crate) fn tunnelled(evidence: &Evidence<'_>) -> bool {
    !evidence.main_path(|f| matches!(f, Fact::TunnelOpened { .. }).then_some(())).is_empty()
}

/// Not one byte came through a proxy's tunnel: some proxies consent before they have a connection, so
/// this says less of the host than it would without one.
pub(crate) fn weaker_through_a_tunnel(evidence: &Evidence<'_>, mut found: Match) -> Match {
    if !tunnelled(evidence) {
        return found;
    }
    found.proof = Proof::Possible;
    found.detailed("A proxy that consents before it has a connection looks the same.")
}

/// The proxy took the request and said nothing within the time: it may still wait for the target.
pub(crate) fn proxy_waits(evidence: &Evidence<'_>) -> Option<ObservationId> {
    let ends = evidence.on(Purpose::Proxy, |fact| match fact {
        Fact::StreamEnded { ending: Ending::Timeout, awaited: Awaited::ProxyAnswer, .. } => {
            Some(())
        }
        _ => None,
    });
    let by_gateway = crate::gateway_place(evidence.observations()).is_some();
    ends.last().filter(|_| !by_gateway && !tunnelled(evidence)).map(Seen::id)
}

/// Says that it is a proxy's word, where it is one: the target was not asked by this machine.
pub(crate) fn by_proxy(evidence: &Evidence<'_>) -> Option<String> {
    let told = evidence.all(|fact| match fact {
        Fact::ProxyAnswer { reply, .. } if reply.on_target().is_some() => Some(reply),
        _ => None,
    });
    let words = match told.last()?.value {
        ProxyReply::Http { status, error: Some(error), .. } => {
            format!("HTTP status {status}, {error}")
        }
        ProxyReply::Http { status, .. } => format!("HTTP status {status}"),
        ProxyReply::SocksReply { code } => format!("SOCKS reply {code}"),
        _ => return None,
    };
    Some(format!("It is the proxy that says so ({words}); seen from here it may be otherwise."))
}

/// The name by which the server introduced itself, when it is not the target's: by NTLM only, never
/// for addresses and loopback names.
pub(crate) fn other_name(evidence: &Evidence<'_>) -> Option<(ObservationId, String)> {
    let target = evidence.target?;
    if target.is_address() || target.host.eq_ignore_ascii_case("localhost") {
        return None;
    }
    let names = ntlm_names(evidence)?;
    let wanted = first_label(&target.host);
    let own: Vec<&str> = [names.value.dns, names.value.netbios].into_iter().flatten().collect();
    // A NetBIOS name is cut after 15 characters.
    let same = own.iter().any(|name| {
        let label = first_label(name);
        label == wanted || (label.len() == 15 && wanted.starts_with(&label))
    });
    if same { None } else { own.first().map(|name| (names.id(), (*name).to_owned())) }
}

/// A series of echo requests.
pub(crate) struct EchoSeries {
    pub(crate) bytes: u32,
    pub(crate) sent: u32,
    pub(crate) lost: u32,
    pub(crate) median_ms: Option<f64>,
}

impl EchoSeries {
    pub(crate) fn words(&self) -> String {
        let Self { bytes, sent, lost, .. } = self;
        format!("Of {sent} echo requests of {bytes} bytes {lost} were lost.")
    }
}

/// Shorter than any link's MTU.
const SHORT_ECHO: u32 = 500;

/// The series of short echo requests.
pub(crate) fn echo_series<'a>(evidence: &Evidence<'a>) -> Option<Seen<'a, EchoSeries>> {
    series(evidence, |bytes| bytes < SHORT_ECHO)
}

/// The series of those as long as Ethernet's MTU.
pub(crate) fn long_echo_series<'a>(evidence: &Evidence<'a>) -> Option<Seen<'a, EchoSeries>> {
    series(evidence, |bytes| bytes >= SHORT_ECHO)
}

fn series<'a>(evidence: &Evidence<'a>, fits: impl Fn(u32) -> bool) -> Option<Seen<'a, EchoSeries>> {
    let all = evidence.all(|fact| match *fact {
        Fact::EchoSeries { bytes, sent, lost, median_ms, .. } if fits(bytes) => {
            Some(EchoSeries { bytes, sent, lost, median_ms })
        }
        _ => None,
    });
    all.into_iter().next_back()
}
