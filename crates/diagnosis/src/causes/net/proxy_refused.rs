//! The proxy makes no connection: it is not there, is no proxy, or does not want to.

use rdpdoctor_model::{
    Awaited, CauseId, ConnectFailure, Ending, Fact, ObservationId, ProxyReply, Purpose, Stage,
};

use crate::causes::{advice, look};
use crate::{
    Cause, ClientCode, Evidence, Match, NextTest, Owner, Proof, Remedy, Reproduction, Risk, Seen,
    Severity, Where,
};

/// `net.proxy-refused`
pub static CAUSE: Cause = Cause {
    id: CauseId("net.proxy-refused"),
    stage: Stage::Proxy,
    owner: Owner::Network,
    title: "The proxy on the way to {host} makes no connection",
    explanation: "The connection goes through a proxy, and it ends there. Proxies let most ports through to nobody: CONNECT is often allowed to port 443 only. The Remote Desktop client of Windows itself uses no proxy for a direct connection, so a proxy stands in its way only where a program or a VPN puts it there.",
    excludes: &[
        "the host itself: it was not reached",
        "certificate, password, account, licence: none was reached",
    ],
    remedies: &[
        Remedy {
            id: "see-whether-the-proxy-is-right",
            place: Where::Client,
            risk: Risk::Low,
            title: "See whether this is the right proxy, and whether one is needed at all",
            steps: &[
                "Compare scheme, name and port with what the proxy's owner says; http and socks5 are different proxies.",
                "PS> netsh winhttp show proxy; Get-ItemProperty 'HKCU:\\Software\\Microsoft\\Windows\\CurrentVersion\\Internet Settings' | Select-Object ProxyServer, ProxyOverride, AutoConfigURL",
                "$ env | grep -i proxy",
                "Try without it: run the check with ALL_PROXY unset and without --proxy.",
            ],
            interrupts: "nothing",
            undo: advice::NOTHING_TO_UNDO,
            verify: "rdpdoctor check {target} with the same --proxy gets past 'proxy'",
        },
        Remedy {
            id: "let-the-proxy-allow-it",
            place: Where::Network,
            risk: Risk::Low,
            title: "Ask the proxy's owner to allow {host} port {port}",
            steps: &[
                "$ rdpdoctor check {target} --text network",
                "The proxy's log has the request at that time, and the rule that refused it. Allow this one host and port, not every port.",
            ],
            interrupts: "nothing",
            undo: &["Take the rule back."],
            verify: "rdpdoctor check {target} with the same --proxy gets past 'proxy'",
        },
    ],
    references: &[
        "RFC 9110 9.3.6",
        "RFC 9110 15",
        "RFC 1928 6",
        "https://learn.microsoft.com/en-us/windows-server/administration/windows-commands/netsh-winhttp",
    ],
    client_shows: &[ClientCode { code: 0x204, extended: Some(0), proof: Proof::Possible }],
    more_specific_than: &[],
    reproduction: Reproduction::Lab(&[
        "proxy-refused",
        "proxy-failed",
        "proxy-garbage",
        "proxy-closed",
        "proxy-silent",
    ]),
    next_tests: &[
        NextTest {
            why: "with more patience: a proxy that waits for the host says so in the end",
            command: "rdpdoctor check {target} --timeout 120 --proxy <the same>",
        },
        advice::FROM_ELSEWHERE,
    ],
    rule,
};

fn rule(evidence: &Evidence<'_>) -> Option<Match> {
    if look::tunnelled(evidence) {
        return by_empty_tunnel(evidence);
    }
    let (proxy, has_user) = look::proxy(evidence);
    if look::proxy_answer(evidence).is_some_and(|said| !look::goes_on(said.value, has_user)) {
        return by_answer(evidence);
    }
    not_reached(evidence, &proxy)
        .or_else(|| by_certificate(evidence, &proxy))
        .or_else(|| by_end(evidence, &proxy))
}

fn found(
    proof: Proof,
    ids: impl IntoIterator<Item = ObservationId>,
    title: String,
) -> Option<Match> {
    Some(Match::new(Severity::Blocking, proof, ids).titled(title))
}

/// It consented, and not a byte came through: some consent before they have a connection.
fn by_empty_tunnel(evidence: &Evidence<'_>) -> Option<Match> {
    let ended = evidence.ended_awaiting(Awaited::ConnectionConfirm)?;
    let over = matches!(ended.value.ending, Ending::Fin | Ending::Reset | Ending::Timeout);
    // Who waits for a word before it hangs up is there.
    let listened = matches!(look::hangs_up_unasked(evidence), Some((false, _)));
    if !over || ended.value.received > 0 || listened {
        return None;
    }
    let (proxy, _) = look::proxy(evidence);
    let title = format!("The proxy {proxy} consents, and may have no connection to the host");
    Some(found(Proof::Possible, [ended.id()], title)?.at_stage(Stage::X224))
}

/// What it says of itself, or of nothing in particular.
fn by_answer(evidence: &Evidence<'_>) -> Option<Match> {
    let (proxy, has_user) = look::proxy(evidence);
    let proxy = proxy.as_str();
    let answer = look::proxy_answer(evidence)?;
    if answer.value.granted() || answer.value.on_target().is_some() {
        return None;
    }
    let by_rule = format!("The rules of the proxy {proxy} forbid this connection");
    let (proof, title, detail) = match answer.value {
        ProxyReply::SocksReply { code: 2 } => {
            (Proof::Proven, by_rule, "SOCKS reply 2, not allowed by ruleset.".to_owned())
        }
        ProxyReply::Http { status: 403, phrase, .. } => {
            (Proof::Proven, by_rule, format!("HTTP status 403 {phrase}."))
        }
        ProxyReply::Http { status: 407, .. } => return None,
        ProxyReply::Http { status: 401, .. } if has_user => return None,
        ProxyReply::SocksMethod { .. } | ProxyReply::SocksSignIn { .. } => return None,
        ProxyReply::Http { status: status @ (400 | 404 | 405 | 501), phrase, .. } => (
            Proof::Likely,
            format!("{proxy} does not take requests for connections: a web server?"),
            format!("It answered CONNECT with HTTP status {status} {phrase}."),
        ),
        ProxyReply::Http { status, phrase, error, .. } => {
            let more = error.as_ref().map(|error| format!(" ({error})")).unwrap_or_default();
            let dns = error.as_ref().is_some_and(|e| e.contains("dns_") || e.contains("ERR_DNS"));
            let title = if dns {
                format!("The proxy {proxy} finds no address for this name")
            } else {
                not_made(proxy)
            };
            (Proof::Likely, title, format!("HTTP status {status} {phrase}{more}."))
        }
        ProxyReply::SocksReply { code: 8 } => (
            Proof::Likely,
            format!("The proxy {proxy} does not take this kind of address"),
            "SOCKS reply 8, address type not supported.".to_owned(),
        ),
        ProxyReply::SocksReply { code } => {
            (Proof::Likely, not_made(proxy), format!("SOCKS reply {code}."))
        }
        ProxyReply::Malformed { problem, .. } => (
            Proof::Proven,
            format!("What answers at {proxy} is no such proxy"),
            format!("Its answer breaks the rules: {problem}."),
        ),
    };
    Some(found(proof, [answer.id()], title)?.detailed(detail))
}

fn not_made(proxy: &str) -> String {
    format!("The proxy {proxy} could not make the connection, and does not say why")
}

/// Nobody is there.
fn not_reached(evidence: &Evidence<'_>, proxy: &str) -> Option<Match> {
    let unknown = evidence.all(|f| matches!(f, Fact::ProxyNameFailed { .. }).then_some(()));
    if let Some(seen) = unknown.last() {
        let title = format!("The name of the proxy {proxy} has no address");
        return found(Proof::Proven, [seen.id()], title);
    }
    let connected =
        evidence.on(Purpose::Proxy, |fact| matches!(fact, Fact::TcpConnected { .. }).then_some(()));
    let failed = evidence.on(Purpose::Proxy, |fact| match fact {
        Fact::TcpFailed { failure, .. } => Some(*failure),
        _ => None,
    });
    let last = failed.last().filter(|_| connected.is_empty())?;
    let title = match last.value {
        ConnectFailure::Refused => format!("The proxy {proxy} is down: nothing listens there"),
        ConnectFailure::Timeout => format!("The proxy {proxy} does not answer"),
        _ => format!("The proxy {proxy} cannot be reached"),
    };
    found(Proof::Proven, failed.iter().map(Seen::id), title)
}

/// A proxy inside TLS whom nothing vouches for.
fn by_certificate(evidence: &Evidence<'_>, proxy: &str) -> Option<Match> {
    let chain = evidence.on(Purpose::Proxy, |fact| match fact {
        Fact::CertificateChain { errors, .. } => errors.first(),
        _ => None,
    });
    let ended = ends(evidence).pop()?;
    let error = chain.last().filter(|_| ended.value.1 == Awaited::Nothing)?;
    let title = format!("The certificate of the proxy {proxy} is not trusted");
    let detail = format!("{}; --trust any goes on all the same.", error.value.text);
    Some(found(Proof::Proven, [error.id()], title)?.detailed(detail))
}

/// How the last connection to the proxy ended.
fn by_end(evidence: &Evidence<'_>, proxy: &str) -> Option<Match> {
    let ended = ends(evidence).pop()?;
    let (ending, awaited) = ended.value;
    let in_tls = matches!(awaited, Awaited::ServerHello | Awaited::HandshakeEnd);
    let in_clear =
        evidence.on(Purpose::Proxy, |fact| matches!(fact, Fact::TlsMalformed { .. }).then_some(()));
    if let Some(answer) = in_clear.first().filter(|_| in_tls) {
        let title = format!("The proxy {proxy} answers TLS with something else");
        let found = found(Proof::Likely, [answer.id(), ended.id()], title)?;
        return Some(found.detailed(
            "A proxy that is spoken to in clear is named with http://, not https://.".to_owned(),
        ));
    }
    let (proof, title) = match (ending, awaited) {
        (Ending::Cancelled, _) | (_, Awaited::Nothing) => return None,
        (Ending::ClosedByClient, _) if !in_tls => return None,
        _ if in_tls => (Proof::Likely, format!("TLS with the proxy {proxy} fails")),
        (Ending::Timeout, Awaited::ProxyAnswer) => {
            (Proof::Possible, format!("The proxy {proxy} takes the request and stays silent"))
        }
        (Ending::Timeout, _) => {
            (Proof::Likely, format!("The proxy {proxy} accepts the connection and stays silent"))
        }
        _ => (Proof::Likely, format!("The proxy {proxy} hangs up without a word")),
    };
    found(proof, [ended.id()], title)
}

fn ends<'a>(evidence: &Evidence<'a>) -> Vec<Seen<'a, (Ending, Awaited)>> {
    evidence.on(Purpose::Proxy, |fact| match fact {
        Fact::StreamEnded { ending, awaited, .. } => Some((*ending, *awaited)),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use rdpdoctor_model::{ConnectFailure, Hex, Lookup};

    use super::*;
    use crate::testing::Scene;

    fn proof(scene: &Scene) -> Option<Proof> {
        scene.judge(&CAUSE).map(|found| found.proof)
    }

    fn socks(code: u8) -> Scene {
        Scene::new().proxy_answer(ProxyReply::SocksReply { code })
    }

    #[test]
    fn a_rule_of_the_proxy_is_stated_a_failure_is_not() {
        assert_eq!(proof(&socks(2)), Some(Proof::Proven));
        assert_eq!(proof(&Scene::new().proxy_status(403, &[])), Some(Proof::Proven));
        for scene in [socks(1), socks(7), socks(99), Scene::new().proxy_status(502, &[])] {
            assert_eq!(proof(&scene), Some(Proof::Likely));
        }
        let malformed =
            ProxyReply::Malformed { problem: "no HTTP".to_owned(), bytes: Hex(vec![0]) };
        assert_eq!(proof(&Scene::new().proxy_answer(malformed)), Some(Proof::Proven));
    }

    #[test]
    fn near_miss_words_about_the_target_and_about_the_sign_in() {
        for scene in [
            socks(3),
            socks(4),
            socks(5),
            socks(6),
            Scene::new().proxy_status(504, &[]),
            Scene::new().proxy_status(407, &["Basic"]),
            Scene::new().proxy_answer(ProxyReply::SocksMethod { method: 0xFF }),
            Scene::new().proxy_status(200, &[]).tunnel(),
            Scene::new().connected("10.0.0.1:3389"),
            Scene::new().refused("10.0.0.1:3389"),
            // It said all, and then left.
            socks(5).ended(Ending::Fin, Awaited::ProxyAnswer),
            Scene::new().proxy_status(407, &[]).ended(Ending::Reset, Awaited::ProxyAnswer),
        ] {
            assert_eq!(proof(&scene), None);
        }
    }

    fn failed(scene: Scene, failure: ConnectFailure) -> Scene {
        let remote = "10.0.0.8:3128".parse().expect("an address");
        let (icmp, os_error, elapsed_ms) = (Lookup::Absent, None, 1.0);
        let fact = Fact::TcpFailed { remote, failure, icmp, os_error, elapsed_ms };
        scene.proxy().fact(Stage::Proxy, fact)
    }

    #[test]
    fn a_proxy_that_is_down_is_not_the_host() {
        let scene = failed(Scene::new(), ConnectFailure::Refused);
        let found = scene.judge(&CAUSE).expect("fits");
        assert!(found.title.is_some_and(|title| title.contains("is down")));
        assert_eq!(scene.judge(&crate::causes::net::refused::CAUSE), None);
        // The second address of its name worked.
        assert_eq!(proof(&failed(Scene::new(), ConnectFailure::Refused).proxy().tunnel()), None);
    }

    #[test]
    fn a_tunnel_through_which_nothing_comes() {
        let ended = |received| {
            let scene = Scene::new().proxy().tunnel();
            scene.ended_with(Ending::Fin, Awaited::ConnectionConfirm, received, 47)
        };
        assert_eq!(proof(&ended(0)), Some(Proof::Possible));
        assert_eq!(proof(&ended(4)), None);
        let straight = Scene::new().connected("10.0.0.1:3389");
        let straight = straight.ended_with(Ending::Fin, Awaited::ConnectionConfirm, 0, 47);
        assert_eq!(proof(&straight), None);
    }

    #[test]
    fn silence_after_the_request_may_be_the_hosts() {
        let ended = |ending, awaited| Scene::new().proxy().ended(ending, awaited);
        assert_eq!(proof(&ended(Ending::Timeout, Awaited::ProxyAnswer)), Some(Proof::Possible));
        assert_eq!(proof(&ended(Ending::Timeout, Awaited::ProxyGreeting)), Some(Proof::Likely));
        assert_eq!(proof(&ended(Ending::Reset, Awaited::ProxyAnswer)), Some(Proof::Likely));
        assert_eq!(proof(&ended(Ending::Cancelled, Awaited::ProxyAnswer)), None);
    }
}
